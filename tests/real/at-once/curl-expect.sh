# An upload by curl that waits for the server's 100 Continue before it sends its body.
packages=curl
client() {
	start_responder --expect --count 11
	(run curl -sSf -m 20 -H "Expect: 100-continue" -T "$apps/files/small" -o "$work/answer" \
		-w 'seconds=%{time_total}\n' "$url/state[1-11]") || return
	wait "$responder_pid" || return
	[ "$(grep -c ' interim=25 ' "$work/$phase.report")" = 11 ] || {
		echo "curl did not ask for 100 Continue" >&2
		return 1
	}
}
scenario() { in_time upload seconds client; }
