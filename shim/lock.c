#include "lock.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <stddef.h>

#include "clock.h"
#include "task.h"

_Thread_local int lock_self;

void lock_own_process(int pid)
{
	task_own_process(pid);
	lock_self = 0;
}

int lock_ask_self(void)
{
	int saved = errno, tid = own_tid();
	if (tid < 0)
		tid = 0;
	if (task_memory_is_ours()) /* a child of vfork has its parent's variables, and another number */
		lock_self = tid;
	errno = saved;
	return tid;
}

#define WAITERS ((uintptr_t)LOCK_WAITERS)

/* The time (ns) that an owner has to give the lock back: a thread that jumped inside a signal handler goes on with what
 * the handler interrupted, and a call that does not wait returns. */
enum { GRACE_NS = 10000000 };

/* After so many graces in a row without a change of the word the owner may have left the lock in a way that no hook saw
 * (an exception thrown by a signal handler, setcontext). It is not one long wait, because that would be over before the
 * owner runs again when the process has been stopped. */
enum { LEFT_GRACES = 100 };

/* --- what the owner does ---------------------------------------------------------------------- */

uint64_t lock_owner_ran(const struct lock *l)
{
	return task_ran(atomic_load_explicit(&l->tid, memory_order_relaxed));
}

bool lock_owner_is_elsewhere(const struct lock *l, uint64_t ran, uint64_t ns)
{
	int tid = atomic_load_explicit(&l->tid, memory_order_relaxed), saved = errno;
	uint64_t now_ran = lock_owner_ran(l);
	bool elsewhere = tid != 0 &&
	                 ((ran != 0 && now_ran >= ran + ns) || task_state(tid) == TASK_SLEEPS || task_has_ended(tid));
	errno = saved;
	return elsewhere;
}

bool lock_is_jumped_for_good(const struct lock *l)
{
	int tid = atomic_load_explicit(&l->tid, memory_order_relaxed), saved = errno;
	bool for_good = lock_is_jumped(l) && tid != 0 && task_state(tid) == TASK_UNKNOWN;
	errno = saved;
	return for_good;
}

/* --- waiting ---------------------------------------------------------------------------------- */

/* The futex is the word's low half, which has the waiters bit. */
static uint32_t *low_half(struct lock *l)
{
	char *p = (char *)&l->word;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	p += sizeof l->word - sizeof(uint32_t);
#endif
	return (uint32_t *)p;
}

static uintptr_t owner_of(uintptr_t word)
{
	return word & ~(uintptr_t)LOCK_BITS;
}

bool lock_take_over(struct lock *l, uintptr_t seen)
{
	if (!atomic_compare_exchange_strong(&l->word, &seen, thread_self() | WAITERS))
		return false;
	lock_name(l);
	return true;
}

