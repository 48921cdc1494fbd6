#include "passage.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "clock.h"
#include "lock.h"
#include "own.h"
#include "pool.h"

/* The CPU time (ns) after which a thread has left any stretch between a question whether the library is at work and the
 * call that follows from the answer: it takes some thousand instructions and a few system calls that do not wait. */
#define STRETCH_NS 200000u
#define LOOK_NS    200000
#define LONGEST_NS 1000000000u /* the longest wait for all threads together; they may get no CPU */
#define BLIND_NS   10000000    /* the wait if the threads cannot be listed */

static void pause_for(long ns)
{
	own()->syscall(SYS_nanosleep, &(struct own_moment){ 0, ns }, NULL);
}

/* 0: the text is no number. */
static int number_in(const char *text)
{
	int n = 0;
	while (*text >= '0' && *text <= '9')
		n = n * 10 + (*text++ - '0');
	return n;
}

/* A thread that sleeps is in a system call already. */
static void wait_for(int tid, uint64_t until)
{
	uint64_t ran = lock_thread_ran(tid);
	while (lock_thread_state(tid) != THREAD_SLEEPS && !lock_thread_has_ended(tid) &&
	       lock_thread_ran(tid) < ran + STRETCH_NS && now_ns() < until)
		pause_for(LOOK_NS);
}

/* Lists the threads of the process. Returns how many there are, `most` at most; 0: they cannot be listed. The directory
 * is not kept open while they are waited for, for it takes a number. */
static unsigned list_threads(int *tids, unsigned most)
{
	struct entry { /* of getdents64(2) */
		uint64_t inode, offset;
		uint16_t size;
		uint8_t type;
		char name[];
	};
	_Alignas(struct entry) char list[2048];
	unsigned n = 0;
	long size;
	int tid, dir = (int)own()->syscall(SYS_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	while ((size = own()->syscall(SYS_getdents64, dir, list, sizeof list)) > 0)
		for (char *p = list; p < list + size; p += ((struct entry *)p)->size)
			if (n < most && (tid = number_in(((struct entry *)p)->name)) != 0)
				tids[n++] = tid;
	own()->syscall(SYS_close, dir);
	return n;
}

void passage_wait(void)
{
	enum { THREADS = 1 << 15 };
	uint64_t until = now_ns() + LONGEST_NS;
	int *tids = pool_pages(THREADS * sizeof *tids), self = own_tid();
	unsigned n = tids != NULL ? list_threads(tids, THREADS) : 0;
	if (n == 0)
		pause_for(BLIND_NS);
	for (unsigned i = 0; i < n; i++)
		if (tids[i] != self)
			wait_for(tids[i], until);
	if (tids != NULL)
		munmap(tids, THREADS * sizeof *tids);
}
