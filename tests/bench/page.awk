# Reads figures (section, name, value, unit, relation, budget, 95 % interval) and rates (group, round, contender,
# requests/s, server's CPU time per response) of one section; writes them as tables in Markdown.
function sorted(list, v, n,    i, j, t) {
	n = split(list, v, " ")
	for (i = 2; i <= n; i++)
		for (j = i; j > 1 && v[j] + 0 < v[j - 1] + 0; j--) { t = v[j]; v[j] = v[j - 1]; v[j - 1] = t }
	return n
}
function median(list,    v, n) {
	n = sorted(list, v)
	return n % 2 ? v[(n + 1) / 2] : (v[n / 2] + v[n / 2 + 1]) / 2
}
function budget(    met) {
	if ($5 == "")
		return ""
	met = $5 == "<=" ? $3 + 0 <= $6 + 0 : $3 + 0 >= $6 + 0
	return ($5 == "<=" ? "at most " : "at least ") $6 (met ? "" : ", **missed**")
}
FILENAME == ARGV[1] {
	if (!figures++)
		printf "| figure | measured | 95 %% interval | budget |\n|---|---|---|---|\n"
	name = $2
	gsub(/\|/, "\\|", name)
	printf "| %s | %s %s | %s | %s |\n", name, $3, $4, $7, budget()
	next
}
{
	key = $1 SUBSEP $3
	if (!(key in runs))
		order[++contenders] = key
	runs[key] = runs[key] " " $4
	cpu_time[key] = cpu_time[key] " " $5
}
END {
	if (contenders)
		printf "%s| | | requests/s, median | lowest | highest | CPU time each |\n|---|---|---|---|---|---|\n",
			figures ? "\n" : ""
	for (i = 1; i <= contenders; i++) { # a group's contenders together, however they took turns
		split(order[i], part, SUBSEP)
		if (part[1] in listed)
			continue
		listed[group = part[1]]
		for (j = i; j <= contenders; j++) {
			split(order[j], part, SUBSEP)
			if (part[1] != group)
				continue
			n = sorted(runs[order[j]], v)
			printf "| %s | %s | %.0f | %.0f | %.0f | %.2f us |\n", j == i ? group : "", part[2],
				median(runs[order[j]]), v[1], v[n], median(cpu_time[order[j]])
		}
	}
}
