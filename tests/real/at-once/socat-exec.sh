# A program that socat starts for each connection, with the connection as its standard input and output, as inetd does.
packages="socat python3"
server() {
	run socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" "EXEC:/usr/bin/python3 $apps/inetd_server.py,nofork"
}
scenario() {
	start server
	in_time HEAD last_us ask 200 --method HEAD 127.0.0.1 "$port" /small
	in_time GET last_us ask 200 127.0.0.1 "$port" /small
	stop
}
