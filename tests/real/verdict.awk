# Judges one scenario: how did each of its messages leave? Reads what the peer (exchange or responder) reported of the
# bare run and of the run under the shim; then the report and the strace of two more such runs, which were traced.
# Prints a line of the table, and writes it, separated by tabs, to the file `row`. Exits with 1, and sentences on
# stderr, if something is wrong.
#
# A message is known by the client's port and by its sizes, which the peer counted. A write-type call is known by the
# addresses that `strace -yy` shows and by what it returned. So the calls can be laid along the messages, byte by byte.
# All figures are per exchange, in which a 100 Continue is a message of its own.

function fail(sentence) {
	printf "%s, %s: %s\n", name, scenario, sentence > "/dev/stderr"
	failed = 1
}

FNR == 1 {
	file++
	split("bare shim bare-traced bare-traced shim-traced shim-traced", phases, " ")
	phase = phases[file]
}

# --- the peer's report -------------------------------------------------------------------------------------------

/^(exchange|request) n=/ {
	delete field
	for (i = 2; i <= NF; i++) {
		split($i, pair, "=")
		field[pair[1]] = pair[2]
	}
	n = ++count[phase]
	if (!((phase, field["port"]) in connected)) {
		connected[phase, field["port"]] = 1
		connections[phase]++
	}
	segments[phase] += field["segments"]
	first[phase, n] = field["first_us"] + 0
	last[phase, n] = field["last_us"] + 0
	if (!field["interim"]) {
		least = message(field["port"], field["head"] + field["wire"], field["head"])
	} else if ($1 == "exchange") { # 100 Continue, then the response
		least = message(field["port"], field["interim"], field["interim"])
		least += message(field["port"], field["head"] + field["wire"], field["head"])
	} else { # the head waits for 100 Continue, so that the body is a message of its own
		least = message(field["port"], field["head"], field["head"])
		least += message(field["port"], field["wire"], 0)
	}
	floor[phase] += least
	if (field["segments"] > least)
		above[phase]++
	next
}

# Notes a message of the phase. Returns its floor: how many segments it needs.
function message(port, size, head,    n) {
	n = ++messages[phase]
	port_of[phase, n] = port
	from[phase, n] = reported[phase, port] + 0
	head_to[phase, n] = from[phase, n] + head
	reported[phase, port] += size
	to[phase, n] = reported[phase, port]
	return int((size + segment - 1) / segment)
}

# --- strace ------------------------------------------------------------------------------------------------------

/<unfinished \.\.\.>$/ {
	begun[$1] = substr($0, 1, length($0) - length("<unfinished ...>"))
	next
}

/^[0-9]+ +<\.\.\. / {
	rest = $0
	sub(/^[0-9]+ +<\.\.\. [a-z0-9_]+ resumed>/, "", rest)
	call(begun[$1] rest)
	next
}

/^[0-9]+ +[a-z]/ { call($0) }

function call(line,    name, result, ports, port, n) {
	sub(/^[0-9]+ +/, "", line)
	name = substr(line, 1, index(line, "(") - 1)
	if (!match(line, / = [0-9]+$/))
		return # the call failed, or has no result
	result = substr(line, RSTART + 3) + 0
	if (result == 0)
		return
	if (name == "splice") # the socket that it writes to is the third argument
		sub(/^[^,]*,[^,]*,/, "", line)
	if (!match(line, /^[^<]*<TCP(v6)?:\[[^>]*->[^>]*\]>/))
		return
	split(substr(line, RSTART, RLENGTH), ports, "->")
	for (n = 1; n <= 2; n++) { # one of the two ports is the client's
		port = ports[n]
		sub(/\]>$/, "", port)
		sub(/.*:/, "", port)
		n_calls = ++calls[phase, port]
		call_from[phase, port, n_calls] = written[phase, port] + 0
		written[phase, port] += result
		call_to[phase, port, n_calls] = written[phase, port]
		if (name == "sendfile" || name == "splice")
			from_file[phase, port] = 1
	}
}

# How many calls have bytes of message n? Counts in heads_alone those that end with its head, or before its end.
function touching(n,    port, i, found) {
	port = port_of[phase, n]
	for (i = 1; i <= calls[phase, port]; i++) {
		if (call_from[phase, port, i] >= to[phase, n] || call_to[phase, port, i] <= from[phase, n])
			continue
		found++
		if (call_to[phase, port, i] <= head_to[phase, n] && head_to[phase, n] < to[phase, n])
			heads_alone[phase]++
	}
	return found + 0
}

# Calls per exchange. A message in no call that strace saw (io_uring, or TLS, whose records are not the message) is
# counted in `unseen`.
function calls_per_exchange(    n, sum, here) {
	for (n = 1; n <= messages[phase]; n++) {
		here = touching(n)
		if (here == 0)
			unseen++
		if (from_file[phase, port_of[phase, n]])
			by_sendfile = 1
		sum += here
	}
	return sum / count[phase]
}

# --- the verdict -------------------------------------------------------------------------------------------------

