# What a call, a response and a process cost.
# shellcheck shell=sh disable=SC2154 # what run sets

# instructions PRELOAD KIND N [CALL]
instructions_of() {
	LD_PRELOAD=$1 ONEWRITE_JOIN=message \
		valgrind --tool=callgrind ${4:+"--toggle-collect=$4"} --callgrind-out-file=/dev/null \
		"$bench/calls" "$2" "$3" 2>&1 | awk '/Collected/ { print $4 }'
}

# added KIND [CALL]: instructions per call (of all, or inside this one) that the preload adds
added() {
	less=$(instructions_of '' "$1" 500 "${2:-}") more=$(instructions_of '' "$1" 1500 "${2:-}")
	with_less=$(instructions_of "$library" "$1" 500 "${2:-}") \
		with_more=$(instructions_of "$library" "$1" 1500 "${2:-}")
	calc "(($with_more - $with_less) - ($more - $less)) / 1000" %.0f
}

section_instructions() {
	for kind in write-file:25 write-tcp:25 send-tcp:25 read-file:15 read-tcp:15 recv-tcp:15 close-file:20; do
		figure instructions "${kind%:*}: instructions added per call, bytes that are not HTTP" \
			"$(added "${kind%:*}")" instructions '<=' "${kind#*:}"
	done
	figure instructions "accept and close of a TCP connection: instructions added" "$(added close-tcp)" instructions
	figure instructions "head (10 lines, 300 bytes) and body, recognise + hold + join: another head each time" \
		"$(added exchange send)" instructions '<=' 1500
	figure instructions "the same, the connection's last head again" \
		"$(added exchange-again send)" instructions '<=' 1500
	for kind in send writev; do
		figure instructions "head and body in one $kind(), behind 1,100 of them: instructions added" \
			"$(added whole-$kind $kind)" instructions '<=' 60
	done
	counters=$(mktemp -d)
	figure instructions "the same with ONEWRITE_STATS: instructions more per message" \
		"$(calc "$(ONEWRITE_STATS=$counters added exchange-again send) - $(added exchange-again send)" %.0f)" \
		instructions '<=' 30
	rm -r "$counters"
	figure instructions "another head each time, and the read of the request" "$(added exchange)" instructions
	figure instructions "the last head again, and the read of the request" "$(added exchange-again)" instructions
}

# calls_of VARIANT ARGUMENT...: "all write-type" system calls per response
calls_of() {
	serve "$@"
	n=20000
	client exchange "$port" 100 >"$dir/said"
	perf stat -x, -o "$dir/perf" -p "$pid" -e raw_syscalls:sys_enter \
		-e syscalls:sys_enter_write,syscalls:sys_enter_writev \
		-e syscalls:sys_enter_sendto,syscalls:sys_enter_sendmsg,syscalls:sys_enter_sendfile64 \
		taskset -c "$load_core" "$bench/client" exchange "$port" "$n" >"$dir/said" 2>&1 ||
		stop_here "perf: $(cat "$dir/said")"
	finish "$pid"
	# the client's own first exchange and the accept and close of the connection are in it: a few calls of many
	# thousand
	awk -F, -v n=$n '
		/sys_enter/ && $1 !~ /^[0-9]+$/ { print "bench: perf cannot count: " $0 > "/dev/stderr"; exit 1 }
		/raw_syscalls/ { all = $1 }
		/syscalls:sys_enter_/ { writes += $1 }
		END { printf "%.3f %.3f", all / (n + 1), writes / (n + 1) }' "$dir/perf" ||
		stop_here "the kernel's system call tracepoints are out of reach"
}

