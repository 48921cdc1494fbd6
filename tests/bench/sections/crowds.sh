# As many connections as the budgets speak of: the memory that they take, and what they cost while few are active.
# shellcheck shell=sh disable=SC2154 # what run sets

# crowd PORT N: that many connections, each after one exchange; crowd_pid
crowd() {
	: >"$dir/crowd"
	"$bench/client" crowd "$1" "$2" >"$dir/crowd" 2>&1 </dev/null &
	crowd_pid=$!
	running="$running $crowd_pid"
	await "$dir/crowd" ready
}

section_memory() {
	for variant in bare message; do
		serve $variant -d
		crowd "$port" 1000
		few=$(resident "$pid")
		first=$crowd_pid
		crowd "$port" $((many - 1000))
		eval "per_$variant=\$(calc \"(\$(resident $pid) - $few) * 1024 / ($many - 1000)\" %.1f)"
		finish "$pid" "$first" "$crowd_pid"
	done
	# shellcheck disable=SC2154 # by eval
	figure memory "memory per idle known connection, added ($many connections)" \
		"$(calc "$per_message - $per_bare" %.0f)" bytes '<=' 64
	for variant in bare message; do
		serve $variant -w
		"$bench/client" heads "$port" 5000 10 >"$dir/said"
		few=$(resident "$pid")
		"$bench/client" heads "$port" "$many" 10 >"$dir/said"
		eval "per_$variant=\$(calc \"(\$(resident $pid) - $few) * 1024 / ($many - 5000)\" %.1f)"
		finish "$pid"
	done
	figure memory "memory per held head of 82 bytes and its connection, added" \
		"$(calc "$per_message - $per_bare" %.0f)" bytes '<=' 16384
}

# of_heads TIMEOUT COLUMN
of_heads() {
	awk -v column="$2" '{ print $column }' "$dir/heads.$1" | median
}

section_crowds() {
	# A timeout of one second, so that as many as the shim holds at all are held when the last one is written; and
	# the usual one.
	for timeout in 1s 5ms; do
		for _ in $(seq $((quick ? 1 : 3))); do
			export ONEWRITE_TIMEOUT=$timeout
			serve message -w
			unset ONEWRITE_TIMEOUT
			client heads "$port" "$many" 900 >>"$dir/heads.$timeout"
			finish "$pid"
		done
	done
	figure crowds "$many heads in 0.9 s and no body, timeout 1 s: held when the last one is written" \
		"$(of_heads 1s 4)" heads
	figure crowds "$many heads in 0.9 s and no body, timeout 1 s: delay, 99th percentile" \
		"$(of_heads 1s 2)" us '<=' 1002000
	figure crowds "$many heads in 0.9 s and no body, timeout 5 ms: delay, median" "$(of_heads 5ms 1)" us
	figure crowds "$many heads in 0.9 s and no body, timeout 5 ms: delay, 99th percentile" \
		"$(of_heads 5ms 2)" us '<=' 7000

	for _ in $(seq $((quick ? 1 : 3))); do
		serve message -w -c -d
		client heads "$port" 5000 100 1 >>"$dir/heads.begun"
		finish "$pid"
	done
	figure crowds "5,000 heads, each with a first chunk, in 0.1 s, timeout 5 ms: delay of either, 99th percentile" \
		"$(of_heads begun 2)" us '<=' 7000

	# Four servers at once, two of them crowded; the idle ones cost nothing.
	serve bare -m writev; native_few="$port $pid" servers=$pid
	serve message; shim_few="$port $pid" servers="$servers $pid"
	serve bare -m writev; native_many="$port $pid" servers="$servers $pid"
	serve message; shim_many="$port $pid" servers="$servers $pid"
	crowd "${native_many% *}" $((many - 10)); crowds=$crowd_pid
	crowd "${shim_many% *}" $((many - 10)); crowds="$crowds $crowd_pid"
	round=1
	while [ "$round" -le "$many_rounds" ]; do
		for contender in "native 10" "shim 10" "shim $many" "native $many"; do
			# shellcheck disable=SC2086 # a port and a process
			case $contender in
				"native 10") set -- $native_few ;;
				"shim 10") set -- $shim_few ;;
				native*) set -- $native_many ;;
				*) set -- $shim_many ;;
			esac
			printf 'crowd-10\t%s\t%s\t%s\n' $round "$contender" "$(load "$1" 10 "$2")" >>"$rates"
			[ "${contender#* }" = 10 ] ||
				printf 'crowd-1%%\t%s\t%s\t%s\n' $round "$contender" \
					"$(load "$1" $((many / 100)) "$2")" >>"$rates"
		done
		round=$((round + 1))
	done
	# shellcheck disable=SC2086
	finish $servers $crowds
	figure crowds "shim / native writev at $many open connections, 1 % active" \
		"$(ratio crowd-1% "shim $many" "native $many")" ratio '>=' 0.97
	few=$(ratio crowd-10 "shim 10" "native 10") all=$(ratio crowd-10 "shim $many" "native $many")
	figure crowds "shim / native writev, 10 active of 10 open connections" "$few" ratio
	figure crowds "shim / native writev, 10 active of $many open connections" "$all" ratio
	figure crowds "flat: what $many connections change in that ratio" "$(calc "$all / $few" %.3f)" ratio '>=' 0.97
	few=$(ratio crowd-10 "shim 10" "native 10" 5) all=$(ratio crowd-10 "shim $many" "native $many" 5)
	figure crowds "flat: what they change in the ratio of CPU times per response" \
		"$(calc "$all / $few" %.3f)" ratio '<=' 1.03
}
