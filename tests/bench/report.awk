# Reads rates (group, round, contender, requests/s, server's CPU time per response) and figures (section, name, value,
# unit, relation, budget, 95 % interval); writes tables to stdout, and JSON to `json`. Exits with 1 when a budget is
# missed.
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
function quoted(s) {
	gsub(/[\\"]/, "\\\\&", s)
	return "\"" s "\""
}
FILENAME == ARGV[1] {
	key = $1 SUBSEP $3
	if (!(key in runs)) order[++contenders] = key
	runs[key] = runs[key] " " $4
	cpu_time[key] = cpu_time[key] " " $5
	next
}
{
	n++
	section[n] = $1; name[n] = $2; value[n] = $3; unit[n] = $4; relation[n] = $5; budget[n] = $6
	interval[n] = $7
	met[n] = $5 == "" || ($5 == "<=" && $3 + 0 <= $6 + 0) || ($5 == ">=" && $3 + 0 >= $6 + 0)
	if (!met[n]) missed++
}
END {
	for (i = 1; i <= contenders; i++) { # a group's contenders together, however they took turns
		split(order[i], part, SUBSEP)
		if (part[1] in listed) continue
		listed[group = part[1]]
		for (j = i; j <= contenders; j++) {
			split(order[j], part, SUBSEP)
			if (part[1] == group) together[++m] = order[j]
		}
	}
	for (i = 1; i <= m; i++)
		order[i] = together[i]
	group = ""
	for (i = 1; i <= contenders; i++) {
		split(order[i], part, SUBSEP)
		if (part[1] != group) {
			group = part[1]
			printf "%s\n  %-34s %10s %10s %10s %14s\n", group,
				"requests/s", "median", "lowest", "highest", "us CPU each"
		}
		k = sorted(runs[order[i]], v)
		printf "  %-34s %10.0f %10.0f %10.0f %14.2f\n", part[2],
			median(runs[order[i]]), v[1], v[k], median(cpu_time[order[i]])
	}
	group = ""
	for (i = 1; i <= n; i++) {
		if (section[i] != group) { group = section[i]; printf "%s\n", group }
		printf "  %-88s %10s %-12s %-10s %-6s %s\n", name[i], value[i], unit[i],
			relation[i] == "" ? "" : relation[i] " " budget[i],
			relation[i] == "" ? "" : met[i] ? "met" : "MISSED", interval[i]
	}
	printf "{\n\t\"machine\": { \"cpu\": %s, \"cores\": %d, \"kernel\": %s, " \
		"\"descriptors\": %s, \"load_average\": %s },\n",
		quoted(cpu), cores, quoted(kernel), quoted(limit), busy > json
	printf "\t\"rounds\": %d,\n\t\"seconds\": %d,\n", rounds, took > json
	printf "\t\"figures\": [" > json
	for (i = 1; i <= n; i++) {
		printf "%s\n\t\t{ \"section\": %s, \"name\": %s, \"value\": %s, \"unit\": %s", (i > 1 ? "," : ""),
			quoted(section[i]), quoted(name[i]), value[i], quoted(unit[i]) > json
		if (relation[i] != "")
			printf ", \"budget\": %s, \"met\": %s", quoted(relation[i] " " budget[i]),
				met[i] ? "true" : "false" > json
		if (interval[i] != "")
			printf ", \"interval\": %s", quoted(interval[i]) > json
		printf " }" > json
	}
	printf "\n\t],\n\t\"requests_per_second\": [" > json
	for (i = 1; i <= contenders; i++) {
		split(order[i], part, SUBSEP)
		k = sorted(runs[order[i]], v)
		list = v[1]
		for (j = 2; j <= k; j++) list = list ", " v[j]
		printf "%s\n\t\t{ \"group\": %s, \"contender\": %s, \"cpu_us\": %.3f, \"runs\": [%s] }",
			(i > 1 ? "," : ""), quoted(part[1]), quoted(part[2]), median(cpu_time[order[i]]), list > json
	}
	printf "\n\t]\n}\n" > json
	printf "\n%d budgets missed; all figures in %s\n", missed, json
	exit missed > 0
}
