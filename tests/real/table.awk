# Writes the page docs/compatibility.md from the rows of verdict.awk.
BEGIN {
	FS = "\t"
}

{
	section = $2 ? $2 : $1 == "servers" ? "Servers" : "Clients"
	if ($14 == "cannot")
		section = "Programs that cannot be helped"
	line = "| " $3 " | " $4 " | " $5 " | " $6 " | " $7 " | " $8 \
		" | " $9 " | " $10 " | " $11 " | " $12 " | " $13 " |"
	gsub(/ -> /, " → ", line)
	rows[section] = rows[section] line "\n"
	class[$14]++
	total++
	if (!(($1, $3) in seen)) {
		seen[$1, $3] = 1
		programs++
	}
}

function show(section) {
	if (!rows[section])
		return
	print "## " section "\n"
	if (section in notes)
		print notes[section] "\n"
	print "| program | version | runtime | scenario | calls | segments | floor | first ms | ms | bytes | verdict |"
	print "|---|---|---|---|---|---|---|---|---|---|---|"
	print rows[section]
	delete rows[section]
}

END {
	print "# Compatibility: real programs, before and after\n"
	print "**" programs " programs, " total " scenarios**: " class["joined"] + 0 " joined, " class["already"] + 0 \
		" needed nothing, " class["stream"] + 0 " are streams,"
	print "whose pieces go as they are written, " class["above"] + 0 " stay above the floor for the reason given,"
	print class["cannot"] + 0 " are of programs that cannot be helped."
	if (failed)
		print "**Failed:" failed ".**\n"
	else
		print "None got worse, compared with the run without onewrite (\"bare\"):\n\n" \
			"- the bytes are the same;\n" \
			"- there are no more segments (2 percent more are allowed, and half a segment more where a\n" \
			"  program's pieces vary from run to run);\n" \
			"- the first quartile of ten exchanges is no later than bare plus the timeout plus 2 ms.\n"
	print "This page was written by `make check-real` (" machine ", " minutes " minutes), which starts each program"
	print "bare and under onewrite, sends both the same requests and compares. `tests/real/run NAME...` does"
	print "the same for the programs that you name. To add a program, add one small file in"
	print "`tests/real/servers` or `tests/real/clients`.\n"
	print "The columns:\n"
	print "- **scenario**: \"small\" has 200 bytes, \"large\" 200 KB; \"stream\" and \"events\" have pieces with"
	print "  100 ms between them; the other names say what they are."
	print "- **calls**: write-type system calls for the messages of one exchange (strace), before → after. One"
	print "  exchange has one message, or two where a 100 Continue comes first. Where the kernel holds the"
	print "  head, as many calls are made as before."
	print "- **segments**: TCP segments with data, counted by the peer (`tcpi_data_segs_in`) at an MSS of 1448"
	print "  bytes, as on Ethernet; the mean of ten exchanges."
	print "- **floor**: the least number of segments, ⌈bytes / 1448⌉."
	print "- **first ms**: as \"ms\", but to the first byte: the time that the reader of a stream waits."
	print "- **ms**: the time from the request to the last byte of the response (servers), or from one answer"
	print "  to the last byte of the next request (clients), on a kept-alive connection if the program keeps"
	print "  it; the median. 40 is a delayed ACK."
	print "- **bytes**: what the peer received, compared byte by byte with the bare run (except dates and"
	print "  ports).\n"
	notes["Everything that aiohttp 3.12's change did"] = \
		"aiohttp 3.12 learned to send head and body together. Debian's unchanged 3.8 needs as few\n" \
		"segments under onewrite, or fewer. The verdict ends with the number of segments that 3.12 needs\n" \
		"by its own rules: it joins the head with the first write of a `Response` or a request, and sends\n" \
		"the head of a `StreamResponse` or a `FileResponse` at once."
	show("Everything that aiohttp 3.12's change did")
	show("Servers")
	show("Clients")
	show("Programs that cannot be helped")
	for (section in rows)
		show(section)
}
