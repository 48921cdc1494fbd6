#include "passage.h"

#include <fcntl.h>
#include <stdbool.h>
#include <stdint.h>

#include "clock.h"
#include "lock.h"
#include "own.h"

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

void passage_wait(void)
{
	struct entry { /* of getdents64(2) */
		uint64_t inode, offset;
		uint16_t size;
		uint8_t type;
		char name[];
	};
	_Alignas(struct entry) char list[2048];
	uint64_t until = now_ns() + LONGEST_NS;
	long size;
	int dir = (int)own()->syscall(SYS_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0) {
		pause_for(BLIND_NS);
		return;
	}
	while ((size = own()->syscall(SYS_getdents64, dir, list, sizeof list)) > 0)
		for (char *p = list; p < list + size; p += ((struct entry *)p)->size) {
			int tid = number_in(((struct entry *)p)->name);
			if (tid != 0 && tid != own_tid())
				wait_for(tid, until);
		}
	own()->syscall(SYS_close, dir);
}
