# Makes the page docs/compatibility.md from the rows that verdict.awk wrote.
BEGIN {
	FS = "\t"
}

{
	section = $2 ? $2 : $1 == "servers" ? "Servers" : "Clients"
	if ($14 == "cannot")
		section = "Programs that cannot be helped"
	line = "| " $3 " | " $4 " | " $5 " | " $6 " | " $7 " | " $8 " | " $9 " | " $10 " | " $11 " | " $12 " | " $13 " |"
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
		" needed nothing, " class["stream"] + 0 " are streams, which go as they are written, " class["above"] + 0 \
		" stay above"
	print "the floor for the reason given, " class["cannot"] + 0 " are of programs that cannot be helped."
	if (failed)
		print "**Failed:" failed ".**\n"
	else
		print "None got worse: no other bytes; no more segments (half a one where a program's pieces vary from run to run); no later,\n" \
			"by the first quartile of ten exchanges, than bare, the timeout and 2 ms.\n"
	print "Made by `make check-real` (" machine ", " minutes " minutes), which starts each program bare and under onewrite,"
	print "sends both the same requests and compares. `tests/real/run NAME...` does it for the ones you name; a new program is"
	print "one small file in `tests/real/servers` or `tests/real/clients`.\n"
	print "- **calls**: write-type system calls for one exchange's messages (strace), before → after. One exchange has one"
	print "  message, or two where a 100 Continue comes first. A body in the kernel hold takes as many calls as before."
	print "- **segments**: TCP segments with data, counted by the peer (`tcpi_data_segs_in`) at an MSS of 1448 bytes, as on"
	print "  Ethernet; the mean of ten exchanges. **floor**: ⌈bytes / 1448⌉."
	print "- **first ms**: the same as ms, to the first byte: what a reader of a stream waits for."
	print "- **ms**: from the request to the last byte of the response (servers), or from one answer to the last byte of the"
	print "  next request (clients), on a kept-alive connection where the program keeps it; the median. 40 is a delayed ACK."
	print "- **bytes**: what the peer received, compared byte by byte with the bare run (dates and ports apart)."
	print "- **scenario**: small: 200 bytes; large: 200 KB; stream and events: pieces with 100 ms between; the rest is named.\n"
	notes["Everything that aiohttp 3.12's change did"] = \
		"aiohttp 3.12 learned to send head and body together. Debian's 3.8, untouched, needs as few segments or fewer under\n" \
		"onewrite; what 3.12 needs by its own rules stands behind each verdict. It joins the head with the first write of a\n" \
		"`Response` or a request; a `StreamResponse` and a `FileResponse` send theirs at once."
	show("Everything that aiohttp 3.12's change did")
	show("Servers")
	show("Clients")
	show("Programs that cannot be helped")
	for (section in rows)
		show(section)
}
