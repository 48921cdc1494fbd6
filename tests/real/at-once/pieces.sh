# A GET whose head is written line by line. It is complete with the last line, and must then be sent at once.
client() {
	start_responder --count 11
	(run "$exchange" --count 11 --pieces --deadline 20000 127.0.0.1 "$port" /state)
}
scenario() { in_time GET last_us client; }
