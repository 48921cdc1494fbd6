/* A mutex of one word that knows its owner, so that a signal handler which meets a lock of its own thread is told so instead of
 * waiting for itself for ever. Safe in a handler, before main and after exit; fork leaves it to the wiped memory it lives in. */
#ifndef ONEWRITE_LOCK_H
#define ONEWRITE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
	_Atomic uintptr_t word; /* owner's thread pointer; bit 0: somebody waits; bit 1: something was left for the owner */
};

enum { LOCK_WAITERS = 1, LOCK_LEFT = 2, LOCK_BITS = 3 };

/* A thread's identity without a system call: its thread pointer is aligned, and its own while it lives. */
static inline uintptr_t thread_self(void)
{
	return (uintptr_t)__builtin_thread_pointer();
}

static inline bool lock_try(struct lock *l)
{
	uintptr_t free_ = 0;
	return atomic_compare_exchange_strong_explicit(&l->word, &free_, thread_self(), memory_order_acquire,
	                                               memory_order_relaxed);
}

static inline bool lock_is_mine(const struct lock *l)
{
	return (atomic_load_explicit(&l->word, memory_order_relaxed) & ~(uintptr_t)LOCK_BITS) == thread_self();
}

static inline bool lock_is_others(const struct lock *l)
{
	uintptr_t owner = atomic_load_explicit(&l->word, memory_order_relaxed) & ~(uintptr_t)LOCK_BITS;
	return owner != 0 && owner != thread_self();
}

/* Wait for the lock. False: this thread has it already (we are in a signal handler, or a handler jumped away from here). */
bool lock_wait(struct lock *l);
static inline bool lock_take(struct lock *l)
{
	return lock_try(l) || lock_wait(l);
}

void lock_give(struct lock *l);
/* ... unless a signal handler left something meanwhile (lock_leave): then false, the lock is kept, and the mark is gone. */
bool lock_give_slowly(struct lock *l);
static inline bool lock_give_unless_left(struct lock *l)
{
	uintptr_t self = thread_self(); /* nobody waits, nothing was left */
	return atomic_compare_exchange_strong_explicit(&l->word, &self, 0, memory_order_release, memory_order_relaxed) ||
	       lock_give_slowly(l);
}
/* By a handler whose thread has the lock. */
void lock_leave(struct lock *l);

#endif
