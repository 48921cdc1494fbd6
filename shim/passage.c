#include "passage.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/mman.h>

#include "clock.h"
#include "own.h"
#include "pool.h"
#include "task.h"

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

/* A thread that sleeps is in a system call already. */
static void wait_for(int tid, uint64_t until)
{
	uint64_t ran = task_ran(tid);
	while (now_ns() < until && task_ran(tid) < ran + STRETCH_NS && task_state(tid) != TASK_SLEEPS &&
	       !task_has_ended(tid))
		pause_for(LOOK_NS);
}

void passage_wait(void)
{
	enum { THREADS = 1 << 15 };
	uint64_t until = now_ns() + LONGEST_NS;
	int *tids = pool_pages(THREADS * sizeof *tids), self = own_tid();
	unsigned n = tids != NULL ? task_list(tids, THREADS) : 0;
	if (n == 0)
		pause_for(BLIND_NS);
	for (unsigned i = 0; i < n; i++)
		if (tids[i] != self)
			wait_for(tids[i], until);
	if (tids != NULL)
		munmap(tids, THREADS * sizeof *tids);
}
