# What else people do about responses in pieces, side by side: one table for each network.
# shellcheck shell=sh disable=SC2154 # what run sets

far='' near='' # the processes that keep the two name spaces of a cable

# lay_cable: a veth pair of MTU 1500 between two name spaces of their own, each kept by a process that sleeps
lay_cable() {
	for side in far near; do
		unshare -n sleep 3600 </dev/null >"$dir/said" 2>&1 &
		eval "$side=$!"
		running="$running $!"
	done
	left=250
	until [ "$(readlink "/proc/$far/ns/net" "/proc/$near/ns/net" /proc/self/ns/net | sort -u | wc -l)" = 3 ]; do
		left=$((left - 1))
		[ $left -gt 0 ] || stop_here "no network name spaces: $(cat "$dir/said")"
		sleep 0.02
	done
	ip link add name near netns "$near" type veth peer name far netns "$far"
	nsenter -t "$near" -n sh -c 'ip addr add 10.77.0.1/24 dev near && ip link set near up && ip link set lo up'
	nsenter -t "$far" -n sh -c 'ip addr add 10.77.0.2/24 dev far && ip link set far up && ip link set lo up'
	until nsenter -t "$near" -n ip -br link show near | grep -q LOWER_UP; do
		left=$((left - 1))
		[ $left -gt 0 ] || stop_here "the cable does not come up"
		sleep 0.02
	done
	server_net="nsenter -t $far -n" client_net="nsenter -t $near -n" host=10.77.0.2 listen=0.0.0.0
	export BENCH_ADDRESS=any
}

take_cable_away() {
	finish "$far" "$near"
	server_net='' client_net='' host=127.0.0.1 listen=127.0.0.1
	unset BENCH_ADDRESS
}

# delayed TIME: each packet is that late, in both directions. False: this machine cannot, and $dir/netem says why
delayed() {
	nsenter -t "$near" -n tc qdisc replace dev near root netem limit 10000 delay "$1" >"$dir/netem" 2>&1 &&
		nsenter -t "$far" -n tc qdisc replace dev far root netem limit 10000 delay "$1" >"$dir/netem" 2>&1
}

# in_us: wrk's words for times, one a line, in microseconds
in_us() {
	sed 's/us$/ 1/; s/ms$/ 1000/; s/m$/ 60000000/; s/\([0-9]\)s$/\1 1000000/' | awk '{ printf "%.0f\n", $1 * $2 }'
}

# one_way NETWORK WHAT NAME VARIANT ARGUMENT...: a line of $dir/ways: what the server with these arguments does
one_way() {
	key="$1|$2|$3" variant=$4
	shift 4
	case $variant in
		haproxy | nginx) behind "$variant" "$@" ;;
		*) serve "$variant" "$@" ;;
	esac
	client -a "$host" exchange "$port" 40 >"$dir/exchange" 2>&1 || stop_here "$key: $(cat "$dir/exchange")"
	# shellcheck disable=SC2086 # a list of processes, here and below
	took=$(load "$port" 4 $pid) || exit 2
	printf '%s\t%s\t%s\t%s\t%s\n' "$key" "$took" "$(awk '{ print $1 "\t" $4 }' "$dir/exchange")" \
		"$(awk '$1 == "50%" { print $2 }' "$dir/wrk" | in_us)" \
		"$(awk '$1 == "99%" { print $2 }' "$dir/wrk" | in_us)" >>"$dir/ways"
	# shellcheck disable=SC2086
	finish $pid
}

# of_way NETWORK WHAT NAME COLUMN [FORMAT]: the median over the rounds. Columns: 2 requests/s, 3 CPU time, 4 segments,
# 5 bytes, 6 and 7 the times of half and of 99 % of the responses
of_way() {
	awk -F '\t' -v key="$1|$2|$3" -v column="$4" '$1 == key { print $column }' "$dir/ways" | median "${5:-%.0f}"
}

ways="as it is|bare
TCP_NODELAY preload|nodelay
nginx in front|nginx
HAProxy in front|haproxy
onewrite|message
native: one write|bare|-m writev"

bodies="200 bytes|-b 200
200 bytes, chunked|-c -b 200
64 KB|-b 65536"

# each_way COMMAND...: with network, kind, size, name, variant, and the server's arguments
each_way() {
	for kind in 'Nagle' 'TCP_NODELAY'; do
		while IFS='|' read -r size arguments; do
			while IFS='|' read -r name variant more; do
				[ $kind = Nagle ] || more="$more -d"
				# shellcheck disable=SC2086 # a list of arguments
				"$@" "$kind, $size" "$name" "$variant" $arguments $more </dev/null
			done <<END
$ways
END
		done <<END
$bodies
END
	done
}

row() {
	printf '| %s | %s | %s | %s | %s | %s | %s | %s |\n' "$2" "$3" "$(of_way "$1" "$2" "$3" 2)" \
		"$(of_way "$1" "$2" "$3" 3 %.1f)" "$(of_way "$1" "$2" "$3" 4 %.2f)" "$(of_way "$1" "$2" "$3" 5)" \
		"$(of_way "$1" "$2" "$3" 6)" "$(of_way "$1" "$2" "$3" 7)" >>"$tables"
}

# over NETWORK: all ways, in turn, and their table
over() {
	printf '  %s:' "$1"
	for round in $(seq $((quick ? 1 : 3))); do
		printf ' %s' "$round"
		each_way one_way "$1"
	done
	echo
	{
		echo "Over $1:"
		echo
		printf '| %s ' 'server, response' how requests/s 'CPU, us' segments 'bytes, both ways' \
			'half within, us' '99 % within, us'
		echo '|'
		echo "|---|---|---|---|---|---|---|---|"
	} >>"$tables"
	each_way row "$1"
	echo >>"$tables"
	for kind in 'Nagle' 'TCP_NODELAY'; do
		for size in '200 bytes' '200 bytes, chunked'; do
			for column in 4:segments 5:bytes; do
				ours=$(of_way "$1" "$kind, $size" onewrite "${column%:*}" %.4f)
				natives=$(of_way "$1" "$kind, $size" "native: one write" "${column%:*}" %.4f)
				figure alternatives "$1, $kind, $size: ${column#*:} per response, onewrite / native" \
					"$(calc "$ours / $natives" %.3f)" ratio '<=' 1.02
			done
		done
	done
}

section_alternatives() {
	over "loopback (segments of up to 64 KB)"
	lay_cable
	over "a cable (MTU 1500) without delay"
	out=
	for time in 1ms 20ms; do
		if delayed $time; then
			over "a cable whose packets are ${time%ms} ms late in each direction"
		else
			out="$out${out:+ and }${time%ms} ms"
		fi
	done
	[ -z "$out" ] || echo "Left out here: a cable with a delay of $out, for this machine has none to give" \
		"(tc netem: $(tr '\n' ' ' <"$dir/netem" | sed 's/[. ]*$//'))." | tee -a "$tables"
	[ -z "$out" ] || echo >>"$tables"
	take_cable_away
}
