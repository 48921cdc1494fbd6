#include "lock.h"

#include <errno.h>
#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "real.h"

#define WAITERS ((uintptr_t)LOCK_WAITERS)

/* The futex is the word's low half: the one with the waiters bit. */
static uint32_t *low_half(struct lock *l)
{
	char *p = (char *)&l->word;
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
	p += sizeof l->word - sizeof(uint32_t);
#endif
	return (uint32_t *)p;
}

bool lock_wait(struct lock *l)
{
	if (lock_is_mine(l))
		return false;
	int saved = errno;
	for (;;) {
		uintptr_t seen = atomic_load_explicit(&l->word, memory_order_relaxed);
		if (seen == 0) {
			/* Whoever waited once cannot know whether others still do. */
			if (atomic_compare_exchange_weak_explicit(&l->word, &seen, thread_self() | WAITERS,
			                                          memory_order_acquire, memory_order_relaxed))
				break;
			continue;
		}
		if (!(seen & WAITERS) &&
		    !atomic_compare_exchange_weak_explicit(&l->word, &seen, seen | WAITERS, memory_order_relaxed,
		                                           memory_order_relaxed))
			continue;
		libc()->syscall(SYS_futex, low_half(l), FUTEX_WAIT_PRIVATE, (uint32_t)(seen | WAITERS), NULL, NULL, 0);
	}
	errno = saved;
	return true;
}

static void wake_one(struct lock *l)
{
	int saved = errno;
	libc()->syscall(SYS_futex, low_half(l), FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}

void lock_give(struct lock *l)
{
	if (atomic_exchange_explicit(&l->word, 0, memory_order_release) & WAITERS)
		wake_one(l);
}

bool lock_give_slowly(struct lock *l)
{
	uintptr_t seen = atomic_load_explicit(&l->word, memory_order_relaxed);
	do {
		if (seen & LOCK_LEFT) {
			atomic_fetch_and(&l->word, ~(uintptr_t)LOCK_LEFT);
			return false;
		}
	} while (!atomic_compare_exchange_weak_explicit(&l->word, &seen, 0, memory_order_release, memory_order_relaxed));
	if (seen & WAITERS)
		wake_one(l);
	return true;
}

void lock_leave(struct lock *l)
{
	atomic_fetch_or(&l->word, LOCK_LEFT);
}
