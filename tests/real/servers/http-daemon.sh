# HTTP::Daemon in one process.
packages=libhttp-daemon-perl
runtime=Perl
scenarios="small large chunked file HEAD 304 redirect"
server() { run perl "$apps/http_daemon.pl" "$port" "$files/small"; }
