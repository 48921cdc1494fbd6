/* Carries out CLONE and RANGE: tasks that share memory, descriptors, both or neither, and tasks that stop sharing.
 *
 * A child in its parent's memory without thread-local storage of its own uses that of the thread that made it. Two
 * tasks with one errno must not run at the same time, so a thread is started that makes the child and then waits for
 * its end. */
#include "play.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <linux/sched.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>

enum { STACK = 256 * 1024, FAR = 200 /* a number above all descriptors of the programs */ };

static const struct op *cloning; /* one at a time: the next clone waits until this child has begun */
static int alive[ACTORS];        /* for a child that is a thread: the kernel sets it to 0 at its end */

static void work(int actor)
{
	atomic_store(&board->begun[actor], 1);
	changed();
	act(actor, 0);
}

static int child(const struct op *o)
{
	if (!(o->value & CLONE_THREAD))
		prctl(PR_SET_PDEATHSIG, SIGKILL);
	work(o->other);
	if (o->value & CLONE_THREAD)
		syscall(SYS_exit, 0);
	if (o->value & CLONE_VM && program->end[o->other] == BY_EXIT)
		_exit(2); /* exit() would run the exit handlers of both */
	if (o->how != CLONE_BY_LIBC || program->end[o->other] != BY_EXIT)
		end_process(o->other);
	return 2; /* libc ends the task */
}

static int child_of_libc(void *arg)
{
	return child(arg);
}

static char *new_stack(void)
{
	char *stack = mmap(NULL, STACK, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	return stack == MAP_FAILED ? NULL : stack + STACK;
}

static long by_libc(const struct op *o)
{
	return clone(child_of_libc, new_stack(), o->value, (void *)o, NULL, NULL, &alive[o->other]);
}

#if defined __x86_64__
_Noreturn static void child_on_new_stack(void)
{
	child(cloning);
	abort();
}

/* The child returns from libc's syscall() to the address on top of its stack. */
static long by_number_on_new_stack(const struct op *o)
{
	uintptr_t *top = (uintptr_t *)new_stack() - 2;
	top[0] = (uintptr_t)child_on_new_stack;
	return syscall(SYS_clone, o->value, top, NULL, &alive[o->other], 0);
}
#else
static long by_number_on_new_stack(const struct op *o)
{
	return by_libc(o);
}
#endif

static long by_number(const struct op *o)
{
	long pid = syscall(SYS_clone, o->value, 0, NULL, NULL, 0);
	if (pid == 0)
		child(o);
	return pid;
}

static long by_number_3(const struct op *o)
{
	struct clone_args args = { .flags = (uint64_t)(o->value & ~CSIGNAL), .exit_signal = SIGCHLD };
	long pid = syscall(SYS_clone3, &args, sizeof args);
	if (pid == 0)
		child(o);
	return pid;
}

static long make_child(const struct op *o)
{
	switch (o->how) {
	case CLONE_BY_LIBC: return by_libc(o);
	case CLONE_BY_NUMBER: return by_number(o);
	case CLONE_BY_NUMBER_3: return by_number_3(o);
	case CLONE_ON_NEW_STACK: return by_number_on_new_stack(o);
	}
	abort();
}

static void wait_for_thread(int *living)
{
	int state;
	while ((state = __atomic_load_n(living, __ATOMIC_ACQUIRE)) != 0)
		syscall(SYS_futex, living, FUTEX_WAIT, state, NULL, NULL, 0);
}

static void *carry(void *arg)
{
	const struct op *o = arg;
	struct result *r = &board->results[o - program->ops];
	long pid = make_child(o);
	if (pid < 0) { /* no such child can be made here, so this thread does its work: others may wait for it */
		r->error = errno;
		work(o->other);
	} else if (o->value & CLONE_THREAD) {
		wait_for_thread(&alive[o->other]);
	} else {
		wait_for((pid_t)pid, &board->status[o->other]);
	}
	return NULL;
}

void begin_clone(const struct op *o, struct result *r)
{
	if (!(o->value & CLONE_FILES))
		copy_table(o->actor, o->table);
	board->table[o->other] = o->table;
	cloning = o;
	alive[o->other] = 1;
	if (clone_is_carried(o)) {
		begin_carrier(o, carry);
	} else {
		board->pids[o->other] = (int32_t)make_child(o);
		r->error = board->pids[o->other] < 0 ? errno : 0;
	}
	WAIT_UNTIL(atomic_load(&board->begun[o->other]));
}

void unshare_table(const struct op *o, struct result *r)
{
	bool has = o->handle != NOBODY, unshares = o->how >= RANGE_UNSHARE || o->value & CLOSE_RANGE_UNSHARE;
	unsigned first = has ? (unsigned)fds(o->actor)[o->handle] : FAR, last = has ? first : ~0u;
	switch (o->how) {
	case RANGE_BY_LIBC: r->ret = close_range(first, last, o->value); break;
	case RANGE_BY_NUMBER: r->ret = syscall(SYS_close_range, first, last, o->value); break;
	case RANGE_UNSHARE: r->ret = unshare(CLONE_FILES); break;
	case RANGE_UNSHARE_BY_NUMBER: r->ret = syscall(SYS_unshare, CLONE_FILES); break;
	}
	r->error = r->ret < 0 ? errno : 0;
	if (r->ret == 0 && unshares)
		move_to_table(o->actor, o->table);
	if (r->ret == 0 && range_closes(o))
		fds(o->actor)[o->handle] = -1;
}
