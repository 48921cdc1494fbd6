# How many of 200 POSTs on one connection a device refuses that reads each request by one read(); an unmodified
# http.client sends them. The device polls without sleeping, on a processor of its own, as it would on its own board.
# A busy machine may still interfere, so there are three attempts.
packages=python3

# refused PHASE: prints how many of the 200 POSTs were refused.
refused() {
	phase=$1
	start_responder --count 200 --single-read
	taskset -cp "$device_cpu" "$responder_pid" >/dev/null || fail "cannot give the device its own processor"
	(run taskset -c "$client_cpu" /usr/bin/python3 "$apps/post_http_client.py" "$port" 200 post) \
		>"$work/client.report" ||
		fail "$phase: http.client failed"
	wait "$responder_pid" || fail "$phase: $(cat "$work/$phase.responder.log")"
	awk '/ status=400 / { n++ } END { print n + 0 }' "$work/$phase.report"
}

figure() {
	cpus=$(taskset -cp $$ | sed 's/.*: //') # 0-3, or 0,2,3
	device_cpu=${cpus%%[-,]*}
	client_cpu=${cpus##*[-,]}
	[ "$device_cpu" != "$client_cpu" ] || fail "needs two processors, one for the device"
	for _ in 1 2 3; do
		bare=$(refused bare) && shim=$(refused shim) || exit
		[ "$bare" -ge 100 ] && [ "$shim" -eq 0 ] && break
	done
	printf '%-22s %-12s refused of 200: %d -> %d\n' "$name" "$(version)" "$bare" "$shim"
	[ "$bare" -ge 100 ] || fail "refused only $bare of 200 without the shim: the test shows nothing"
	[ "$shim" -eq 0 ] || fail "refused $shim of 200 under the shim, want none"
}
