#include "rows.h"

#include <stddef.h>
#include <string.h>

const struct reason_row reason_rows[REASONS] = {
#define REASON(NAME, word, group, meaning, advice) { word, group, meaning, advice },
#include "../../shim/reasons.def"
};

const uint64_t held_at_most_ns[HELD_BUCKETS - 1] = { 100000, 250000, 500000, 1000000, 2000000, 5000000 };

/* The rows of the buckets stand behind each other. */
_Static_assert(COUNT_HELD_LONGER - COUNT_HELD_100_US == HELD_BUCKETS - 1, "a bucket is missing here");

uint64_t saturating_sum(uint64_t a, uint64_t b)
{
	uint64_t sum;
	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

struct sums sums_of(const uint64_t counted[static COUNTERS])
{
	uint64_t c[COUNTERS];
	memcpy(c, counted, sizeof c);
	stats_spread_usual(c, saturating_sum);
	struct sums s = {
		.responses = c[COUNT_RESPONSES],
		.requests = c[COUNT_REQUESTS],
		.joined = c[COUNT_JOINED],
		.gathered = c[COUNT_GATHERED],
		.one_write = c[COUNT_ONE_WRITE],
		.kept = c[COUNT_KEPT],
		.added = c[COUNT_ADDED],
		.stalls = c[COUNT_STALLS],
		.errors = c[COUNT_ERRORS],
		.held_ns = c[COUNT_HELD_NS],
	};
	s.messages = saturating_sum(s.responses, s.requests);
	s.saved = s.kept > s.added ? s.kept - s.added : 0;
	s.segments = saturating_sum(s.joined, c[COUNT_FILLED]);
	for (size_t i = 0; i < HELD_BUCKETS; i++) {
		s.held[i] = c[COUNT_HELD_100_US + i];
		s.held_count = saturating_sum(s.held_count, s.held[i]);
	}
	return s;
}

uint64_t sum_of_group(const uint64_t reasons[static REASONS], enum reason_group group)
{
	uint64_t sum = 0;
	for (size_t i = 0; i < REASONS; i++)
		if (reason_rows[i].group == group)
			sum = saturating_sum(sum, reasons[i]);
	return sum;
}

uint64_t held_quantile(const struct sums *s, double q)
{
	uint64_t seen = 0;
	for (size_t i = 0; i < HELD_BUCKETS - 1; i++) {
		seen = saturating_sum(seen, s->held[i]);
		if ((double)seen >= q * (double)s->held_count)
			return held_at_most_ns[i];
	}
	return UINT64_MAX;
}
