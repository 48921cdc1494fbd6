#include "pool.h"

#include <errno.h>
#include <stdatomic.h>
#include <sys/mman.h>

#include "lock.h"
#include "own.h"

enum { SMALLEST = 256, CLASSES = 7, REGION = 1 << 20 };
#define CLASS_SIZE(i) ((size_t)SMALLEST << (i))

struct block {
	struct block *next;
};

/* Lies in wiped pages of its own. `lock` guards all of it but `given_back`. */
struct pool {
	struct lock lock;
	struct block *free[CLASSES];
	/* Blocks are pushed one by one, and taken all at once by the thread that has the lock, when `free` is empty. So
	 * none is lost where the lock cannot be had. */
	struct block *_Atomic given_back[CLASSES];
	char *fresh, *fresh_end; /* the part of the newest region that was never given out */
};

static pool_place pool;
static atomic_bool cannot_wipe;
/* Set when a large reservation failed: from then on POOL_LEAST is reserved at once, because it takes time to lock a
 * larger piece and to unmap it. */
static atomic_bool sparing;

void *pool_pages(size_t size)
{
	int saved = errno;
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		p = NULL;
	/* qemu-user accepts any advice and follows none, so an advice that no kernel knows tells. */
	else if (madvise(p, size, MADV_WIPEONFORK) != 0 || madvise(p, size, -1) == 0)
		atomic_store(&cannot_wipe, true);
	errno = saved;
	return p;
}

void *pool_reserve(size_t *size)
{
	int saved = errno;
	void *p = atomic_load(&sparing) ? NULL : pool_pages(*size);
	if (p == NULL || madvise(p, *size, MADV_DONTNEED) != 0) { /* the kernel refuses this advice on locked memory */
		if (p != NULL)
			munmap(p, *size);
		atomic_store(&sparing, true);
		*size = POOL_LEAST;
		p = pool_pages(*size);
	}
	errno = saved;
	return p;
}

bool pool_wipes_on_fork(void)
{
	return !atomic_load(&cannot_wipe);
}

void pool_forget(void)
{
	atomic_store(&pool, NULL);
}

void *pool_guarded(pool_place *where, size_t size)
{
	void *there = atomic_load(where), *fresh;
	if (there != NULL || (fresh = pool_pages(size)) == NULL)
		return there;
	if (atomic_compare_exchange_strong(where, &there, fresh))
		return fresh;
	munmap(fresh, size);
	return there;
}

/* The owner has had the lock for 10 ms, or this thread has it already. Books that. True: the lock has been left. The
 * owner needs some dozen instructions, so it has left if it sleeps, has ended, or has used as much CPU time since the
 * lock was found like this before; or if it has not noted its number meanwhile, or is this thread, for then it has
 * jumped away. To be wrong here costs memory, and nothing else. */
static bool watch_owner(const struct lock *l, bool mine)
{
	enum { LONG_NS = 10000000 };
	static _Atomic uintptr_t before;
	static _Atomic uint64_t ran_before;
	uintptr_t word = atomic_load(&l->word);
	bool again = word != 0 && atomic_exchange(&before, word) == word;
	uint64_t ran = again ? atomic_load(&ran_before) : 0;
	if (!again)
		atomic_store(&ran_before, lock_owner_ran(l));
	return (again && (mine || atomic_load(&l->tid) == 0)) || lock_owner_is_elsewhere(l, ran, LONG_NS);
}

bool pool_enter(pool_place *where, void *guarded)
{
	if (guarded == NULL)
		return false;
	enum lock_result result = lock_take(guarded);
	if (result != LOCK_TAKEN && watch_owner(guarded, result == LOCK_MINE))
		atomic_compare_exchange_strong(where, &(void *){ guarded }, NULL);
	return result == LOCK_TAKEN;
}

static int class_of(size_t size)
{
	int i = 0;
	while (i < CLASSES && CLASS_SIZE(i) < size)
		i++;
	return i;
}

void *pool_take(size_t size, size_t *got)
{
	struct pool *p = pool_guarded(&pool, sizeof *p);
	int class = class_of(size);
	if (class == CLASSES || !pool_enter(&pool, p))
		return NULL;
	size_t want = CLASS_SIZE(class);
	if (p->free[class] == NULL)
		p->free[class] = atomic_exchange(&p->given_back[class], NULL);
	struct block *b = p->free[class];
	if (b != NULL) {
		p->free[class] = b->next;
	} else {
		if ((size_t)(p->fresh_end - p->fresh) < want) {
			size_t room = REGION;
			char *region = pool_reserve(&room);
			if (region != NULL) { /* the rest of the old region is smaller than one block, and is dropped */
				p->fresh = region;
				p->fresh_end = region + room;
			}
		}
		if ((size_t)(p->fresh_end - p->fresh) >= want) {
			b = (struct block *)p->fresh;
			p->fresh += want;
		}
	}
	lock_give(&p->lock);
	*got = want;
	return b;
}

void pool_give(void *block, size_t got)
{
	struct pool *p = pool_guarded(&pool, sizeof *p);
	struct block *b = block, *first;
	if (p == NULL)
		return;
	first = atomic_load(&p->given_back[class_of(got)]);
	do
		b->next = first;
	while (!atomic_compare_exchange_weak(&p->given_back[class_of(got)], &first, b));
}
