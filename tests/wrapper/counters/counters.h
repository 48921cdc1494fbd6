/* Writes files of counters as the library does (shim/stats_file.h), and reads what is shown of them. */
#ifndef ONEWRITE_TESTS_COUNTERS_H
#define ONEWRITE_TESTS_COUNTERS_H

#include "../../../scripts/show/rows.h"
#include "stats_file.h"

#include <stdbool.h>
#include <sys/types.h>

#define SHOW BUILD_DIR "/show"

/* A file in memory: every row is the sum over all slots. */
struct counters {
	struct stats_head head;
	uint64_t slots[STATS_SLOTS][(COUNTERS + REASONS + 7) / 8 * 8];
};

/* A number that no process has, where the kernel's own limit is what it usually is. */
enum { NO_PROCESS = 1 << 29 };

/* A file of this program's process, of our name space. */
void counters_begin(struct counters *c, const char *program, pid_t pid, uint64_t started);

/* When this process started, in the kernel's clock ticks. */
uint64_t started_of(pid_t pid);

/* Sets a row, as a sum over several slots. */
void count(struct counters *c, enum counter row, uint64_t value);
void count_reason(struct counters *c, enum reason row, uint64_t value);

/* Writes it into this directory under its own name. */
void counters_write(const struct counters *c, const char *directory);

/* Begins, sets one row, and writes. */
void counters_put(const char *directory, const char *program, pid_t pid, enum counter row, uint64_t value);

/* The first number behind "name" in what `show --format json` has printed; UINT64_MAX: there is none. */
uint64_t number_in(const char *shown, const char *name);
/* The same of what it prints of this directory now. */
uint64_t shown(const char *directory, const char *name);

#endif
