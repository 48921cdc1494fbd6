/* The helper: one thread that exists while something is watched. It knows times and pointers and calls back.
 *
 * A watched deadline is looked at when it falls due, not removed when its message is done: the owner's callback answers
 * with the time of the next look, or 0. So holding and joining take no lock here and wake nobody. */
#ifndef ONEWRITE_DEADLINE_H
#define ONEWRITE_DEADLINE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#if __has_include(<sys/queue.h>)
#include <sys/queue.h>
#else /* musl has none */
#include <bsd/sys/queue.h>
#endif

#include "clock.h"

enum watched {
	UNWATCHED,
	WATCHED,
	BEING_WATCHED, /* a thread is about to push it; one that jumped away may never do so */
};

struct deadline {
	TAILQ_ENTRY(deadline) link; /* the helper's own list, in order of due */
	struct deadline *pushed;    /* newcomers, until the helper takes them over */
	uint64_t due;               /* CLOCK_MONOTONIC ns of the next look */
	_Atomic uint8_t watched;    /* enum watched: on one of the two lists? */
};

/* Called by the helper when d falls due. Returns the time of the next look; 0: d was forgotten, with watched cleared.
 */
typedef uint64_t deadline_look(struct deadline *d, uint64_t now);
void deadline_init(deadline_look *look);

/* Watch d until the callback answers 0; the first look is at the last tick before `due`. False: there is no helper and
 * none could be started. */
bool deadline_watch(struct deadline *d, uint64_t due);
/* The multiple of the timeout that comes last before t. Where a look may come early it comes at a tick: so a thousand
 * busy connections wake the helper as often as one. */
uint64_t deadline_tick(uint64_t t);

/* End the helper and wait until it is gone (bounded). The next deadline_watch() starts a new one. */
void deadline_stop(void);
/* The same where the program needs the helper's place: for a second there is no other, and nothing is held in memory
 * until there is. What was held before may be held still. False: there never was one. */
bool deadline_yield(void);
/* The caller is about to end, and others go on. If it is the program's first thread the helper looks more often from
 * now on whether it is the last one. */
void deadline_thread_ends(void);
/* Is the caller the last thread of the program? Then the process would end with the helper, and not with the caller. */
bool deadline_outlives(void);
/* After deadline_stop(): if another thread had something watched meanwhile, a new helper is started for it. */
void deadline_resume(void);
/* In a forked child: there is no helper and nothing is watched. */
void deadline_forget(void);

#endif
