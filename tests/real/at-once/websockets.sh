# The handshake, which exchange asks for; then client and server run under the library, and a message is echoed.
. "$real/servers/websockets.sh"
at_once=upgrade
client() { (run /usr/bin/python3 "$apps/websockets_client.py" "$port"); }
scenario() {
	start server
	ask_at_once
	in_time handshake handshake_us client
	in_time message message_us client
	stop
}
