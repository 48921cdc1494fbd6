#include "ordinary.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "real.h"

/* The helper keeps the rest as it inherits it: memory nodes, share of disks and name make no difference to it; and
 * capabilities, filters, labels and control group must not be widened. */

static cpu_set_t at_start; /* the CPUs that the process had in the constructor; empty: not known */

/* Returns false if the CPUs are not known, as on a machine that has more than fit into the set. */
__attribute__((cold)) static bool ask_cpus(cpu_set_t *set)
{
	CPU_ZERO(set);
	return own()->syscall(SYS_sched_getaffinity, 0, sizeof *set, set) > 0;
}

void ordinary_begin(void)
{
	ask_cpus(&at_start);
}

bool ordinary_attributes(pthread_attr_t *attr)
{
	static const struct sched_param none = { .sched_priority = 0 };
	int saved = errno;
	long policy = own()->syscall(SYS_sched_getscheduler, 0);
	cpu_set_t mine, all;
	bool known = ask_cpus(&mine);
	errno = saved;
	CPU_OR(&all, &mine, &at_start);
	if (policy > 0)
		policy &= ~SCHED_RESET_ON_FORK;
	if (known && CPU_COUNT(&all) == 1 && (policy == SCHED_FIFO || policy == SCHED_RR))
		return false;
	if (policy > 0) {
		threads()->pthread_attr_setinheritsched(attr, PTHREAD_EXPLICIT_SCHED);
		threads()->pthread_attr_setschedpolicy(attr, SCHED_OTHER);
		threads()->pthread_attr_setschedparam(attr, &none);
	}
	/* musl has no such attribute; ordinary_created() sets them there. */
	if (known && !CPU_EQUAL(&all, &mine) && threads()->pthread_attr_setaffinity_np != NULL)
		threads()->pthread_attr_setaffinity_np(attr, sizeof all, &all);
	return true;
}

void ordinary_created(pthread_t helper)
{
	cpu_set_t mine, all;
	const struct threads *t = threads();
	if (t->pthread_attr_setaffinity_np != NULL || t->pthread_setaffinity_np == NULL || !ask_cpus(&mine))
		return;
	CPU_OR(&all, &mine, &at_start);
	if (!CPU_EQUAL(&all, &mine))
		t->pthread_setaffinity_np(helper, sizeof all, &all);
}

/* The priority as the system call returns it: 40 (nice -20) to 1 (nice 19); negative: an error. */
static long unniceness(int task)
{
	return own()->syscall(SYS_getpriority, PRIO_PROCESS, task);
}

void ordinary_self(void)
{
	const unsigned long usual_ns = 50000; /* the value that the first process of a system has */
	long process = unniceness(own_pid());
	own()->syscall(SYS_prctl, PR_SET_TIMERSLACK, usual_ns, 0L, 0L, 0L);
	if (process > unniceness(0))
		own()->syscall(SYS_setpriority, PRIO_PROCESS, 0, 20 - process);
}
