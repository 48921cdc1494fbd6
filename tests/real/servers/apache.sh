# Apache with mpm_prefork and EnableSendfile, and a CGI program.
packages=apache2-bin
runtime=C
bodies=cgi
why_cgi="reads from the connection between head and body, which lets go of the head; \
the 50 ms that it takes now and then are its own, bare as well"
varies=yes
scenarios="small large cgi HEAD 304 redirect"
ask_static
ask_cgi=/cgi-bin/answer
server() {
	mkdir -p "$work/cgi-bin" && cp "$apps/cgi-answer" "$work/cgi-bin/answer"
	sed "s|@port@|$port|; s|@files@|$files|; s|@work@|$work|" "$apps/apache.conf" >"$work/apache.conf"
	run apache2 -X -d "$work" -f "$work/apache.conf"
}
