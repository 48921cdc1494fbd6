# CONNECT to a proxy and a request through the tunnel, a new tunnel each time. Client and proxy run under the library.
packages="tinyproxy-bin curl"
. "$real/tunnels"
server() {
	printf 'Port %s\nListen 127.0.0.1\nMaxClients 20\nTimeout 30\n' "$proxy_port" >"$work/tinyproxy.conf"
	run tinyproxy -d -c "$work/tinyproxy.conf"
}
scenario() {
	proxy_port=$port
	start server
	"$exchange" --count 1 --deadline 20000 127.0.0.1 "$proxy_port" >"$work/proxy" 2>&1 ||
		fail "the proxy does not answer: $(cat "$work/proxy")"
	in_time CONNECT seconds tunnels
	stop
}
