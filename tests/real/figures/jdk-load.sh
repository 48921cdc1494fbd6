# Requests per second of the JDK's server on 4 kept-alive connections, bare and under the library by turns: three pairs
# of a second each. The best pair counts: the bare server waits for timers, so a busy machine slows only the other one.
. "$real/servers/jdk-httpserver.sh"

# load PORT: prints the requests per second.
load() {
	"$exchange" --connections 4 --seconds 1 --deadline 20000 127.0.0.1 "$1" /small 2>"$work/load.log" |
		sed 's/.*requests_per_s=//'
}

figure() {
	for phase in bare shim; do
		port=$(free_port)
		start server
		eval "${phase}_port=$port"
		load "$port" >/dev/null # waits until the server answers, and warms it up
	done
	for _ in 1 2 3; do
		echo "$(load "$bare_port") $(load "$shim_port")"
	done >"$work/pairs"
	stop
	awk -v name="$name" -v version="$(version)" '
		NF == 2 && $1 > 0 && $2 / $1 > times {
			times = $2 / $1
			pair = $1 " -> " $2
		}
		END {
			printf "%-22s %-12s requests/s: %s (%d times)\n", name, version, pair, times
			exit !(times >= 50)
		}' "$work/pairs" ||
		fail "want 50 times the requests/s of the bare run;" \
			"pairs: $(tr '\n' ';' <"$work/pairs") $(cat "$work/load.log")"
}
