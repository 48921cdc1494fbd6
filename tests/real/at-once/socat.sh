# socat as a relay that forks for each connection.
packages="socat python3-aiohttp"
server() { run socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" "TCP:127.0.0.1:$backend"; }
scenario() {
	start_backend
	start server
	in_time HEAD last_us ask 200 --close --method HEAD 127.0.0.1 "$port" /small
	in_time 304 last_us ask 304 --close 127.0.0.1 "$port" /fresh
	stop
}
