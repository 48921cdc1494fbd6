/* The settings, read once by the constructor: ONEWRITE_* in the environment, and the file of settings.
 *
 * A value that is not understood costs one line on stderr and leaves the default. */
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
#define TIMEOUT_MAX_NS     1000000000u /* for tests; a hold near the 40 ms of a delayed ACK is itself a stall */

enum hold_place {
	PLACE_MEMORY, /* the library's memory if nobody else can write to the socket (conn_is_ours), else the kernel */
	PLACE_KERNEL, /* always the kernel (MSG_MORE) */
};

/* All fields but `active` and `off` are set by the constructor before `active` is, and do not change afterwards. */
struct config {
	uint64_t timeout_ns;   /* ONEWRITE_TIMEOUT=500us|5ms: the longest time anything is held */
	enum hold_join join;   /* ONEWRITE_JOIN=header|message */
	enum hold_place place; /* ONEWRITE_HOLD=memory|kernel; memory may be forbidden meanwhile (process.h) */
	/* atomic, in the default memory order; false before the constructor, after the destructor, and once the library
	 * has retired: then nothing new is held */
	_Atomic bool active;
	/* atomic, in the default memory order; root has switched the library off (conf_file_says_off): no message
	 * begins any more, and those that have begun go on as ever */
	_Atomic bool off;
	const char *trace; /* ONEWRITE_TRACE=FILE: append one line per decision; NULL: none */
	const char *stats; /* ONEWRITE_STATS=DIR: count in a file there (stats.h); NULL: none */
	const char
		*report;  /* ONEWRITE_REPORT=FILE: report there when the process ends; "" is stderr; NULL: no report */
	bool observe;     /* ONEWRITE_OBSERVE=1: count what would be done, and do nothing */
	bool counts;      /* `stats` or `report` is set */
	bool notes;       /* `trace` is set, or `counts` */
	char program[64]; /* the name by which counters and reports call the process: of its file, or of its script */
};

extern struct config config;

/* Does the environment name a setting, or what may be meant for one? If not, and without a file, nothing is set. */
bool config_is_given(char **envp);
/* Read the settings into `config`; if this program is not to be helped, `trace` only.
 *   file      the text of the file of settings (conf_file.h), NULL if there is none; the environment outranks it
 *   image     the path of the program's file, "" if it is not known
 *   exists    tells whether there is a file of this path
 *   complain  is called with each complaint: one finished line without a newline
 * Returns whether this program is to be helped. It is not if a list of programs (ONEWRITE_ONLY) leaves it out, which
 * draws no complaint, or if a line of the file is not understood, for that line may have been the list. */
bool config_read(char **argv, char **envp, struct settings_text *file, const char *image,
                 bool (*exists)(const char *path), void (*complain)(const char *line));

/* Convert "500us", "5ms" or "1s" to nanoseconds. False: the text is no duration, or one that is out of range; then *ns
 * is left alone. */
bool config_duration(const char *text, uint64_t *ns);

#endif
