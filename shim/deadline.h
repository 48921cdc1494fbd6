/* The helper: one thread that exists while deadlines are watched, and calls back when one falls due.
 *
 * A deadline is not removed when its message is done. It is looked at when it falls due, and the callback returns the
 * time of the next look, or 0. So holding and joining take no lock here and wake no thread. */
#ifndef ONEWRITE_DEADLINE_H
#define ONEWRITE_DEADLINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
/* libbsd's header is the newer one, with loops in which an element may be removed, and musl has none. glibc's has all
 * that is used here, so that the library can be built without libbsd-dev; it is also taken by musl-gcc, for which
 * libbsd's header would include glibc's <sys/cdefs.h>. */
#if __has_include(<bsd/sys/queue.h>) && (defined __GLIBC__ || !__has_include(<sys/queue.h>))
#include <bsd/sys/queue.h>
#else
#include <sys/queue.h>
#endif

#include "clock.h"

enum watched {
	UNWATCHED,
	WATCHED,
	BEING_WATCHED, /* a thread is about to push it; if a signal handler jumps away from there, it never does */
};

struct deadline {
	TAILQ_ENTRY(deadline) link; /* in the helper's own list, in order of `due`; only the helper touches it */
	struct deadline *pushed;    /* in the list of newcomers; set by the pushing thread, then the helper's */
	uint64_t due;               /* CLOCK_MONOTONIC ns of the next look; set before the push, then the helper's */
	/* atomic, in the default memory order but for one relaxed look (turn.h); enum watched: is it on a list? */
	_Atomic uint8_t watched;
};

/* Called by the helper when d falls due; `now` is in CLOCK_MONOTONIC ns. Returns the time of the next look. 0: there is
 * none, and the callback has set d->watched to UNWATCHED, or freed what d is a part of. */
typedef uint64_t deadline_look(struct deadline *d, uint64_t now);
/* Called by the constructor: sets the callbacks. `each_second` is called by the helper, at most once a second while it
 * runs; NULL: there is nothing to be done. */
void deadline_init(deadline_look *look, void (*each_second)(void));

/* Watch d until the callback returns 0; the first look is at the last tick before `due` (CLOCK_MONOTONIC ns). Starts
 * the helper if need be. False: nothing is certain to look at d in time, for there is no helper and none could be
 * started. Several threads may call it for the same d. Leaves errno alone. */
bool deadline_watch(struct deadline *d, uint64_t due);
/* The largest multiple of the timeout that is not after t (ns). A look that may come early comes at a tick, so a
 * thousand busy connections wake the helper as often as one. */
uint64_t deadline_tick(uint64_t t);

/* End the helper, and wait until it is gone: at most 100 ms, or 5 s if it wants a CPU and gets none. The next
 * deadline_watch() starts a new one. Does nothing if another thread is starting or stopping it. Leaves errno alone. */
void deadline_stop(void);
/* The same where the program was refused a thread that the helper may have taken the place of: no helper is started for
 * a second, and nothing new is held in memory until there is one. The caller releases what is held already. False:
 * there has never been a helper. */
bool deadline_yield(void);
/* As deadline_stop(), and no helper is started any more: one that was not gone in time ends when it next runs. */
void deadline_end(void);
/* The calling thread is about to end, while other threads go on. If it is the main thread, the helper looks more often
 * from now on whether it is the last one. */
void deadline_thread_ends(void);
/* Is the caller the last thread of the program beside the helper? Then the process would end with the helper, and have
 * the helper's exit status. */
bool deadline_outlives(void);
/* Was the helper refused, less than a second ago? Then nothing can be held. */
bool deadline_cannot_be_kept(void);
/* Called some time after deadline_stop(): if other threads have watched anything meanwhile, start a helper for it. */
void deadline_resume(void);
/* Called in a forked child where the kernel did not wipe the helper's state: nothing is watched, and nothing runs. */
void deadline_forget(void);

#endif
