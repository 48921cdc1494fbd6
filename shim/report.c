#include "report.h"

#include <string.h>

static void begin(const struct report *r, struct line *l)
{
	l->len = 0;
	line_put(l, "onewrite: ");
	line_put(l, r->program);
	line_put(l, " (");
	line_number(l, (uint64_t)r->pid, 1);
	line_put(l, "):");
}

static void count(struct line *l, uint64_t n, const char *of_what)
{
	line_put(l, " ");
	line_number(l, n, 1);
	line_put(l, " ");
	line_put(l, of_what);
}

static void end(const struct report *r, struct line *l)
{
	line_end(l);
	r->put(l);
}

/* A line with the reasons of these two groups that were counted, if there is any. */
static void reasons(const struct report *r, const char *what, enum reason_group one, enum reason_group other)
{
	struct line l;
	bool any = false;
	begin(r, &l);
	line_put(&l, what);
	for (enum reason why = 0; why < REASONS; why++) {
		uint64_t n = r->sum_of[COUNTERS + (unsigned)why];
		if (n == 0 || (reason_group(why) != one && reason_group(why) != other))
			continue;
		line_put(&l, any ? ", " : " ");
		line_put(&l, reason_word(why));
		line_put(&l, " ");
		line_number(&l, n, 1);
		any = true;
	}
	if (any)
		end(r, &l);
}

static uint64_t sum(uint64_t a, uint64_t b)
{
	return a + b;
}

void report_write(const struct report *r)
{
	uint64_t n[COUNTERS], any = 0;
	struct line l;
	for (unsigned row = 0; row < STATS_ROWS; row++)
		any |= r->sum_of[row];
	if (any == 0)
		return;
	memcpy(n, r->sum_of, sizeof n);
	stats_spread_usual(n, sum);
	begin(r, &l);
	count(&l, n[COUNT_RESPONSES], "responses,");
	count(&l, n[COUNT_REQUESTS], "requests:");
	count(&l, n[COUNT_JOINED], r->observes ? "would have been joined," : "joined,");
	count(&l, n[COUNT_ONE_WRITE], "written at once by the program");
	end(r, &l);
	begin(r, &l);
	line_put(&l, r->observes ? " would have saved" : " saved");
	count(&l, n[COUNT_KEPT] > n[COUNT_ADDED] ? n[COUNT_KEPT] - n[COUNT_ADDED] : 0, "write calls,");
	count(&l, n[COUNT_JOINED] + n[COUNT_FILLED], "segments and");
	count(&l, n[COUNT_STALLS], "stalls (estimated, at most)");
	end(r, &l);
	reasons(r, " sent at once or early:", AT_ONCE, RELEASED);
	reasons(r, " held by the kernel:", IN_KERNEL, IN_KERNEL);
	reasons(r, " not looked at:", PASSED_OVER, PASSED_OVER);
}
