# How did each message leave? Reads, in this order: what the peer of the bare run reported (exchange or responder), the
# strace of the bare run, and the same two of the run under the shim. Prints a line of the table; exits with 1 and
# sentences on stderr when a message did not leave as `shape` says.
#
# A message is known by the client's port and by its sizes, which the peer counted; a write-type call by the addresses
# that `strace -yy` shows and by what it returned. So the calls can be laid along the messages, byte by byte.

function fail(sentence) {
	printf "%s: %s\n", name, sentence > "/dev/stderr"
	failed = 1
}

# Ten messages that fail alike are one sentence.
function fail_message(n, sentence) {
	if (!first_failed) {
		first_failed = phase " message " n " " sentence
		failed = 1
	} else {
		more_failed++
	}
}

FNR == 1 {
	file++
	phase = file <= 2 ? "bare" : "shim"
}

# --- the peer's report -------------------------------------------------------------------------------------------

/^(exchange|request) n=/ {
	delete field
	for (i = 2; i <= NF; i++) {
		split($i, pair, "=")
		field[pair[1]] = pair[2]
	}
	port = field["port"]
	count[phase]++
	segments[phase] += field["segments"]
	if (field["segments"] > most_segments[phase])
		most_segments[phase] = field["segments"]
	if ($1 == "exchange" && field["interim"])
		message(port, field["interim"])
	message(port, field["head"] + field["wire"])
	next
}

function message(port, size,    n) {
	n = ++messages[phase]
	port_of[phase, n] = port
	from[phase, n] = reported[phase, port] + 0
	reported[phase, port] += size
	to[phase, n] = reported[phase, port]
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
		return # failed, or nothing came of it
	result = substr(line, RSTART + 3) + 0
	if (result == 0)
		return
	if (name == "splice") # the socket that is written to comes third
		sub(/^[^,]*,[^,]*,/, "", line)
	if (!match(line, /^[^<]*<TCP(v6)?:\[[^>]*->[^>]*\]>/))
		return
	split(substr(line, RSTART, RLENGTH), ports, "->")
	for (n = 1; n <= 2; n++) { # one of the two is the client's
		port = ports[n]
		sub(/\]>$/, "", port)
		sub(/.*:/, "", port)
		add(port, name, result, has_flags(name, line))
	}
}

function add(port, name, size, flagged,    n) {
	n = ++calls[phase, port]
	call_name[phase, port, n] = name
	call_flags[phase, port, n] = flagged
	call_from[phase, port, n] = written[phase, port] + 0
	written[phase, port] += size
	call_to[phase, port, n] = written[phase, port]
}

function has_flags(name, line) {
	if (name == "sendto")
		return line !~ /, 0, NULL, 0\) = [0-9]+$/
	if (name == "sendmsg" || name == "sendmmsg")
		return line !~ /, 0\) = [0-9]+$/
	return 0
}

# --- the verdict -------------------------------------------------------------------------------------------------

# Lay the calls along message n: how many touch it (touching), the names of them (names), did one hold exactly it
# (whole), did any carry flags (flagged)?
function lay(n,    port, i) {
	port = port_of[phase, n]
	touching = whole = flagged = 0
	names = ""
	for (i = 1; i <= calls[phase, port]; i++) {
		if (call_from[phase, port, i] >= to[phase, n] || call_to[phase, port, i] <= from[phase, n])
			continue
		touching++
		names = names (names ? " " : "") call_name[phase, port, i]
		flagged = flagged || call_flags[phase, port, i]
		if (call_from[phase, port, i] == from[phase, n] && call_to[phase, port, i] == to[phase, n])
			whole = 1
	}
	total[phase] += touching
}

function per_message(sum, n) {
	return sprintf(sum % n ? "%.1f" : "%d", sum / n)
}

END {
	for (p = 1; p <= 2; p++) {
		phase = p == 1 ? "bare" : "shim"
		if (count[phase] != exchanges)
			fail("the " phase " run had " count[phase] + 0 " exchanges, want " exchanges)
	}
	if (failed)
		exit 1
	phase = "bare"
	for (n = 1; n <= messages["bare"]; n++) {
		lay(n)
		if (touching == 0)
			fail_message(n, "is in none of the calls that strace saw")
		else if (shape != "already" && touching < 2)
			fail_message(n, "left in one call (" names "): nothing to join, the test shows nothing")
		if (flagged)
			program_flags = 1
		bare_calls[n] = touching
	}
	phase = "shim"
	for (n = 1; n <= messages["shim"]; n++) {
		lay(n)
		if (shape == "untouched") {
			if (touching != bare_calls[n])
				fail_message(n, "left in " touching " calls, bare in " bare_calls[n] ", want no difference")
		} else if (shape == "sendfile") {
			if (touching != 2 || names !~ / sendfile$/)
				fail_message(n, "left in " touching " calls (" names "), want its head and one sendfile")
		} else if (touching != 1 || !whole) {
			fail_message(n, "left in " touching " calls (" names "), want one that holds head and body")
		} else if (shape == "joined" && names != (program_flags ? "sendmsg" : "writev")) {
			fail_message(n, "left by " names ", want " (program_flags ? "sendmsg" : "writev"))
		}
	}
	if (first_failed)
		fail(first_failed (more_failed ? " (and " more_failed " more)" : ""))
	if (shape == "untouched") {
		if (segments["shim"] > segments["bare"])
			fail("the messages came in " segments["shim"] " segments, bare in " segments["bare"])
	} else if (most_segments["shim"] != messages["shim"] / count["shim"])
		fail("a message came in " most_segments["shim"] " segments, want one")
	verdict["joined"] = "joined"
	verdict["sendfile"] = "one segment"
	verdict["already"] = "already one write"
	verdict["untouched"] = "untouched: " reason
	printf "%-22s %-12s %5s -> %-6s %5s -> %-6s %s\n", name, version, \
		per_message(total["bare"], messages["bare"]), per_message(total["shim"], messages["shim"]), \
		per_message(segments["bare"], count["bare"]), per_message(segments["shim"], count["shim"]), \
		failed ? "FAILED" : verdict[shape]
	exit failed
}
