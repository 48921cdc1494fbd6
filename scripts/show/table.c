#include "formats.h"

#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

enum { LABEL = 22, REMARK = LABEL + 28, REMARK_BEHIND_RATE = REMARK + 13 /* columns */ };

/* A block that is printed, with what it was before. */
struct block {
	FILE *to;
	double seconds; /* since then; 0: no rates are printed */
};

/* 12,345,678; returns `text`. */
static char *with_commas(char text[static 32], uint64_t number)
{
	char digits[24];
	int n = snprintf(digits, sizeof digits, "%" PRIu64, number), at = 0;
	for (int i = 0; i < n; i++) {
		if (i > 0 && (n - i) % 3 == 0)
			text[at++] = ',';
		text[at++] = digits[i];
	}
	text[at] = '\0';
	return text;
}

/* What stands before the remark of a row. */
static void begin_row(const struct block *b, const char *label, uint64_t now, uint64_t before)
{
	char number[32], rate[32] = "";
	fprintf(b->to, "  %-*s %15s", LABEL, label, with_commas(number, now));
	if (b->seconds > 0) {
		snprintf(rate, sizeof rate, "%.1f/s", now > before ? (double)(now - before) / b->seconds : 0.0);
		fprintf(b->to, " %12s", rate);
	}
}

static void row(const struct block *b, const char *label, uint64_t now, uint64_t before, const char *remark)
{
	begin_row(b, label, now, before);
	fprintf(b->to, "%s%s\n", *remark != '\0' ? "  " : "", remark);
}

/* A row whose remark begins with its part of all messages. */
static void part_row(const struct block *b, const char *label, uint64_t now, uint64_t before, uint64_t messages,
                     const char *remark)
{
	begin_row(b, label, now, before);
	if (messages > 0)
		fprintf(b->to, "  %.1f %% of the messages%s%s", 100.0 * (double)now / (double)messages,
		        *remark != '\0' ? ": " : "", remark);
	putc('\n', b->to);
}

/* The reasons of a group that are not zero, below their sum. */
static void group(const struct block *b, const char *label, enum reason_group of, const struct program *now,
                  const struct program *before)
{
	uint64_t sum = sum_of_group(now->reasons, of);
	if (sum == 0)
		return;
	row(b, label, sum, sum_of_group(before->reasons, of), "");
	for (size_t i = 0; i < REASONS; i++) {
		const struct reason_row *r = &reason_rows[i];
		char word[40];
		if (r->group != of || now->reasons[i] == 0)
			continue;
		snprintf(word, sizeof word, "  %s", r->word);
		row(b, word, now->reasons[i], before->reasons[i], r->meaning);
		if (*r->advice != '\0')
			fprintf(b->to, "%*s%s\n", b->seconds > 0 ? REMARK_BEHIND_RATE : REMARK, "advice: ", r->advice);
	}
}

static const char *time_of(char text[static 32], const struct sums *s, double q)
{
	uint64_t ns = held_quantile(s, q);
	if (ns == UINT64_MAX)
		snprintf(text, 32, "more than %u ms", (unsigned)(held_at_most_ns[HELD_BUCKETS - 2] / 1000000));
	else if (ns < 1000000)
		snprintf(text, 32, "at most %u us", (unsigned)(ns / 1000));
	else
		snprintf(text, 32, "at most %u ms", (unsigned)(ns / 1000000));
	return text;
}

static void held(const struct block *b, const struct sums *now, const struct sums *before)
{
	char median[32], high[32], remark[128];
	if (now->held_count == 0)
		return;
	snprintf(remark, sizeof remark, "median %s, 99th percentile %s", time_of(median, now, 0.5),
	         time_of(high, now, 0.99));
	row(b, "heads timed (1 in 16)", now->held_count, before->held_count, remark);
}

static void heading(const struct block *b, const struct program *p)
{
	char living[32], ended[32];
	fprintf(b->to, "%s, user %s: %s %s, %s ended\n", p->name, p->user, with_commas(living, p->living),
	        p->living == 1 ? "process lives" : "processes live", with_commas(ended, p->ended));
	if (p->mode == STATS_OBSERVING)
		fputs("  These processes only observe: the numbers say what would have been done, and nothing was.\n",
		      b->to);
}

static void print_program(const struct block *b, const struct program *p, const struct program *before)
{
	struct sums now = sums_of(p->counters), then = sums_of(before->counters);
	char responses[32], requests[32], remark[128];
	uint64_t deadline = p->reasons[WHY_DEADLINE];
	heading(b, p);
	snprintf(remark, sizeof remark, "responses %s, requests %s", with_commas(responses, now.responses),
	         with_commas(requests, now.requests));
	row(b, "messages", now.messages, then.messages, remark);
	part_row(b, "joined", now.joined, then.joined, now.messages, "the head left together with bytes of its body");
	part_row(b, "gathered", now.gathered, then.gathered, now.messages, "up to the end of the message");
	part_row(b, "one write already", now.one_write, then.one_write, now.messages, "the program joined them itself");
	part_row(b, "ended by the deadline", deadline, before->reasons[WHY_DEADLINE], now.messages,
	         deadline > 0 ? "they were held in vain" : "");
	group(b, "sent at once", AT_ONCE, p, before);
	group(b, "released", RELEASED, p, before);
	group(b, "held by the kernel", IN_KERNEL, p, before);
	group(b, "not looked at", PASSED_OVER, p, before);
	row(b, "write calls saved", now.saved, then.saved,
	    "estimated: calls that were kept, less calls that the library made itself");
	row(b, "segments saved", now.segments, then.segments,
	    "estimated: one for each head that was joined, and for each write that filled a segment up");
	row(b, "stalls avoided", now.stalls, then.stalls,
	    "joined heads that Nagle's algorithm would have kept from their bodies");
	held(b, &now, &then);
	row(b, "helper errors", now.errors, then.errors, now.errors > 0 ? "sends by the helper that failed" : "");
}

static const struct program *find(const struct programs *all, const char *key)
{
	for (size_t i = 0; all != NULL && i < all->count; i++)
		if (strcmp(all->each[i].key, key) == 0)
			return &all->each[i];
	return NULL;
}

void print_table(FILE *to, const struct programs *now, const struct programs *before, double seconds)
{
	static const struct program none;
	for (size_t i = 0; i < now->count; i++) {
		const struct program *p = &now->each[i], *old = find(before, p->key);
		struct block b = { .to = to, .seconds = before != NULL ? seconds : 0 };
		if (i > 0)
			putc('\n', to);
		print_program(&b, p, old != NULL ? old : &none);
	}
}
