# scripts/rows: the first file has the rows, the second is written anew: each of its blocks between a line with
# "rows: NAME" and the next one with "rows: end" is replaced by what block_NAME prints.

# The arguments of SETTING(...) and REASON(...), which may go over several lines; strings lose their quotes.
FILENAME ~ /\.def$/ && /^(SETTING|REASON)\(/ { text = "" ; inside = 1 }
FILENAME ~ /\.def$/ && inside {
	text = text " " $0
	if ($0 ~ /\)$/) {
		inside = 0
		n++
		is_reason[n] = text ~ /^ *REASON/
		sub(/^ *[A-Z]+\(/, "", text)
		sub(/\)$/, "", text)
		field = 0
		while (text != "") {
			sub(/^[ \t,]+/, "", text)
			if (match(text, /^"[^"]*"/)) {
				value = substr(text, 2, RLENGTH - 2)
			} else {
				match(text, /^[^, \t]+/)
				value = substr(text, 1, RLENGTH)
			}
			text = substr(text, RLENGTH + 1)
			row[n, ++field] = value
		}
		if (is_reason[n]) {
			r++
			word[r] = row[n, 2]; group[r] = row[n, 3]; meaning[r] = row[n, 4]; advice[r] = row[n, 5]
			n--
			next
		}
		name[n] = row[n, 1]; upper[n] = row[n, 2]; kind[n] = row[n, 4]; placeholder[n] = row[n, 5]
		values[n] = row[n, 6]; fallback[n] = row[n, 7]; summary[n] = row[n, 8]; purpose[n] = row[n, 9]
	}
}
FILENAME ~ /\.def$/ { next }

/rows: end/ { skip = 0 }
!skip { print }
/rows: [a-z]+/ && !/rows: end/ {
	match($0, /rows: [a-z]+/)
	make(substr($0, RSTART + 6, RLENGTH - 6))
	skip = 1
}

function make(block,    i) {
	if (file == "onewrite" && block == "settings")
		wrapper()
	else if (block == "values" && file == "onewrite.bash")
		bash()
	else if (block == "values" && file == "_onewrite")
		zsh()
	else if (block == "values" && file == "onewrite.fish")
		fish()
	else if (block == "synopsis")
		for (i = 1; i <= n; i++)
			print ".Op Fl -" name[i] (mdoc(i) != "" ? " " : "") mdoc(i)
	else if (block == "variables")
		for (i = 1; i <= n; i++)
			printf ".It Ev ONEWRITE_%s\n.Fl -%s\n", upper[i], name[i]
	else if (block == "reasons")
		reasons()
	else if (block == "table") {
		print "| option | variable | default | |\n|---|---|---|---|"
		for (i = 1; i <= n; i++)
			printf "| `--%s%s%s` | `ONEWRITE_%s` | %s | %s |\n", name[i], gap(i), bars(placeholder[i]),
				upper[i], fallback[i], summary[i]
	} else {
		print "rows: " file " wants a block that nobody makes: " block >"/dev/stderr"
		exit 1
	}
}

# A bar would end the cell of a table.
function bars(text) {
	gsub(/\|/, "\\|", text)
	return text
}

# The options that have a value in the next word, or those that have none there.
function all(before, between, with_value,    i, list) {
	for (i = 1; i <= n; i++)
		if ((gap(i) != "") == with_value)
			list = list (list != "" ? between : "") before name[i]
	return list
}

# The words of a value, without what they mean.
function words(i,    list) {
	list = values[i]
	gsub(/=[^|]*/, "", list)
	return list
}

function blanks(list) {
	gsub(/\|/, " ", list)
	return list
}

# The usage's line: folded where it would be longer than 100 columns.
function usage(option, text,    column, line, word, count, k) {
	line = sprintf("  %-22s", option)
	column = length(line)
	count = split(text, word, " ")
	for (k = 1; k <= count; k++) {
		if (column + 1 + length(word[k]) > 100) {
			print line
			line = sprintf("  %-22s", "")
			column = length(line)
		}
		line = line " " word[k]
		column += 1 + length(word[k])
	}
	print line
}

# What stands between an option and its value.
function gap(i) {
	return kind[i] == "optional" || kind[i] == "flag" ? "" : " "
}

