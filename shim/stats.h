/* The counters of this process (ONEWRITE_STATS, ONEWRITE_REPORT): adding to them, and the file that they lie in
 * (stats_file.h).
 *
 * The file is made when the process counts for the first time, so that a process which never has a connection makes
 * none. A child of fork begins anew, with a file of its own; a child made in a way that no hook sees adds to its
 * parent's. When the process ends by a way that passes a hook, its file is folded into its program's total.
 *
 * THREADS. Each counter is an atomic with relaxed order, and nothing is read by the threads that add. */
#ifndef ONEWRITE_STATS_H
#define ONEWRITE_STATS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "stats_rows.h"

typedef _Atomic uint64_t stats_row;

#pragma GCC visibility push(hidden)
/* Where this thread counts; NULL: it has not counted yet. */
extern _Thread_local stats_row *stats_slot __attribute__((tls_model("initial-exec")));
#pragma GCC visibility pop

/* Returns where this thread counts, and makes the file if there is none. Leaves errno alone. */
stats_row *stats_enter(void);

/* Returns the value before. */
static inline uint64_t stats_count(unsigned row, uint64_t n)
{
	stats_row *slot = stats_slot;
	if (__builtin_expect(slot == NULL, 0))
		slot = stats_enter();
	return atomic_fetch_add_explicit(&slot[row], n, memory_order_relaxed);
}

static inline void stats_reason(enum reason why)
{
	stats_count(COUNTERS + (unsigned)why, 1);
}

/* Called by the constructor, after config_read(): complains if the directory cannot be written to, and then counts
 * without a file. */
void stats_begin(void (*complain)(const char *line));
/* Called in a forked child: what its parent has counted is its parent's. */
void stats_in_child(void);
/* Called once, when the process ends: folds the file. May change errno. */
void stats_end(void);
/* The sum of a row over all slots. */
uint64_t stats_sum(unsigned row);

#endif
