/* A mutex of one word that knows its owner: a signal handler that meets a lock of its own thread is told so, instead of
 * waiting for itself for ever. It can be used in signal handlers, before main() and after exit(). Every lock lies in
 * pages that the kernel wipes in a forked child, or that the child drops (pool.h), so a child begins with free locks.
 *
 * LOCK ORDER of the whole library. There are four kinds of lock: the turn of a message (msg.h), the lock of the
 * helper's start and end (deadline.c), the lock of the pool (pool.c), and the lock of the list of free messages
 * (msg.c).
 * - A thread that has a turn may take the pool's lock, and may try the helper's lock, but does not wait for the latter.
 * - A thread that has the helper's lock, or the pool's, takes none of these locks. (Under the helper's lock libc's
 *   pthread_create() takes libc's own.)
 * - The lock of the list of free messages is taken and given back while the thread has none of these locks: msg_new()
 *   locks the message afterwards, msg_free() gives the turn back before.
 * - A thread has one turn at a time. The exception is a signal handler, which may have interrupted its thread's turn on
 *   another message.
 * - A turn is waited for by lock_wait(), any other lock by lock_wait_briefly(), which gives up after some 10 ms. So a
 *   thread makes no call that may wait while it has a lock, with these exceptions: to start the helper is to wait for
 *   pthread_create(), and for the end of the helper before it (10 ms at most), usually in a turn; to stop it is to wait
 *   for its end under the helper's lock (100 ms at most); the lines of a trace are written in a turn; and in a turn
 * bytes that a signal handler left (late.h) wait for room (200 ms at most, twice).
 *
 * MEMORY ORDER. An atomic access that names no order is sequentially consistent. Three other orders are named: a lock's
 * word is taken with acquire and given back with release; what is published once (a message, a table, a function's
 * address) is stored with release or in the default order, and loaded with acquire; a fact on which no other memory
 * depends is relaxed. */
#ifndef ONEWRITE_LOCK_H
#define ONEWRITE_LOCK_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct lock {
	_Atomic uintptr_t word; /* the owner's thread pointer, and bits of the enum below; 0: free */
};

enum {
	LOCK_WAITERS = 1, /* at least one thread waits */
	LOCK_LEFT = 2,    /* a signal handler that interrupted the owner left bytes for it */
	LOCK_JUMPED = 4,  /* the owner has called longjmp() since it took the lock: it may never give the lock back */
	LOCK_BITS = 7,
};

/* The calling thread's identity, without a system call: its thread pointer, which is aligned and is its own while it
 * lives. */
static inline uintptr_t thread_self(void)
{
#ifdef __powerpc64__ /* the compiler has no builtin for it on this machine */
	register uintptr_t pointer __asm__("r13");
	return pointer;
#elif defined __x86_64__ && defined __GNUC__ && __GNUC__ < 11 /* no builtin before gcc 11 either */
	uintptr_t pointer;
	__asm__("mov %%fs:0, %0" : "=r"(pointer));
	return pointer;
#else
	return (uintptr_t)__builtin_thread_pointer();
#endif
}

/* Takes the lock if it is free. Does not wait. */
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

/* Does the calling thread have the lock? */
static inline bool lock_is_mine(const struct lock *l)
{
	return (atomic_load_explicit(&l->word, memory_order_relaxed) & ~(uintptr_t)LOCK_BITS) == thread_self();
}

enum lock_result {
	LOCK_TAKEN,
	/* this thread has the lock already: the caller is a signal handler, or a handler jumped away from the owner's
	 * code */
	LOCK_MINE,
	/* taken over from a thread that left the lock and did not come back: what the lock guards may be half done */
	LOCK_ORPHAN,
	LOCK_BUSY, /* not taken: the owner is in a call that should not have waited, and waits there */
};

/* Waits for the lock. The usual owner needs some hundred instructions and a system call that does not wait. `calling`
 * says what the owner does: it is not 0 while the owner is in a system call, and LOCK_CALLING while that call might
 * wait after all. LOCK_BUSY is returned when such a call has lasted for 10 to 20 ms. The lock is taken over
 * (LOCK_ORPHAN) from an owner that jumped out of a signal handler after 10 ms, and from an owner that is in no call,
 * but does not give the lock back, after 1 s. Leaves errno alone. */
enum { LOCK_CALLING = 1 };
enum lock_result lock_wait(struct lock *l, const _Atomic uint8_t *calling);
/* The same for a lock that its owner has for some dozen instructions: LOCK_BUSY after 10 ms. Then the owner is not
 * scheduled, or jumped away and will never give the lock back, and the caller does without the lock. LOCK_ORPHAN is
 * possible only for a message's lock (msg_new), since no other lock is ever marked LOCK_JUMPED. */
enum lock_result lock_wait_briefly(struct lock *l);
/* Takes the lock, if need be by lock_wait_briefly(). */
static inline enum lock_result lock_take(struct lock *l)
{
	return lock_try(l) ? LOCK_TAKEN : lock_wait_briefly(l);
}

/* Gives the lock back. Does nothing if it was taken over. */
void lock_give(struct lock *l);
/* Gives the lock back, unless a signal handler left something meanwhile (lock_leave): then returns false, the lock is
 * kept, and the mark is cleared. */
bool lock_give_slowly(struct lock *l);
static inline bool lock_give_unless_left(struct lock *l)
{
	uintptr_t self = thread_self(); /* no thread waits, and nothing was left */
	return atomic_compare_exchange_strong_explicit(&l->word, &self, 0, memory_order_release,
	                                               memory_order_relaxed) ||
	       lock_give_slowly(l);
}
/* Called by a signal handler whose thread has the lock: something is left for the owner. */
void lock_leave(struct lock *l);
/* Called by a signal handler that is about to jump: marks the lock if the handler's thread has it. */
void lock_jump(struct lock *l);
/* Has the owner jumped since it took the lock? */
static inline bool lock_is_jumped(const struct lock *l)
{
	return atomic_load_explicit(&l->word, memory_order_relaxed) & LOCK_JUMPED;
}
/* Takes the lock over if its word is still `seen`. Used by lock_wait(), and by the helper, which does not wait, when
 * the word has been the same for long enough to know that the owner is gone. */
bool lock_take_over(struct lock *l, uintptr_t seen);

#endif
