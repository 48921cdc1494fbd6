# Two threads on connections of their own: a message costs as much as if there were one.
# shellcheck shell=sh disable=SC2154 # what run sets

# exchanges PRELOAD THREADS N: ns of CPU time per message, on all cores
exchanges() {
	LD_PRELOAD=$1 timeout 60 "$bench/threads" "$2" "$3" || stop_here "threads: no figure"
}

# instructions_with THREADS: instructions per message that the library adds, with so many threads
instructions_with() {
	for preload in '' "$library"; do
		for n in 500 1500; do
			LD_PRELOAD=$preload valgrind --tool=callgrind --callgrind-out-file=/dev/null \
				"$bench/threads" "$1" "$n" 2>&1 | awk '/Collected/ { print $4 }'
		done
	done | awk -v threads="$1" '{ v[NR] = $1 } END {
		if (NR == 4)
			printf "%.0f", ((v[4] - v[3]) - (v[2] - v[1])) / 1000 / threads }'
}

section_threads() {
	n=$((quick ? 5000 : 20000))
	for round in $(seq "$many_rounds"); do
		for way in bare:1 onewrite:1 onewrite:2 bare:2; do
			preload=
			[ "${way%:*}" = bare ] || preload=$library
			printf '%s\t%s\t%s\n' "$round" "$way" "$(exchanges "$preload" "${way#*:}" $n)"
		done
	done >"$dir/threads"
	# of_round EXPRESSION: over the rounds, with the interval
	of_round() {
		awk -F '\t' '{ v[$1, $2] = $3; n = $1 } END { for (i = 1; i <= n; i++) {
			b1 = v[i, "bare:1"]; b2 = v[i, "bare:2"]; o1 = v[i, "onewrite:1"]; o2 = v[i, "onewrite:2"]
			print '"$1"' } }' "$dir/threads" | between "${2:-%.3f}"
	}
	sure threads "bare: CPU time per message with two threads / with one" "$(of_round 'b2 / b1')" ratio
	sure threads "onewrite: CPU time per message with two threads / with one" "$(of_round 'o2 / o1')" ratio
	sure threads "that ratio, onewrite / bare: what the library's threads have in common" \
		"$(of_round '(o2 / o1) / (b2 / b1)')" ratio '<=' 1.03
	sure threads "one thread: CPU time per message, onewrite / bare" "$(of_round 'o1 / b1')" ratio
	sure threads "two threads: CPU time per message, onewrite / bare" "$(of_round 'o2 / b2')" ratio
	one=$(instructions_with 1) four=$(instructions_with 4)
	figure threads "instructions added per message (request and response), one thread" "$one" instructions
	figure threads "instructions added per message, four threads" "$four" instructions \
		'<=' "$(calc "$one * 1.05" %.0f)"
}
