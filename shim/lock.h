/* A mutex of one word that knows its owner, so that a signal handler which meets a lock of its own thread is told so
 * instead of waiting for itself for ever. Safe in a handler, before main and after exit; fork leaves it to the wiped
 * memory it lives in.
 *
 * LOCK ORDER: a message's lock comes before those of the list of free messages, the pool and the table of descriptors.
 * The helper's start lock is only tried, never waited for, by who has a message's lock. Nobody takes a second message's
 * lock, but for a signal handler, which may have interrupted its thread while that had another one. Nobody who has a
 * lock makes a call that may wait. */
#ifndef ONEWRITE_LOCK_H
#define ONEWRITE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
	_Atomic uintptr_t word; /* the owner's thread pointer, and bits */
};

enum {
	LOCK_WAITERS = 1, /* somebody waits */
	LOCK_LEFT = 2,    /* a signal handler left bytes for the owner, whom it interrupted */
	LOCK_JUMPED = 4,  /* the owner has called longjmp since: it may never give the lock back */
	LOCK_BITS = 7,
};

/* A thread's identity without a system call: its thread pointer is aligned, and its own while it lives. */
static inline uintptr_t thread_self(void)
{
#ifdef __powerpc64__ /* the compiler has no builtin for it there */
	register uintptr_t pointer __asm__("r13");
	return pointer;
#elif defined __x86_64__ && defined __GNUC__ && __GNUC__ < 11 /* nor here, before gcc 11 */
	uintptr_t pointer;
	__asm__("mov %%fs:0, %0" : "=r"(pointer));
	return pointer;
#else
	return (uintptr_t)__builtin_thread_pointer();
#endif
}

static inline bool lock_try(struct lock *l)
{
	uintptr_t free_ = 0;
	return atomic_compare_exchange_strong_explicit(&l->word, &free_, thread_self(), memory_order_acquire,
	                                               memory_order_relaxed);
}

static inline bool lock_is_free(const struct lock *l)
{
	return atomic_load(&l->word) == 0;
}

static inline bool lock_is_mine(const struct lock *l)
{
	return (atomic_load_explicit(&l->word, memory_order_relaxed) & ~(uintptr_t)LOCK_BITS) == thread_self();
}

enum lock_result {
	LOCK_TAKEN,
	LOCK_MINE,   /* this thread has it already: we are in a signal handler, or a handler jumped away from here */
	LOCK_ORPHAN, /* taken from a thread that left it, and did not come back: what it guards may be half done */
	LOCK_BUSY,   /* not taken: its owner is in a call that was to take no time, and waits there */
};

/* Wait for the lock: not longer than its owner needs for some hundred instructions and a call that does not wait.
 * `calling` is not 0 while the owner is in a system call, and LOCK_CALLING while that could wait: should it do so,
 * nobody else does. Who jumped out of a handler is waited for 10 ms, and who has gone in another way, or is in a
 * handler that does not return, 1 s. */
enum { LOCK_CALLING = 1 };
enum lock_result lock_wait(struct lock *l, const _Atomic uint8_t *calling);
/* The same for what is had for some dozen instructions: never LOCK_ORPHAN, and LOCK_BUSY after 10 ms. Then its owner
 * does not run, or has jumped away and will never give it back; whoever asked does without. */
enum lock_result lock_wait_briefly(struct lock *l);
static inline enum lock_result lock_take(struct lock *l)
{
	return lock_try(l) ? LOCK_TAKEN : lock_wait_briefly(l);
}

void lock_give(struct lock *l);
/* Give it back unless a signal handler left something meanwhile (lock_leave): then false, the lock is kept, and the
 * mark is gone. */
bool lock_give_slowly(struct lock *l);
static inline bool lock_give_unless_left(struct lock *l)
{
	uintptr_t self = thread_self(); /* nobody waits, nothing was left */
	return atomic_compare_exchange_strong_explicit(&l->word, &self, 0, memory_order_release,
	                                               memory_order_relaxed) ||
	       lock_give_slowly(l);
}
/* By a handler whose thread has the lock: something is left for the owner. */
void lock_leave(struct lock *l);
/* By a handler whose thread has the lock, and which is about to jump. */
void lock_jump(struct lock *l);
/* Has its owner jumped? */
static inline bool lock_is_jumped(const struct lock *l)
{
	return atomic_load_explicit(&l->word, memory_order_relaxed) & LOCK_JUMPED;
}
/* For who cannot wait, and has `seen` the same word for long enough: take it over, if it is so still. */
bool lock_take_over(struct lock *l, uintptr_t seen);

#endif
