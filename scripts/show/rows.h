/* The rows of shim/counters.def and shim/reasons.def, and what they add up to. */
#ifndef ONEWRITE_SHOW_ROWS_H
#define ONEWRITE_SHOW_ROWS_H

#include "../../shim/stats_rows.h"

#include <stdint.h>

extern const struct reason_row {
	const char *word;
	enum reason_group group;
	const char *meaning, *advice;
} reason_rows[REASONS];

/* The buckets of held times: how many nanoseconds are in each at most. The last one has no end. */
enum { HELD_BUCKETS = 7 };
extern const uint64_t held_at_most_ns[HELD_BUCKETS - 1];

/* What the rows of one program say. Sums stay at their largest value where they would go round. */
struct sums {
	uint64_t messages, responses, requests;
	uint64_t joined, gathered, one_write;
	uint64_t kept, added, saved; /* write calls; saved: estimated */
	uint64_t segments;           /* saved: estimated */
	uint64_t stalls, errors;
	uint64_t held[HELD_BUCKETS], held_count, held_ns; /* of the heads that are timed */
};

struct sums sums_of(const uint64_t counters[static COUNTERS]);

/* All reasons of the group together. */
uint64_t sum_of_group(const uint64_t reasons[static REASONS], enum reason_group group);

/* The time that the part q (0 to 1) of the timed heads was held at most, in nanoseconds; UINT64_MAX: in no bucket with
 * an end. There is at least one timed head. */
uint64_t held_quantile(const struct sums *s, double q);

uint64_t saturating_sum(uint64_t a, uint64_t b);

#endif
