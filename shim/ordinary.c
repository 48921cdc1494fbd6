#include "ordinary.h"

#include <errno.h>
#include <sched.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include "real.h"

/* Not here, for the helper has no use for them: its share of memory nodes and of disks, its name. Nor what is not to be
 * widened: its capabilities, filters, labels, the group that it is in. */

static cpu_set_t at_start; /* the CPUs that the process had; none: not known */

/* False: not known, as on machines of more CPUs than fit. */
static bool ask_cpus(cpu_set_t *set)
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
	/* musl has none: ordinary_created() */
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

/* As the kernel counts: 40 is the least nice, 1 the nicest, and negative an error. */
static long unniceness(int task)
{
	return own()->syscall(SYS_getpriority, PRIO_PROCESS, task);
}

void ordinary_self(void)
{
	const unsigned long usual_ns = 50000; /* as the first process of a system has it */
	long process = unniceness(own_pid());
	own()->syscall(SYS_prctl, PR_SET_TIMERSLACK, usual_ns, 0L, 0L, 0L);
	if (process > unniceness(0))
		own()->syscall(SYS_setpriority, PRIO_PROCESS, 0, 20 - process);
}
