# Answers to HEAD and GET by the workers of a node cluster, and tunnels through them.
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
