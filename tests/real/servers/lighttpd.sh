packages=lighttpd
runtime=C
scenarios="small large cgi HEAD 304 redirect"
ask_static
ask_cgi=/cgi-bin/answer
server() {
	mkdir -p "$work/cgi-bin" && cp "$apps/cgi-answer" "$work/cgi-bin/answer"
	printf '%s\n' "server.port = $port" 'server.bind = "127.0.0.1"' "server.document-root = \"$files\"" \
		'server.modules = ("mod_alias", "mod_cgi")' "alias.url = (\"/cgi-bin/\" => \"$work/cgi-bin/\")" \
		'cgi.assign = ("answer" => "")' >"$work/lighttpd.conf"
	run lighttpd -D -f "$work/lighttpd.conf"
}