section_calls() {
	native=$(calls_of bare -m writev) split=$(calls_of bare -d) joined=$(calls_of message) \
		header=$(calls_of header) held=$(calls_of kernel)
	figure calls "bare, split: write-type system calls per response" "${split#* }" calls
	figure calls "joined: write-type system calls per response" "${joined#* }" calls '<=' 1.01
	figure calls "joined (header): write-type system calls per response" "${header#* }" calls '<=' 1.01
	figure calls "joined, held by the kernel: write-type system calls per response" "${held#* }" calls
	figure calls "native writev: all system calls per response" "${native% *}" calls
	figure calls "joined: all system calls per response" "${joined% *}" calls
	figure calls "joined / native writev, all system calls" \
		"$(calc "${joined% *} / ${native% *}" %.4f)" ratio '<=' 1.01
	native=$(calls_of bare -c -m more) joined=$(calls_of message -c)
	figure calls "chunked, native MSG_MORE: all system calls per response" "${native% *}" calls
	figure calls "chunked, joined: all system calls per response" "${joined% *}" calls
}

# resident PID: KiB
resident() {
	awk '/^Rss:/ { print $2 }' "/proc/$1/smaps_rollup"
}

# allocations PRELOAD N
allocations() {
	LD_PRELOAD=$1 ONEWRITE_JOIN=message valgrind "$bench/calls" exchange "$2" 2>&1 |
		sed -n 's/,//g; s/.*total heap usage: \([0-9]*\) allocs.*/\1/p'
}

resident_sleeper() {
	LD_PRELOAD=$1 sleep 5 &
	sleeper=$!
	sleep 0.2
	resident $sleeper
	kill $sleeper
}

section_process() {
	for _ in 1 2 3 4 5; do
		echo $(($(resident_sleeper "$library") - $(resident_sleeper '')))
	done | median >"$dir/said"
	figure process "resident memory of a process that sends nothing, added" "$(cat "$dir/said")" KiB '<=' 150
	figure process "heap allocations per message" \
		"$(calc "($(allocations "$library" 1500) - $(allocations "$library" 500)) / 1000" %.3f)" \
		allocations '<=' 0
	for variant in bare message; do
		serve $variant
		client exchange "$port" 200 >"$dir/said"
		eval "${variant}_reserved=$(status_of "$pid" VmSize) ${variant}_used=$(status_of "$pid" VmRSS)"
		finish "$pid"
	done
	# The library itself, half a MiB for descriptors, 1 MiB for messages, a stack of 1 MiB.
	figure process "addresses of a server with a connection, added" \
		$((message_reserved - bare_reserved)) KiB '<=' 3072
	figure process "resident memory of a server with a connection, added" $((message_used - bare_used)) KiB '<=' 512
	serve message
	client exchange "$port" 200 >"$dir/said"
	sleep 2
	before=$(switches "$pid")
	sleep 10
	figure process "wake-ups in 10 idle seconds, all threads" $(($(switches "$pid") - before)) wake-ups '<=' 0
	finish "$pid"
}

# The second time the shell has a link to read, and judge a #! line.
section_wrapper() {
	n=$((quick ? 200 : 1000))
	wrapper=$here/../../scripts/onewrite
	ln -s "$wrapper" "$dir/onewrite"
	printf '#!/usr/bin/env sh\n' >"$dir/script"
	chmod +x "$dir/script"
	linked=''
	for way in "$wrapper /bin/true" "$dir/onewrite $dir/script"; do
		# shellcheck disable=SC2086 # a wrapper and a command
		figure wrapper "start of ${way##*/} by ${wrapper##*/}$linked, CPU time added (median of $n pairs)" \
			"$(client wrap $n $way | cut -d ' ' -f 1)" us '<=' 5000
		# shellcheck disable=SC2086
		figure wrapper "the same: processes added" "$(($(forks $way) - $(forks ${way#* })))" processes '<=' 6
		linked=', a link'
	done
}

forks() {
	perf stat -x, -o "$dir/perf" -e sched:sched_process_fork "$@" >"$dir/said" 2>&1 ||
		stop_here "perf: $(cat "$dir/said")"
	awk -F, '/sched_process_fork/ { print $1 }' "$dir/perf"
}

# status_of PID FIELD: KiB
status_of() {
	sed -n "s/^$2:[^0-9]*\([0-9]*\) kB/\1/p" "/proc/$1/status"
}

switches() {
	cat /proc/"$1"/task/*/status | awk '/^voluntary_ctxt/ { n += $2 } END { print n }'
}
