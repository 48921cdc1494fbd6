#include "formats.h"

#include <inttypes.h>
#include <stdbool.h>

/* A string; the text is printable already. */
static void string(FILE *to, const char *name, const char *value)
{
	fprintf(to, "\"%s\":\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			putc('\\', to);
		putc(*value, to);
	}
	fputs("\",", to);
}

static void number(FILE *to, const char *name, uint64_t value)
{
	fprintf(to, "\"%s\":%" PRIu64, name, value);
}

static void reasons(FILE *to, const char *name, const struct program *p, enum reason_group group)
{
	bool is_first = true;
	fprintf(to, "\"%s\":{", name);
	for (size_t i = 0; i < REASONS; i++)
		if (reason_rows[i].group == group) {
			if (!is_first)
				putc(',', to);
			is_first = false;
			number(to, reason_rows[i].word, p->reasons[i]);
		}
	fputs("},", to);
}

static void held(FILE *to, const struct sums *s)
{
	fputs("\"held\":{\"buckets\":[", to);
	for (size_t i = 0; i < HELD_BUCKETS; i++) {
		fputs(i > 0 ? ",{" : "{", to);
		if (i < HELD_BUCKETS - 1)
			fprintf(to, "\"at_most_seconds\":%g,", (double)held_at_most_ns[i] / 1e9);
		else
			fputs("\"at_most_seconds\":null,", to);
		number(to, "heads", s->held[i]);
		putc('}', to);
	}
	fputs("],", to);
	number(to, "heads", s->held_count);
	fprintf(to, ",\"seconds\":%" PRIu64 ".%09" PRIu64 "}", s->held_ns / 1000000000, s->held_ns % 1000000000);
}

static void print_program(FILE *to, const struct program *p)
{
	struct sums s = sums_of(p->counters);
	const struct {
		const char *name;
		uint64_t value;
	} numbers[] = {
		{ "joined", s.joined },           { "gathered", s.gathered },     { "one_write", s.one_write },
		{ "segments_saved", s.segments }, { "stalls_avoided", s.stalls }, { "helper_errors", s.errors },
	};
	putc('{', to);
	string(to, "program", p->name);
	string(to, "user", p->user);
	number(to, "uid", p->uid);
	putc(',', to);
	string(to, "mode", p->mode == STATS_OBSERVING ? "observing" : "active");
	fprintf(to, "\"processes\":{\"living\":%" PRIu64 ",\"ended\":%" PRIu64 "},", p->living, p->ended);
	fprintf(to, "\"messages\":{\"responses\":%" PRIu64 ",\"requests\":%" PRIu64 "},", s.responses, s.requests);
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		number(to, numbers[i].name, numbers[i].value);
		putc(',', to);
	}
	fprintf(to, "\"write_calls\":{\"kept\":%" PRIu64 ",\"added\":%" PRIu64 ",\"saved\":%" PRIu64 "},", s.kept,
	        s.added, s.saved);
	reasons(to, "at_once", p, AT_ONCE);
	reasons(to, "released", p, RELEASED);
	reasons(to, "passed_over", p, PASSED_OVER);
	reasons(to, "held_in_kernel", p, IN_KERNEL);
	held(to, &s);
	putc('}', to);
}

void print_json(FILE *to, const struct programs *p)
{
	fputs("{\"programs\":[", to);
	for (size_t i = 0; i < p->count; i++) {
		fputs(i > 0 ? ",\n" : "\n", to);
		print_program(to, &p->each[i]);
	}
	fputs("\n]}\n", to);
}
