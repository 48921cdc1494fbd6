# The end of a growing log: a shell script writes a head, and a chunk for each line that tail -f shows.
packages="socat coreutils"
runtime=C
varies=yes
scenarios=tokens
bodies=tokens
server() {
	cp "$apps/log-tail" "$work/log-tail" && cd "$work" &&
		run socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" SYSTEM:./log-tail
}
