# rinetd, which passes bytes on as they come.
packages="rinetd python3-aiohttp"
runtime=C
varies=yes
scenarios="small large chunked HEAD 204 304 redirect events stream tokens continue"
bodies="chunked events stream tokens"
behind=yes
server() {
	printf '127.0.0.1 %s 127.0.0.1 %s\n' "$port" "$backend" >"$work/rinetd.conf"
	run rinetd -f -c "$work/rinetd.conf"
}
