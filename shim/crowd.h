/* How many messages wait at a time. No more are held than the helper can send in some 2 ms: a program that writes
 * thousands of heads and no bodies, or no ends of bodies, has them sent as they are written.
 *
 * There is no number for the whole process, which all threads would write for each message. Each thread has a share of
 * CROWD_MAX places, and counts those that it took and did not give back in this period and in the one before. The
 * helper begins a period about once a timeout, so what waited before these two has met its deadline. A place that
 * another thread gives back, which writes the bodies for the heads of this one, is free for all threads.
 *
 * THREADS. A share is its thread's own. A signal handler may interrupt a change of it, and cost it a place, or win it
 * one, for the period. What all threads share is relaxed, and the usual message only reads it. */
#ifndef ONEWRITE_CROWD_H
#define ONEWRITE_CROWD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lock.h"

enum crowd {
	CROWD_NONE,
	CROWD_HEADS, /* heads that wait for their bodies */
	CROWD_RESTS, /* messages that are followed to their end, while the kernel may hold a part of them */
	CROWDS
};
enum { CROWD_MAX = 128 };

/* The place of a message, which is in one crowd at a time. */
struct crowd_place {
	uintptr_t by;    /* the thread that took it (thread_self) */
	unsigned period; /* when it did */
};

struct crowd_share {
	unsigned period;
	int taken[CROWDS];  /* in this period and in the one before */
	int recent[CROWDS]; /* in this one */
	uint64_t none_at;   /* CLOCK_MONOTONIC ns: none was left first then, in this period; 0: there always was one */
};

#pragma GCC visibility push(hidden)
extern _Thread_local struct crowd_share crowd_share __attribute__((tls_model("initial-exec")));
extern atomic_uint crowd_period;     /* written by the helper, and in a forked child */
extern _Atomic uint64_t crowd_until; /* CLOCK_MONOTONIC ns: the helper is behind, and nothing waits until then; or 0 */
#pragma GCC visibility pop

__attribute__((cold)) bool crowd_has_more(enum crowd kind);
/* May another message wait? */
static inline bool crowd_has_room(enum crowd kind)
{
	return __builtin_expect(crowd_share.taken[kind] < CROWD_MAX &&
	                                atomic_load_explicit(&crowd_until, memory_order_relaxed) == 0,
	                        1) ||
	       crowd_has_more(kind);
}

__attribute__((cold)) void crowd_enter_slowly(enum crowd kind, unsigned period);
/* A message begins to wait. */
static inline void crowd_enter(enum crowd kind, struct crowd_place *p)
{
	unsigned period = atomic_load_explicit(&crowd_period, memory_order_relaxed);
	*p = (struct crowd_place){ thread_self(), period };
	if (__builtin_expect(crowd_share.period != period || crowd_share.taken[kind] >= CROWD_MAX, 0))
		crowd_enter_slowly(kind, period);
	crowd_share.taken[kind]++;
	crowd_share.recent[kind]++;
}

__attribute__((cold)) void crowd_free(enum crowd kind, const struct crowd_place *p);
/* It does not wait any more. */
static inline void crowd_leave(enum crowd kind, const struct crowd_place *p)
{
	if (__builtin_expect(p->by != thread_self(), 0))
		crowd_free(kind, p);
	else if (__builtin_expect(p->period == crowd_share.period, 1))
		crowd_share.taken[kind]--, crowd_share.recent[kind]--;
	else if (p->period + 1 == crowd_share.period)
		crowd_share.taken[kind]--;
}

/* Called by the helper when it looks at a deadline. */
void crowd_tick(uint64_t now);
/* Called by the helper: it sends what a message has held. */
void crowd_sent(void);
/* Called in a forked child, which has no helper yet. */
void crowd_begin(void);

#endif
