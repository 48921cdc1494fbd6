/* What a process has counted, in a few lines (ONEWRITE_REPORT). The library writes them when the process ends, and
 * `onewrite --report` for a process that a signal has ended. */
#ifndef ONEWRITE_REPORT_H
#define ONEWRITE_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "line.h"
#include "stats_rows.h"

struct report {
	const char *program;
	int64_t pid;
	bool observes;                     /* nothing of it was done */
	uint64_t sum_of[STATS_ROWS];       /* of each row */
	void (*put)(const struct line *l); /* is called for each line */
};

/* Does nothing if nothing was counted. */
void report_write(const struct report *r);

#endif
