# http.server with TLS; curl asks it.
packages="python3 curl openssl"
runtime=CPython
scenarios="small large HEAD"
relay=connection
varies=yes # because the handshake's session tickets do
cannot="TLS: what it writes is not HTTP any more"
instead="have a proxy end the TLS, and run the program behind it without"
server() {
	[ -f "$work/pem" ] || {
		openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -subj /CN=localhost \
			-keyout "$work/pem" >"$work/certificate" && cat "$work/certificate" >>"$work/pem"
	}
	run /usr/bin/python3 "$apps/tls_server.py" "$port" "$work/pem" "$files"
}
asker() {
	for n in $(seq "$count"); do
		case $scenario in
			HEAD) curl -sSkI -m 20 "https://127.0.0.1:$port/small?$n" || return ;;
			*) curl -sSk -m 20 "https://127.0.0.1:$port/$scenario?$n" || return ;;
		esac
	done
}