enum lock_result lock_wait(struct lock *l, const _Atomic uint8_t *calling)
{
	enum lock_result result = LOCK_TAKEN;
	uintptr_t watched = 0; /* the word that was the same for so many graces */
	unsigned graces = 0;
	uint64_t ran = 0;   /* the owner's CPU time when the first of them was over */
	bool asked = false; /* `ran` is that of `watched` */
	struct own_moment until = { 0, 0 };
	if (lock_is_mine(l))
		return LOCK_MINE;
	int saved = errno;
	lock_number(); /* so that the lock can be named as soon as it is had */
	for (;;) {
		uintptr_t seen = atomic_load_explicit(&l->word, memory_order_relaxed);
		if (seen == 0) {
			/* A thread that has waited cannot know whether others still wait, so it keeps the mark. */
			if (atomic_compare_exchange_weak_explicit(&l->word, &seen, thread_self() | WAITERS,
			                                          memory_order_acquire, memory_order_relaxed)) {
				lock_name(l);
				break;
			}
			continue;
		}
		if (!(seen & WAITERS) &&
		    !atomic_compare_exchange_weak_explicit(&l->word, &seen, seen | WAITERS, memory_order_relaxed,
		                                           memory_order_relaxed))
			continue;
		seen |= WAITERS;
		uint8_t call = atomic_load(calling);
		if (seen != watched) { /* The grace goes on after a signal that interrupted the wait. */
			watched = seen;
			graces = 0;
			asked = false;
			until = clock_moment(now_ns() + GRACE_NS);
		}
		long r = own()->syscall(SYS_futex, low_half(l), FUTEX_WAIT_BITSET_PRIVATE, (uint32_t)seen, &until, NULL,
		                        FUTEX_BITSET_MATCH_ANY);
		if (r == 0 || errno == EAGAIN)
			watched = 0; /* the owner gave it back, or another thread changed the word */
		if (r == 0 || errno != ETIMEDOUT)
			continue;
		bool calls = call != 0 || atomic_load(calling) != 0;
		graces = calls && !(seen & LOCK_JUMPED) ? 0 : graces + 1;
		if (!asked || graces == 0) {
			ran = lock_owner_ran(l);
			asked = true;
		}
		bool left = seen & LOCK_JUMPED && lock_owner_is_elsewhere(l, ran, GRACE_NS);
		if (graces >= LEFT_GRACES && !left)
			left = lock_owner_is_elsewhere(l, ran, (uint64_t)LEFT_GRACES * GRACE_NS) ||
			       lock_is_jumped_for_good(l);
		if (left && lock_take_over(l, seen)) {
			result = LOCK_ORPHAN;
			break;
		}
		if (call == LOCK_CALLING && atomic_load(calling) == LOCK_CALLING && atomic_load(&l->word) == seen) {
			result = LOCK_BUSY;
			break;
		}
		until = clock_moment(now_ns() + GRACE_NS);
	}
	errno = saved;
	return result;
}

enum lock_result lock_wait_briefly(struct lock *l)
{
	static const _Atomic uint8_t always = LOCK_CALLING;
	return lock_wait(l, &always);
}

enum lock_result lock_take_patiently(struct lock *l)
{
	enum { WAITS = 500 };
	uint64_t ran = 0; /* the owner's CPU time when the first wait was over */
	for (unsigned waits = 1;; waits++) {
		enum lock_result result = lock_take(l);
		if (result != LOCK_BUSY || waits == WAITS || lock_owner_is_elsewhere(l, ran, GRACE_NS))
			return result;
		if (ran == 0)
			ran = lock_owner_ran(l);
	}
}

static void wake(struct lock *l, int threads)
{
	int saved = errno;
	own()->syscall(SYS_futex, low_half(l), FUTEX_WAKE_PRIVATE, threads, NULL, NULL, 0);
	errno = saved;
}

void lock_give(struct lock *l)
{
	uintptr_t seen = atomic_load_explicit(&l->word, memory_order_relaxed);
	do {
		if (owner_of(seen) != thread_self())
			return; /* the lock was taken over */
		lock_unname(l);
	} while (
		!atomic_compare_exchange_weak_explicit(&l->word, &seen, 0, memory_order_release, memory_order_relaxed));
	if (seen & WAITERS)
		wake(l, 1);
}

bool lock_give_slowly(struct lock *l)
{
	uintptr_t seen = atomic_load_explicit(&l->word, memory_order_relaxed);
	do {
		if (owner_of(seen) != thread_self())
			return true; /* the lock was taken over */
		if (seen & LOCK_LEFT) {
			atomic_fetch_and(&l->word, ~(uintptr_t)LOCK_LEFT);
			lock_name(l);
			return false;
		}
		lock_unname(l);
	} while (
		!atomic_compare_exchange_weak_explicit(&l->word, &seen, 0, memory_order_release, memory_order_relaxed));
	if (seen & WAITERS)
		wake(l, 1);
	return true;
}

void lock_leave(struct lock *l)
{
	atomic_fetch_or(&l->word, LOCK_LEFT);
}

void lock_jump(struct lock *l)
{
	if (!lock_is_mine(l))
		return;
	lock_name(l); /* without a number the owner would count as one that has no CPU, for ever */
	if (atomic_fetch_or(&l->word, LOCK_JUMPED) & WAITERS)
		wake(l, INT_MAX); /* from now on they wait with a limit */
}
