# nghttpd: HTTP/2 without TLS.
packages="nghttp2-server curl"
runtime=C++
scenarios="small large HEAD"
relay=connection
varies=yes
cannot="HTTP/2: frames have no such head"
instead="nothing is needed: frames share their writes"
server() { run nghttpd --no-tls -a 127.0.0.1 -d "$files" "$port"; }
asker() {
	for n in $(seq "$count"); do
		case $scenario in
			HEAD) curl -sSI --http2-prior-knowledge -m 20 "$url/small?$n" || return ;;
			*) curl -sS --http2-prior-knowledge -m 20 "$url/$scenario?$n" || return ;;
		esac
	done
}
