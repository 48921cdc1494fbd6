# nginx with sendfile and tcp_nopush off, as Debian's nginx would be without the tcp_nopush line of its configuration.
packages=nginx
runtime=C
scenarios="small large text HEAD 304 redirect continue"
hold=memory
ask_static
ask_text="--body 200 /text"
ask_continue="--expect --body 200 /text"
server() {
	sed "s|@port@|$port|; s|@files@|$files|; s|@work@|$work|" "$apps/nginx.conf" >"$work/nginx.conf"
	run nginx -e stderr -p "$work" -c "$work/nginx.conf"
}
