# The end of a log, as it grows: a head, and tail -f behind it.
packages="socat coreutils"
runtime=C
varies=yes
scenarios=tokens
bodies=tokens
server() {
	cp "$apps/log-tail" "$work/log-tail" && cd "$work" &&
		run socat "TCP-LISTEN:$port,bind=127.0.0.1,reuseaddr,fork" SYSTEM:./log-tail
}
