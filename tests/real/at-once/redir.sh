# redir, a relay that forks for each connection; and redir as inetd starts it, where it reads from one descriptor number
# and writes to another.
packages="redir socat python3-aiohttp"
server() { run redir -n "127.0.0.1:$port" "127.0.0.1:$backend"; }
by_inetd() {
	run socat "TCP-LISTEN:$inetd_port,bind=127.0.0.1,reuseaddr,fork" "EXEC:redir -i 127.0.0.1\\:$backend,nofork"
}
scenario() {
	start_backend
	start server
	in_time HEAD last_us ask 200 --close --method HEAD 127.0.0.1 "$port" /small
	in_time 304 last_us ask 304 --close 127.0.0.1 "$port" /fresh
	inetd_port=$(free_port)
	start by_inetd
	in_time HEAD-inetd last_us ask 200 --close --method HEAD 127.0.0.1 "$inetd_port" /small
	stop
}
