# What goes over the wire, and when: segments on a cable, delays of a stream.
# shellcheck shell=sh disable=SC2154 # what run sets

# over_cable VARIANT ARGUMENT...: "segments bytes segment-size packets us" between two name spaces, MTU 1500
over_cable() {
	preload=
	[ "$1" = bare ] || preload=$library
	shift
	BENCH_ADDRESS=any ONEWRITE_JOIN=message unshare -n "$here/cable" "$bench" "$preload" "$@"
}

# cable NAME VARIANT ARGUMENT...: segments against the fewest there can be
cable() {
	name=$1
	shift
	seen=$(over_cable "$@") || stop_here "no network name spaces: $seen"
	least=$(echo "$seen" | awk '{ n = $2 / 1448; print (n > int(n) ? int(n) + 1 : n) }')
	case $*/$name in
		bare*) figure segments "$name: segments per response, bare (least: $least)" "${seen%% *}" segments ;;
		*/*MSG_MORE) figure segments "$name: segments per response (least: $least)" "${seen%% *}" segments ;;
		*) figure segments "$name: segments per response, shim" "${seen%% *}" segments '<=' "$least" ;;
	esac
	figure segments "$name: median time${2:+, $1}" "${seen##* }" us
}

section_segments() {
	for how in "30,000 bytes in 11 writes:-b 30000 -p 11" "the same, TCP_NODELAY:-d -b 30000 -p 11" \
		"chunk size, data, line end, last chunk each a write:-s" "the same, with TCP_NODELAY:-s -d"; do
		# shellcheck disable=SC2086
		cable "${how%%:*}" bare ${how#*:}
		# shellcheck disable=SC2086
		cable "${how%%:*}" message ${how#*:}
	done
	cable "30,000 bytes in 11 writes, native MSG_MORE" bare -m more -b 30000 -p 11
}

# streams VARIANT ARGUMENT...: the delays of many streams, in $dir/stream.NAME
streams() {
	file=$dir/stream.$1$2
	for _ in $(seq $((quick ? 2 : 20))); do
		serve "$1" -t 50 ${2:+"$2"}
		client stream "$port" >>"$file"
		finish "$pid"
	done
}

# of_streams NAME first|second|chunk|end QUANTILE: of the delays of all streams
of_streams() {
	sed -n "s/^$2 //p" "$dir/stream.$1" | sort -n |
		awk -v q="$3" '{ v[NR] = $1 } END { i = int(q * NR) + 1; if (i > NR) i = NR; print v[i] }'
}

section_streams() {
	for nodelay in -d ''; do
		streams bare "$nodelay"
		streams message "$nodelay"
		mode=${nodelay:+TCP_NODELAY} mode=${mode:-Nagle}
		for variant in bare message; do
			name=$variant$nodelay
			what="50 chunks 20 ms apart, $mode, $variant"
			figure streams "$what: first byte, first message of a connection, median" \
				"$(of_streams "$name" first 0.5)" us
			figure streams "$what: first byte, second message, median" "$(of_streams "$name" second 0.5)" us
			figure streams "$what: delay of all but the first, median" "$(of_streams "$name" chunk 0.5)" us
			figure streams "$what: 99th percentile" "$(of_streams "$name" chunk 0.99)" us
			figure streams "$what: longest" "$(of_streams "$name" chunk 1)" us
			figure streams "$what: delay of the end, median" "$(of_streams "$name" end 0.5)" us
			figure streams "$what: delay of the end, longest" "$(of_streams "$name" end 1)" us
		done
	done
	figure streams "stream, shim: first byte of a second message (no later than bare, within 200 us)" \
		"$(of_streams message-d second 0.5)" us \
		'<=' "$(calc "$(of_streams bare-d second 0.5) + 200" %.0f)"
	figure streams "stream, TCP_NODELAY, shim: 99th percentile" "$(of_streams message-d chunk 0.99)" us '<=' 1000
	figure streams "stream, TCP_NODELAY, shim: longest delay (timeout + 2 ms)" \
		"$(of_streams message-d chunk 1)" us '<=' 7000
	figure streams "stream, Nagle, shim: 99th percentile (no later than bare, within 200 us)" \
		"$(of_streams message chunk 0.99)" us \
		'<=' "$(calc "$(of_streams bare chunk 0.99) + 200" %.0f)"
	figure streams "stream, Nagle, shim: delay of the end, median" "$(of_streams message end 0.5)" us '<=' 1000
	figure streams "stream, TCP_NODELAY, shim: delay of the end, median" \
		"$(of_streams message-d end 0.5)" us '<=' 1000
}
