/* Reads one file of counters. The directory may be everybody's, and a file in it may be anything: what it is, is looked
 * at before a byte of it is believed, and it is read and never mapped, since it may shrink meanwhile. */
#ifndef ONEWRITE_SHOW_FILE_H
#define ONEWRITE_SHOW_FILE_H

#include "../../shim/stats_file.h"
#include "rows.h"

/* What one file says, of the rows that we know. */
struct counted {
	uint32_t uid; /* of the file's owner, by the file system */
	struct stats_head head;
	uint64_t counters[COUNTERS], reasons[REASONS];
};

/* Opens it, if it can be a file of counters. Returns its descriptor; -1, with why it is none in *why, or with NULL
 * there if it is gone. */
int file_open(int dir, const char *name, const char **why);

/* Reads its head only, or all of it. Returns NULL, or why it cannot be read. A file of no bytes is whole if it is a
 * total's: then the head has no processes. */
extern const char file_is_being_made[]; /* is returned for one that has no head yet, and is young */
const char *file_head(int fd, const char *name, struct counted *c);
const char *file_read(int fd, const char *name, struct counted *c);

#endif
