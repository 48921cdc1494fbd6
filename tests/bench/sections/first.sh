# Before and with the first message: what the start of a process costs, and the first head that it holds.
# shellcheck shell=sh disable=SC2154 # what run sets

section_start() {
	n=$((quick ? 200 : 2000))
	conf=$build/conf/libonewrite.so
	printf '# as shipped\ntimeout = 5ms\njoin = message\n' >"$dir/onewrite.conf"
	for way in "an empty preload:$bench/empty.so" "onewrite:$library" "onewrite and a settings file:$conf"; do
		said=$(cd "$dir" && client spawn $n "${way#*:}" /bin/true) || stop_here "no start of /bin/true: $said"
		name="start of /bin/true, ${way%%:*}: added"
		case $way in
			onewrite*) sure start "$name (median of $n pairs)" "${said% * *}" us '<=' 80 ;;
			*) sure start "$name (median of $n pairs)" "${said% * *}" us ;;
		esac
		faults=${said#* * * }
		figure start "the same: page faults, of which bare has ${faults#* }" "${faults% *}" "page faults"
	done
}

section_first() {
	n=$((quick ? 60 : 400))
	for round in $(seq $n); do
		[ $((round % 2)) = 1 ] || printf '%s ' "$(LD_PRELOAD=$library "$bench/first" cost)"
		printf '%s ' "$(LD_PRELOAD='' "$bench/first" cost)"
		[ $((round % 2)) = 0 ] || printf '%s ' "$(LD_PRELOAD=$library "$bench/first" cost)"
		echo $((round % 2))
	done | awk 'NF != 5 { exit 1 } { if ($5) print $3 - $1, $4 - $2; else print $1 - $3, $2 - $4 }' >"$dir/first" ||
		stop_here "first: no figure"
	sure first "first message of a process: in its two writes, added (median of $n pairs)" \
		"$(between %.0f <"$dir/first")" us '<=' 150
	sure first "the same: CPU time of the process, the helper's start included, added" \
		"$(cut -d ' ' -f 2 "$dir/first" | between %.0f)" us
	for round in $(seq $n); do
		LD_PRELOAD=$library ONEWRITE_TIMEOUT=5ms "$bench/first" alone || echo failed
	done >"$dir/alone"
	! grep -q failed "$dir/alone" || stop_here "first: a head did not come"
	later=$(cut -d ' ' -f 2 "$dir/alone" | between %.0f)
	sure first "a head alone, timeout 5 ms, after 50 messages: leaves after" "$later" us '<=' 5200
	sure first "a head alone, timeout 5 ms, the first of a process: leaves after (within 100 us of the later one)" \
		"$(between %.0f <"$dir/alone")" us '<=' "$((${later%% *} + 100))"
}
