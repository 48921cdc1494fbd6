# A GET that leaves in one write for each line of its head: complete, hence gone, with the last.
client() {
	start_responder --count 11
	(run "$exchange" --count 11 --pieces --deadline 20000 127.0.0.1 "$port" /state)
}
scenario() { in_time GET last_us client; }
