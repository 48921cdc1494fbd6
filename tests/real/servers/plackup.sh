packages=libplack-perl
runtime=Perl
scenarios="small large chunked file HEAD 304 redirect events stream"
server() {
	FILE=$files/small run plackup -E production -s HTTP::Server::PSGI --no-default-middleware \
		-o 127.0.0.1 -p "$port" "$apps/psgi.pl"
}
