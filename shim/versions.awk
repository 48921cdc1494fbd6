# Makes the list of what the library exports, and in which versions, for the linker and for C.
#
# Input: hooks.def, and libc's symbols as readelf --dyn-syms shows them. Output: a version script (-v map=FILE) and a
# header (-v header=FILE). -v doors=1: with the older versions of names. -v two_times=1: with the names for 32 bits.
#
# A name without a version matches every reference. Where libc has several versions of a name that is VERSIONED, the
# library has the same ones: the newest is that of the hook NAME, and NAME_1, NAME_2, ... are hooks for the older ones.
BEGIN {
	print "/* Made by versions.awk. For each older version that libc has: " \
		"X(NAME, HOOK, VERSION), OLD_NAME(X): X(HOOK). */" >header
}

FILENAME ~ /hooks\.def$/ {
	if (/^#if TWO_TIMES/)
		left_out = !two_times
	if (/^#endif/)
		left_out = 0
	if (left_out)
		next
	if (match($0, /^HOOK\([A-Za-z0-9_]*\)/))
		hooks[++hook_count] = substr($0, 6, RLENGTH - 6)
	if (match($0, /^VERSIONED\([A-Za-z0-9_]*\)/))
		versioned[++versioned_count] = substr($0, 11, RLENGTH - 11)
	next
}

$NF ~ /@/ && $7 != "UND" && !seen[$NF]++ {
	split($NF, part, "@+")
	name = part[1]
	if (part[2] ~ /^GLIBC_[0-9.]*$/ && (oldest == "" || age(part[2]) < age(oldest)))
		oldest = part[2]
	if (doors && $NF ~ /@@/)
		newest[name] = part[2]
	else if (doors)
		older[name] = older[name] " " part[2]
}

function age(version,   part) {
	split(substr(version, 7), part, ".")
	return part[1] * 1000000 + part[2] * 1000 + part[3]
}

END {
	rows = ""
	for (i = 1; i <= versioned_count; i++) {
		name = versioned[i]
		n = name in newest ? split(older[name], version, " ") : 0
		uses = ""
		for (k = 1; k <= n; k++) {
			hook = name "_" k
			rows = rows " X(" name ", " hook ", \"" version[k] "\")"
			uses = uses " X(" hook ")"
			nodes[version[k]] = nodes[version[k]]
		}
		if (n > 0)
			nodes[newest[name]] = nodes[newest[name]] " " name ";"
		print "#define OLD_" name "(X)" uses >header
	}
	print "#define OLD_VERSIONS(X)" rows >header

	if (rows == "") {
		print "{ global:" >map
		for (i = 1; i <= hook_count; i++)
			print "  " hooks[i] ";" >map
		print "local: *; };" >map
		exit
	}
	# Names in no node have no version, and match any reference. The oldest version comes first, as in libc, for a
	# reference without a version gets the first one. The labels door_NAME of older versions are not exported.
	nodes[oldest] = nodes[oldest]
	hidden = " local: door_*;"
	while (oldest != "") {
		print oldest " {" (nodes[oldest] != "" ? " global:" nodes[oldest] : "") hidden " };" >map
		hidden = ""
		delete nodes[oldest]
		oldest = ""
		for (node in nodes)
			if (oldest == "" || age(node) < age(oldest))
				oldest = node
	}
}
