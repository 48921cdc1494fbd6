/* The file in which one process counts (ONEWRITE_STATS): what lies where in it. The library writes it, and
 * `onewrite --show` reads it.
 *
 * The head says whose file it is. Behind it lie STATS_SLOTS slots, each with one counter for every row of counters.def
 * and then one for every row of reasons.def; what is counted is the sum over all slots. Each thread adds to one slot,
 * so that threads do not share cache lines until there are more of them than slots. A process adds with atomic
 * additions to a shared mapping, so whatever was counted is there however the process ends.
 *
 * The file of a process that has ended is folded once into the total of its program and user, which is a file of the
 * same form with one slot. Who folds (stats_fold.h) holds an exclusive flock(2) of the total, adds and notes which file
 * it has added (`folded`) in one write, and then removes that file: if it is killed between the two, the next one finds
 * the note, and only removes. Who reads holds a shared lock of the total meanwhile. A total of no bytes is one that
 * nothing was added to yet; any other one has STATS_TOTAL_SIZE bytes, one page, so that a write of it is never half
 * done.
 *
 * Names: PROGRAM-PID-STARTED.stats, and UID-PROGRAM.total; bytes of PROGRAM other than letters, digits, '.', '_' and
 * '+' are '_'. What processes that only observe have counted is in a total of its own, UID-PROGRAM-observed.total, for
 * nothing of it was done. Both are created by O_CREAT | O_EXCL | O_NOFOLLOW, mode 0644. Rows are only ever added, at
 * the end of each table: a file says how many of each it has, and what a reader does not know it leaves out. Numbers
 * are in the machine's byte order. */
#ifndef ONEWRITE_STATS_FILE_H
#define ONEWRITE_STATS_FILE_H

#include <stdbool.h>
#include <stdint.h>

#define STATS_MAGIC     "onewrite stats 1"
#define STATS_SUFFIX    ".stats"
#define STATS_TOTAL     ".total"
#define STATS_OBSERVED  "-observed.total"
#define STATS_TOTAL_MAX (1u << 16) /* bytes: no file of this kind is larger */

enum { STATS_SLOTS = 16, STATS_LINE = 64 /* bytes of a cache line */ };
enum { STATS_TOTAL_SIZE = 4096, STATS_ROWS_MAX = (STATS_TOTAL_SIZE - 256) / 8 /* of both tables together */ };

enum stats_mode { STATS_ACTIVE, STATS_OBSERVING };

/* 256 bytes. */
struct stats_head {
	char magic[16];     /* STATS_MAGIC, without an end */
	uint32_t head_size; /* bytes: the first slot begins behind them */
	uint32_t slots, slot_size;
	uint32_t counters, reasons; /* how many rows of each table */
	int32_t pid;                /* in the process's own name space */
	uint64_t started;           /* clock ticks after boot: field 22 of /proc/PID/stat */
	uint64_t
		pid_space; /* inode of /proc/self/ns/pid; a process of another one cannot be looked for by its number */
	uint64_t began;    /* CLOCK_REALTIME seconds: when the file was made */
	uint32_t mode;     /* enum stats_mode */
	uint32_t processes; /* in a total: how many were folded into it; else 1 */
	/* in a total: which file was folded last, by `pid`, `started` and `began` of that file */
	struct {
		int32_t pid;
		uint32_t unused;
		uint64_t started, began;
	} folded;
	char release[16]; /* of the library: "0.2.0" */
	char program[64]; /* its name as in /proc/PID/comm or of its script, ends with '\0' */
	char unused[80];
};
_Static_assert(sizeof(struct stats_head) == 256, "files of all processes have the same form");

/* A whole total. */
struct stats_total {
	struct stats_head head;
	uint64_t rows[STATS_ROWS_MAX]; /* the counters, and the reasons at once behind them */
};
_Static_assert(sizeof(struct stats_total) == STATS_TOTAL_SIZE, "it is one page");

enum { STATS_NAME_MAX = 128 /* bytes of a file's name, with its end */ };

/* Why a file of this size with this head is none that can be read; NULL: it can be. */
const char *stats_trouble(const struct stats_head *h, uint64_t size);

/* The name of the file of the process that the head is about. */
void stats_name(char name[static STATS_NAME_MAX], const struct stats_head *h);

/* Why a file of a process with this head is not to have this name; NULL: it is. What a note means is found by its name,
 * and a copy of a file under another name would count twice. */
const char *stats_name_trouble(const struct stats_head *h, const char *name);

/* The name of the total into which a file of this user's with this head is folded. */
void stats_total_name(char name[static STATS_NAME_MAX], const struct stats_head *h, uint32_t uid);

/* The name of the file that a total's note means. */
void stats_noted_name(char name[static STATS_NAME_MAX], const struct stats_head *total);

/* Is it this file that was added last? Then what it has counted is in the total, and it only has to be removed. */
bool stats_is_noted(const struct stats_head *total, const struct stats_head *file);

/* Makes an empty total for the program that the head is about. */
void stats_total_begin(struct stats_total *t, const struct stats_head *h);

/* Makes room for the rows of a file, and notes that it is added. False: so many rows are not possible. */
bool stats_total_note(struct stats_total *t, const struct stats_head *h);

/* Adds `count` rows, which stay at their largest value where they would go round. */
void stats_add(uint64_t *sums, const uint64_t *more, uint32_t count);

#endif