# The time that `part` of a phase's exchanges took at most. They are few, so a simple sort will do.
function quantile(part, times, phase,    n, i, j, sorted, swap) {
	n = count[phase]
	for (i = 1; i <= n; i++)
		sorted[i] = times[phase, i]
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && sorted[j - 1] > sorted[j]; j--) {
			swap = sorted[j]
			sorted[j] = sorted[j - 1]
			sorted[j - 1] = swap
		}
	return sorted[int(n * part) + 1]
}

function median(times, phase) {
	return quantile(0.5, times, phase)
}

# Is it late? The quicker exchanges tell: a busy machine delays some of them, a defect delays all.
function check_time(what, times, late,    shim, bare) {
	shim = quantile(0.25, times, "shim")
	bare = quantile(0.25, times, "bare")
	if (shim > bare + late)
		fail("the " what " byte came after " shim " us, bare after " bare " us")
}

function figure(x) {
	return x == int(x) ? sprintf("%d", x) : sprintf("%.1f", x)
}

function ms(us) {
	return sprintf(us < 995 ? "%.2f" : us < 9950 ? "%.1f" : "%.0f", us / 1000)
}

END {
	if (count["bare"] == 0 || count["shim"] != count["bare"])
		fail("the bare run had " count["bare"] + 0 " exchanges, the one under the shim " count["shim"] + 0)
	if (failed)
		exit 1
	n = count["bare"]
	phase = "bare-traced"
	calls_before = calls_per_exchange()
	phase = "shim-traced"
	calls_after = calls_per_exchange()
	segments_before = segments["bare"] / n
	segments_after = segments["shim"] / n
	least = floor["shim"] / n
	per_exchange = messages["bare-traced"] / count["bare-traced"] # 2 with a 100 Continue
	stream = scenario ~ /^(events|stream|tokens)$/

	# What is wrong in any case.
	if (same != "yes")
		fail("the peer received other bytes than from the bare run: " same)
	if (segments_after > segments_before * 1.02 + slack)
		fail("came in " figure(segments_after) " segments, bare in " figure(segments_before))
	if (connections["shim"] > connections["bare"] + (slack ? 1 : 0))
		fail("took " connections["shim"] " connections, bare " connections["bare"])
	# The scenario of tokens has enough exchanges for the library to learn that it holds them in vain.
	check_time("first", first, scenario == "tokens" ? late_at_once : late)
	check_time("last", last, late)
	if (unseen && !cannot)
		fail(unseen " messages are in none of the calls that strace saw")

	# The verdict, and what is wrong with this one.
	if (cannot) {
		verdict = "cannot be helped: " cannot
		class = "cannot"
		if (calls_after != calls_before)
			fail("left in " figure(calls_after) " calls, bare in " figure(calls_before) \
				", want no difference")
	} else if (!above["bare"] && calls_before == per_exchange) {
		verdict = "already one write"
		class = "already"
		if (calls_after > calls_before + slack)
			fail("left in " figure(calls_after) " calls, bare in " figure(calls_before))
	} else if (stream) {
		verdict = "a stream: each piece goes when it is written"
		class = "stream"
	} else if (!above["shim"]) {
		verdict = above["bare"] ? "joined" : "at the floor already"
		class = above["bare"] ? "joined" : "already"
		if (by_sendfile)
			verdict = verdict ", head and sendfile"
		else if (hold == "kernel" && heads_alone["bare-traced"])
			verdict = verdict ", in the kernel"
		else if (above["bare"] && heads_alone["shim-traced"] && least > 20)
			verdict = verdict ", the head before a body that may have to wait"
		else if (above["bare"] && heads_alone["shim-traced"])
			fail("the head left in a call of its own (" heads_alone["shim-traced"] " calls)")
	} else if (least > 20 && segments_after < least + 1) {
		verdict = "joined; now and then a full socket buffer cuts a write, which costs a segment"
		class = "joined"
	} else if (why) {
		verdict = "above the floor: " why
		class = "above"
	} else {
		fail("came in " figure(segments_after) " segments, could be " figure(least) \
			" (" above["shim"] " of " n " exchanges)")
	}
	if (reference != "") {
		if (segments_after > reference + (least > 20))
			fail("came in " figure(segments_after) " segments, " than " has " reference)
		verdict = verdict "; " than ": " reference
	}
	if (scenario == "reuse")
		verdict = verdict "; " n " requests on " connections["shim"] \
			" connection" (connections["shim"] > 1 ? "s" : "")
	if (failed) {
		verdict = "FAILED"
		class = "failed"
	}
	if (class == "cannot" && instead)
		verdict = verdict "; instead: " instead

	shown_calls = unseen ? "-" : figure(calls_before) " -> " figure(calls_after)
	shown_segments = figure(segments_before) " -> " figure(segments_after)
	shown_first = ms(median(first, "bare")) " -> " ms(median(first, "shim"))
	shown_ms = ms(median(last, "bare")) " -> " ms(median(last, "shim"))
	printf "%-22s %-10s %-13s %-16s %-6s %-16s %-16s %s\n", name, scenario, \
		shown_calls, shown_segments, figure(least), shown_first, shown_ms, verdict
	OFS = "\t"
	print kind, title, name, version, runtime, scenario, \
		shown_calls, shown_segments, figure(least), shown_first, shown_ms, \
		same == "yes" ? "same" : "DIFFER", verdict, class > row
	exit failed
}
