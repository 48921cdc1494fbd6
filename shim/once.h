/* Do the responses of this process come whole, head and body in one call? Such a program gains nothing by being looked
 * at, so after a row of ONCE_ENOUGH of them what opens a response is passed on unread (outgoing.h).
 *
 * What was passed, and should have been held, is a miss. It shows in the connection's next bytes, by whichever call
 * they come: they open no response. Then all responses are looked at again until the row is as long once more, so that
 * at most one message in ONCE_ENOUGH is not joined. A response that is looked at and did not come whole ends the row,
 * too. And each thread looks at one in ONCE_ENOUGH whatever it is, so no program goes unread for ever.
 *
 * THREADS. The length of the row is one relaxed atomic for all threads, with which no other memory goes. It is written
 * only where that changes something: neither while responses are passed unread, nor where they never come whole. */
#ifndef ONEWRITE_ONCE_H
#define ONEWRITE_ONCE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

enum { ONCE_ENOUGH = 1000 };

#pragma GCC visibility push(hidden)
extern atomic_int once_row;
/* How many responses this thread passes unread before it looks at one. Also changed by its signal handlers, which may
 * cost it a step. */
extern _Thread_local int once_left __attribute__((tls_model("initial-exec")));
#pragma GCC visibility pop

static inline bool once_is_on(void)
{
	return atomic_load_explicit(&once_row, memory_order_relaxed) >= ONCE_ENOUGH;
}

/* May this response be passed unread, as far as the row is concerned? */
static inline bool once_passes(void)
{
	if (__builtin_expect(--once_left >= 0, 1))
		return true;
	once_left = ONCE_ENOUGH - 1;
	return false;
}

/* A response was looked at, and came whole. */
void once_whole(void);

/* A response did not come whole. */
static inline void once_end(void)
{
	if (__builtin_expect(atomic_load_explicit(&once_row, memory_order_relaxed) != 0, 0))
		atomic_store_explicit(&once_row, 0, memory_order_relaxed);
}

/* Bytes that open no response are written to an idle connection: a response that was passed unread was a miss. `unread`
 * is conn.unread. */
static inline void once_missed(_Atomic uint8_t *unread)
{
	if (__builtin_expect(!atomic_load_explicit(unread, memory_order_relaxed), 1))
		return;
	atomic_store_explicit(unread, 0, memory_order_relaxed);
	once_end();
}

#endif
