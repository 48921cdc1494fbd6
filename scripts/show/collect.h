/* Reads all files of counters in a directory, and sums them up by program and user. */
#ifndef ONEWRITE_SHOW_COLLECT_H
#define ONEWRITE_SHOW_COLLECT_H

#include "../../shim/stats_file.h"
#include "rows.h"

#include <stddef.h>

/* What the processes of one program and user counted together. */
struct program {
	char key[STATS_NAME_MAX]; /* the name of its total: by it programs are told apart */
	char name[64];            /* printable */
	char user[64];
	uint32_t uid;
	enum stats_mode mode;
	uint64_t living, ended; /* processes */
	uint64_t counters[COUNTERS], reasons[REASONS];
};

struct programs {
	struct program *each; /* sorted by name and user */
	size_t count;
};

/* Opens the directory. Ends this program where there is none, or none that can be read. */
void collect_open(const char *directory);

/* Folds what can be folded, and reads it all. What cannot be read is said on standard error, each time that
 * `complains`. The caller frees each. */
struct programs collect(_Bool complains);

#endif
