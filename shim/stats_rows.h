/* The rows of the counters: those of counters.def, and behind them one for each reason (reason.h). */
#ifndef ONEWRITE_STATS_ROWS_H
#define ONEWRITE_STATS_ROWS_H

#include "reason.h"

enum counter {
/* clang-format off */
#define COUNTER(NAME, ...) COUNT_##NAME,
/* clang-format on */
#include "counters.def"
	COUNTERS,
};
enum { STATS_ROWS = COUNTERS + REASONS };

#endif