function wrapper(    i) {
	printf "ow_usage='"
	for (i = 1; i <= n; i++) {
		text = summary[i] (kind[i] == "words" || kind[i] == "duration" ? " (default: " fallback[i] ")" : "")
		gsub(/'/, "'\\''", text)
		usage("--" name[i] gap(i) placeholder[i], text)
	}
	print "'"
	print "ow_value_of() { # sets the kind of this option's value, and the words that there are; " \
		"fails where it has none"
	print "\tcase $1 in"
	for (i = 1; i <= n; i++) {
		text = kind[i] == "words" ? blanks(words(i)) : ""
		print "\t--" name[i] ") ow_kind=" kind[i] " ow_words='" text "' ;;"
	}
	print "\t*) return 1 ;;"
	print "\tesac"
	print "}"
	print "ow_keep() {"
	print "\tcase $1 in"
	for (i = 1; i <= n; i++)
		print "\t--" name[i] ") ow_" name[i] "=$2 ;;"
	print "\tesac"
	print "}"
	print "ow_start() {"
	print "\t# shellcheck disable=SC2086 # a list of words"
	print "\texec ${ow_attend:+\"$ow_attend\" attend \"$ow_stats\" \"$ow_file\"} \"$ow_program\" $ow_plan \\"
	for (i = 1; i <= n; i++)
		print "\t\t${ow_" name[i] ":+\"ONEWRITE_" upper[i] "=$ow_" name[i] "\"} \\"
	print "\t\t-- \"$@\""
	print "}"
	for (i = 1; i <= n; i++)
		printf "%sow_%s=''", (i > 1 ? " " : ""), name[i]
	print ""
}

function bash(    i) {
	print "_onewrite_settings='" all("--", " ", 1) "'"
	print "_onewrite_words='" all("--", " ", 0) "'"
	print "_onewrite_values() { # offer values of the option $1, which stand behind $2"
	print "\tcase $1 in"
	for (i = 1; i <= n; i++) {
		if (kind[i] == "words" || kind[i] == "duration")
			print "\t--" name[i] ") _onewrite_offer -P \"$2\" -W '" blanks(words(i)) "' -- \"$cur\" ;;"
		else if (gap(i) != "")
			print "\t--" name[i] ") _onewrite_" kind[i] " \"$2\" ;;"
	}
	print "\t*) return 1 ;;"
	print "\tesac"
	print "}"
}

function zsh(    i, k, count, item, part, list) {
	for (i = 1; i <= n; i++) {
		list = ""
		if (kind[i] == "words") {
			count = split(values[i], item, "|")
			for (k = 1; k <= count; k++) {
				split(item[k], part, "=")
				list = list (k > 1 ? " " : "") part[1] "\\:\"" part[2] "\""
			}
			list = name[i] ":'\\\n'((" list "))"
		} else if (kind[i] == "duration")
			list = "time (100us to 1s):(" blanks(values[i]) ")"
		else if (kind[i] == "names")
			list = "names:_sequence _command_names -e"
		else if (kind[i] == "directory")
			list = "directory:_files -/"
		else
			list = "file:_files"
		if (gap(i) == "")
			print "\t'--" name[i] (kind[i] == "flag" ? "" : "=-") "[" purpose[i] "]" \
				(kind[i] == "flag" ? "" : "::file:_files") "'"
		else
			print "\t'--" name[i] "=[" purpose[i] "]:" list "'"
	}
}

function fish(    i, k, count, item, part, line) {
	print "set -g __fish_onewrite_settings " all("--", " ", 1)
	for (i = 1; i <= n; i++) {
		print "complete -c onewrite -n 'not __fish_onewrite_has_command' -l " name[i] " \\"
		if (kind[i] == "words") {
			line = "-x -a '"
			count = split(values[i], item, "|")
			for (k = 1; k <= count; k++) {
				split(item[k], part, "=")
				line = line (k > 1 ? " " : "") part[1] "\\t\"" part[2] "\""
			}
			line = line "'"
		} else if (kind[i] == "duration")
			line = "-x -a '" blanks(values[i]) "'"
		else if (kind[i] == "names")
			line = "-x -a '(__fish_onewrite_names)'"
		else if (kind[i] == "directory")
			line = "-x -a '(__fish_complete_directories)'"
		else if (gap(i) == "")
			line = "-f"
		else
			line = "-r -F"
		print "\t" line " \\\n\t-d '" toupper(substr(purpose[i], 1, 1)) substr(purpose[i], 2) "'"
	}
}

# The placeholder, as mdoc(7) has it.
function mdoc(i,    text, word, count, k) {
	if (kind[i] == "names")
		return "Ar name , Ns Ar ..."
	if (kind[i] == "flag")
		return ""
	if (kind[i] == "optional")
		return "Ns Oo = Ns Ar file Oc"
	if (kind[i] != "words")
		return "Ar " tolower(placeholder[i])
	count = split(placeholder[i], word, "|")
	text = "Cm " word[1]
	for (k = 2; k <= count; k++)
		text = text " Ns | Ns Cm " word[k]
	return text
}

# The table of reasons in libonewrite(8), by group.
function reasons(    g, i, count, groups, part, title) {
	count = split("AS_MEANT=The message goes the usual way:|" \
		"AT_ONCE=Bytes of a message are sent as they are written:|" \
		"RELEASED=What was held is sent before its body comes:|" \
		"IN_KERNEL=The head is held by the kernel, and not in memory, which costs a system call more:|" \
		"PASSED_OVER=Nothing is held on the connection:", groups, "|")
	for (g = 1; g <= count; g++) {
		split(groups[g], part, "=")
		print ".Pp"
		fold(part[2])
		print ".Bl -tag -width body-to-come"
		for (i = 1; i <= r; i++)
			if (group[i] == part[1])
				reason(i)
		print ".El"
	}
}

function reason(i) {
	print ".It Cm " word[i]
	fold(whole(meaning[i]) ".")
	if (advice[i] != "")
		fold(whole(advice[i]) ".")
}

# Prints lines of 78 columns at most.
function fold(text,    count, part, k, line) {
	count = split(text, part, " ")
	line = part[1]
	for (k = 2; k <= count; k++) {
		if (length(line) + 1 + length(part[k]) > 78) {
			print line
			line = part[k]
		} else
			line = line " " part[k]
	}
	print line
}

# Begins with a capital letter.
function whole(text) {
	return toupper(substr(text, 1, 1)) substr(text, 2)
}
