# The answers to HEAD by the workers of a cluster, and a tunnel through one of them each time.
. "$real/servers/node-cluster.sh"
packages="nodejs curl"
. "$real/tunnels"
scenario() {
	start server
	in_time HEAD last_us ask 200 --close --method HEAD 127.0.0.1 "$port" /small
	in_time GET last_us ask 200 --close 127.0.0.1 "$port" /small
	proxy_port=$port
	in_time CONNECT seconds tunnels
	stop
}
