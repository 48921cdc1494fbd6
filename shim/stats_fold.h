/* Folds the file of a process that has ended into the total of its program and user (stats_file.h).
 *
 * The library does so when a process ends, and `onewrite --show` does so for processes that could not. So this is
 * system calls only: no memory is allocated, nothing waits, and the caller says by which function calls are made.
 *
 * The directory may be everybody's (mode 1777). No link is followed, no file of another kind is opened for long, and a
 * total counts only if it belongs to the user whose file is folded. */
#ifndef ONEWRITE_STATS_FOLD_H
#define ONEWRITE_STATS_FOLD_H

#include "stats_file.h"

#include <sys/stat.h>

#define STATS_OPEN_SAFELY (O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC | O_NOCTTY)

/* The room that folding takes; the caller has it, and sets the two functions. */
struct stats_fold {
	long (*syscall)(long number, ...); /* as libc's, which sets errno */
	int (*fstat)(int fd, struct stat *status);
	struct stats_head file;
	struct stats_total total;
	uint64_t slot[STATS_ROWS_MAX];
	char total_name[STATS_NAME_MAX], noted_name[STATS_NAME_MAX];
};

/* Folds the file of this name in this directory, whose process has ended. Returns NULL if that is done, by this call or
 * by another process meanwhile; stats_busy if another process is at that total, so that the call may be made again; or
 * why it cannot be done, and then nothing was added. */
const char *stats_fold(struct stats_fold *f, int dir, const char *name);
extern const char stats_busy[];

#endif
