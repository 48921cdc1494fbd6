# nghttpx as a proxy from HTTP/1.1 to HTTP/1.1.
packages="nghttp2-proxy python3-aiohttp"
runtime=C++
varies=yes
scenarios="small large chunked HEAD 204 304 redirect events stream tokens"
bodies="chunked events stream tokens"
behind=yes
server() {
	run nghttpx --conf=/dev/null --workers=1 -f "127.0.0.1,$port;no-tls" -b "127.0.0.1,$backend"
}
