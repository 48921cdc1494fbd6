/* The rows of the counters: those of counters.def, and behind them one for each reason (reason.h). */
#ifndef ONEWRITE_STATS_ROWS_H
#define ONEWRITE_STATS_ROWS_H

#include <stdbool.h>
#include <stdint.h>

#include "reason.h"

enum counter {
/* clang-format off */
#define COUNTER(NAME, ...) COUNT_##NAME,
/* clang-format on */
#include "counters.def"
	COUNTERS,
};
enum { STATS_ROWS = COUNTERS + REASONS };
_Static_assert(COUNT_USUAL_REQUESTS == COUNT_USUAL_RESPONSES + 1 &&
                       COUNT_USUAL_REQUESTS_STALLED == COUNT_USUAL_RESPONSES_STALLED + 1,
               "requests are counted a row after responses");

/* What the USUAL rows count as is added there. `add` bounds the sums. */
static inline void stats_spread_usual(uint64_t c[static COUNTERS], uint64_t (*add)(uint64_t, uint64_t))
{
	for (unsigned row = COUNT_USUAL_RESPONSES; row <= COUNT_USUAL_REQUESTS_STALLED; row++) {
		bool request = row == COUNT_USUAL_REQUESTS || row == COUNT_USUAL_REQUESTS_STALLED;
		unsigned as[] = { request ? COUNT_REQUESTS : COUNT_RESPONSES, COUNT_KEPT, COUNT_JOINED, COUNT_GATHERED,
			          COUNT_STALLS };
		unsigned n = row >= COUNT_USUAL_RESPONSES_STALLED ? 5 : 4;
		for (unsigned i = 0; i < n; i++)
			c[as[i]] = add(c[as[i]], c[row]);
		c[row] = 0;
	}
}

#endif
