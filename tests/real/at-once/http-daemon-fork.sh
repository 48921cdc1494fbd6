# HTTP::Daemon with a process for each connection.
. "$real/servers/http-daemon-fork.sh"
scenario() {
	start server
	in_time HEAD last_us ask 200 --method HEAD 127.0.0.1 "$port" /small
	stop
}
