packages="haproxy python3-aiohttp"
runtime=C
bodies="chunked stream events"
varies=yes
why_large="its writes carry MSG_MORE of its own, so they are left alone"
scenarios="small large chunked HEAD 304 redirect continue upgrade events stream"
behind=yes
server() {
	printf '%s\n' 'defaults' ' mode http' ' timeout connect 5s' ' timeout client 20s' ' timeout server 20s' \
		'frontend front' " bind 127.0.0.1:$port" ' default_backend back' \
		'backend back' " server one 127.0.0.1:$backend" >"$work/haproxy.conf"
	run haproxy -db -f "$work/haproxy.conf"
}
