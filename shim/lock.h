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
 * - The lock of the list of free messages is taken while the thread has none of these locks. A thread that has it tries
 *   the locks of free messages, and does not wait for one.
 * - A thread has one turn at a time. The exception is a signal handler, which may have interrupted its thread's turn on
 *   another message.
 * - A turn is waited for by lock_wait(), any other lock by lock_wait_briefly(), which gives up after some 10 ms. So a
 *   thread makes no call that may wait while it has a lock, with these exceptions: to start the helper is to wait for
 *   pthread_create(), and for the end of the helper before it (10 ms at most), usually in a turn; to stop it is to wait
 *   for its end under the helper's lock (100 ms at most; 5 s if it gets no CPU); the lines of a trace are written in a
 *   turn; and in a turn bytes wait for room that a signal handler left (late.h; 200 ms at most, twice) or that a close
 *   has to send (200 ms at most).
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
	/* The kernel's number of the owner; 0: the lock is free, its owner has only just taken it, or is giving it
	 * back. Relaxed; written by the owner only: behind taking the lock, before giving it back, and before a jump
	 * out of a signal handler, which may have interrupted either. */
	_Atomic int tid;
};

#pragma GCC visibility push(hidden)
/* The kernel's number of this thread; 0: it was not asked for yet, or a sandbox refuses the question. */
extern _Thread_local int lock_self __attribute__((tls_model("initial-exec")));
#pragma GCC visibility pop
int lock_ask_self(void);
/* Notes the number of the process whose memory this is. Called in the constructor, and in a forked child, whose thread
 * has another number than its parent's. A child in its parent's memory has another number, and notes none. */
void lock_own_process(int pid);

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

/* This thread's number. A thread asks the kernel before it takes its first lock, because the return from a system call
 * is where signal handlers run. */
static inline int lock_number(void)
{
	return __builtin_expect(lock_self == 0, 0) ? lock_ask_self() : lock_self;
}

/* Notes who has the lock. */
static inline void lock_name(struct lock *l)
{
	atomic_store_explicit(&l->tid, lock_number(), memory_order_relaxed);
}

/* Called by the owner, right before it gives the lock back. */
static inline void lock_unname(struct lock *l)
{
	atomic_store_explicit(&l->tid, 0, memory_order_relaxed);
}

/* Takes the lock if it is free. Does not wait. */
static inline bool lock_try(struct lock *l)
{
	uintptr_t free_ = 0;
	int number = lock_number();
	if (!atomic_compare_exchange_strong_explicit(&l->word, &free_, thread_self(), memory_order_acquire,
	                                             memory_order_relaxed))
		return false;
	atomic_store_explicit(&l->tid, number, memory_order_relaxed);
	return true;
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

/* Gives the lock back if no thread waits for it and no signal handler left anything. False: that is not so, or the lock
 * was taken over; then nothing is done. */
static inline bool lock_give_quickly(struct lock *l)
{
	uintptr_t self = thread_self();
	if (atomic_load_explicit(&l->word, memory_order_relaxed) != self)
		return false;
	lock_unname(l);
	if (atomic_compare_exchange_strong_explicit(&l->word, &self, 0, memory_order_release, memory_order_relaxed))
		return true;
	if (lock_is_mine(l))
		lock_name(l); /* a thread has begun to wait meanwhile */
	return false;
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
 * but does not give the lock back, after 1 s: in both cases only if the owner is elsewhere (lock_owner_is_elsewhere,
 * and lock_is_jumped_for_good).
 * Leaves errno alone. */
enum { LOCK_CALLING = 1 };
enum lock_result lock_wait(struct lock *l, const _Atomic uint8_t *calling);
/* The same for a lock that its owner has for some dozen instructions: LOCK_BUSY after 10 ms. Then the owner is not
 * scheduled, or jumped away and will never give the lock back, and the caller does without the lock. LOCK_ORPHAN is not
 * possible, since no such lock is ever marked LOCK_JUMPED. */
enum lock_result lock_wait_briefly(struct lock *l);
/* The same, but LOCK_BUSY only if the owner sleeps or is elsewhere (lock_owner_is_elsewhere): an owner that has no CPU
 * is waited for, 5 s at most. */
enum lock_result lock_take_patiently(struct lock *l);
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
	return lock_give_quickly(l) || lock_give_slowly(l);
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
/* The CPU time that the owner has used, in nanoseconds; 0: not known. */
uint64_t lock_owner_ran(const struct lock *l);
/* The owner has not given the lock back for at least this time, and was in no call of ours. Has it left the lock? It
 * has if it sleeps or has ended, or if it has used as much CPU time meanwhile: `ran` is lock_owner_ran() as it was
 * then. An owner that wants a CPU and gets none, because the machine is busy, a container has used up its share or a
 * debugger has stopped it, has not: it goes on where it was. */
bool lock_owner_is_elsewhere(const struct lock *l, uint64_t ran, uint64_t ns);
/* The owner has jumped, and has not given the lock back for a second. Does it count as elsewhere because nobody can
 * tell what it does (TASK_UNKNOWN)? Others would wait for ever otherwise. */
bool lock_is_jumped_for_good(const struct lock *l);
/* Takes the lock over if its word is still `seen`. Used by lock_wait(), and by the helper, which does not wait, when
 * the word has been the same for long enough to know that the owner is gone. */
bool lock_take_over(struct lock *l, uintptr_t seen);

#endif
