/* The settings, read once: ONEWRITE_* of the environment and the file of settings -> one struct. A bad value costs one
 * line on stderr and leaves the default. */
#ifndef ONEWRITE_CONFIG_H
#define ONEWRITE_CONFIG_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "hold.h"
#include "settings.h"

#define TIMEOUT_DEFAULT_NS 5000000u
#define TIMEOUT_MIN_NS     100000u     /* below this a hold is shorter than the gap it waits for */
#define TIMEOUT_MAX_NS     1000000000u /* for tests; anything near the 40 ms of a delayed ACK is a stall of our own */

enum hold_place {
	PLACE_MEMORY, /* our memory where the descriptor's history is proof, else the kernel */
	PLACE_KERNEL, /* always the kernel (MSG_MORE) */
};

struct config {
	uint64_t timeout_ns;   /* ONEWRITE_TIMEOUT=500us|5ms: the longest time anything is held */
	enum hold_join join;   /* ONEWRITE_JOIN=header|message */
	enum hold_place place; /* ONEWRITE_HOLD=memory|kernel; where it may be now, process.h says */
	/* false outside the time between constructor and destructor: every hook passes its call on */
	_Atomic bool active;
	const char *trace; /* ONEWRITE_TRACE=FILE: append one line per decision; NULL: none */
};

extern struct config config;

/* Read the settings. `file`: the text of the file of settings (conf_file.h), NULL: there is none; what the environment
 * sets counts before it. `image`: the path of the program's file; "": not known. `exists`: is there a file of this
 * path? Complaints go to `complain` (one finished line each, no newline). Returns whether this program is to be helped:
 * a list of programs may leave it out, and then nothing is said; and a file of which it is not clear what it sets, for
 * that may have been the list. */
bool config_read(char **argv, char **envp, struct settings_text *file, const char *image,
                 bool (*exists)(const char *path), void (*complain)(const char *line));

/* "500us", "5ms", "1s" -> nanoseconds. False: not a duration, or out of range. */
bool config_duration(const char *text, uint64_t *ns);

#endif
