#include "formats.h"

#include <inttypes.h>
#include <stdbool.h>

/* The value of a label; the text is printable already. */
static void label(FILE *to, const char *name, const char *value)
{
	fprintf(to, "%s=\"", name);
	for (; *value != '\0'; value++) {
		if (*value == '"' || *value == '\\')
			putc('\\', to);
		putc(*value, to);
	}
	putc('"', to);
}

/* The beginning of a line: name and labels, of which `extra` (NULL: none) is the last one. */
static void series(FILE *to, const char *name, const struct program *p, const char *extra, const char *value)
{
	fprintf(to, "%s{", name);
	label(to, "program", p->name);
	putc(',', to);
	label(to, "user", p->user);
	putc(',', to);
	label(to, "mode", p->mode == STATS_OBSERVING ? "observing" : "active");
	if (extra != NULL) {
		putc(',', to);
		label(to, extra, value);
	}
	fputs("} ", to);
}

static void sample(FILE *to, const char *name, const struct program *p, const char *extra, const char *value,
                   uint64_t number)
{
	series(to, name, p, extra, value);
	fprintf(to, "%" PRIu64 "\n", number);
}

static void family(FILE *to, const char *name, const char *type, const char *help)
{
	fprintf(to, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, type);
}

/* The counters that are one number of a program. */
static const struct {
	const char *name, *help;
	size_t at; /* in struct sums */
} plain[] = {
#define AT(member) offsetof(struct sums, member)
	{ "onewrite_messages_joined_total", "Messages whose head left together with bytes of the body.", AT(joined) },
	{ "onewrite_messages_gathered_total", "Messages that were gathered up to their end.", AT(gathered) },
	{ "onewrite_one_write_total", "Messages that the program wrote in one call itself.", AT(one_write) },
	{ "onewrite_write_calls_kept_total", "Write calls that the kernel did not see.", AT(kept) },
	{ "onewrite_write_calls_added_total", "System calls that the library made to send what it held.", AT(added) },
	{ "onewrite_segments_saved_total",
	  "TCP segments saved, estimated: joined heads and writes that filled a segment.", AT(segments) },
	{ "onewrite_stalls_avoided_total", "Joined heads that Nagle's algorithm would have kept from their bodies.",
	  AT(stalls) },
	{ "onewrite_helper_errors_total", "Sends by the helper that met an error.", AT(errors) },
#undef AT
};

static const struct {
	const char *name, *help;
	enum reason_group group;
} by_reason[] = {
	{ "onewrite_at_once_total", "What was sent as it was written, by reason.", AT_ONCE },
	{ "onewrite_released_total", "What was held and sent before the body came, by reason.", RELEASED },
	{ "onewrite_passed_over_total", "What was not looked at, by reason.", PASSED_OVER },
	{ "onewrite_held_in_kernel_total", "What was held by the kernel and not in memory, by reason.", IN_KERNEL },
};

static void print_messages(FILE *to, const struct programs *p)
{
	const char *name = "onewrite_messages_total";
	family(to, name, "counter", "Messages that began, by kind.");
	for (size_t i = 0; i < p->count; i++) {
		struct sums s = sums_of(p->each[i].counters);
		sample(to, name, &p->each[i], "kind", "response", s.responses);
		sample(to, name, &p->each[i], "kind", "request", s.requests);
	}
}

static void print_held(FILE *to, const struct programs *p)
{
	family(to, "onewrite_held_seconds", "histogram",
	       "How long heads were held, of those that are timed (one in 16).");
	for (size_t i = 0; i < p->count; i++) {
		struct sums s = sums_of(p->each[i].counters);
		uint64_t sum = 0;
		for (size_t j = 0; j < HELD_BUCKETS; j++) {
			char bound[32] = "+Inf";
			sum = saturating_sum(sum, s.held[j]);
			if (j < HELD_BUCKETS - 1)
				snprintf(bound, sizeof bound, "%g", (double)held_at_most_ns[j] / 1e9);
			sample(to, "onewrite_held_seconds_bucket", &p->each[i], "le", bound, sum);
		}
		series(to, "onewrite_held_seconds_sum", &p->each[i], NULL, NULL);
		fprintf(to, "%" PRIu64 ".%09" PRIu64 "\n", s.held_ns / 1000000000, s.held_ns % 1000000000);
		sample(to, "onewrite_held_seconds_count", &p->each[i], NULL, NULL, sum);
	}
}

void print_prometheus(FILE *to, const struct programs *p)
{
	family(to, "onewrite_processes", "gauge", "Processes that live and count.");
	for (size_t i = 0; i < p->count; i++)
		sample(to, "onewrite_processes", &p->each[i], NULL, NULL, p->each[i].living);
	print_messages(to, p);
	for (size_t k = 0; k < sizeof plain / sizeof *plain; k++) {
		family(to, plain[k].name, "counter", plain[k].help);
		for (size_t i = 0; i < p->count; i++) {
			struct sums s = sums_of(p->each[i].counters);
			const uint64_t *number = (const uint64_t *)(const void *)((const char *)&s + plain[k].at);
			sample(to, plain[k].name, &p->each[i], NULL, NULL, *number);
		}
	}
	for (size_t k = 0; k < sizeof by_reason / sizeof *by_reason; k++) {
		family(to, by_reason[k].name, "counter", by_reason[k].help);
		for (size_t i = 0; i < p->count; i++)
			for (size_t j = 0; j < REASONS; j++)
				if (reason_rows[j].group == by_reason[k].group)
					sample(to, by_reason[k].name, &p->each[i], "reason", reason_rows[j].word,
					       p->each[i].reasons[j]);
	}
	print_held(to, p);
}
