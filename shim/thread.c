#include "thread.h"

#include <errno.h>
#include <signal.h>
#include <sys/syscall.h>

#include "clock.h"
#include "ordinary.h"
#include "real.h"
#include "task.h"

#define STOP_NS  100000000u /* the longest wait for a thread that was told to end, if it sleeps somewhere then */
#define STOPS    50         /* so many of these waits for a thread that has no CPU, and so cannot end */
#define LEAVE_NS 10000000u  /* the longest wait for a thread that is about to end by itself */
#define STACK    (1 << 20)  /* bytes; if the thread is the last one, the program's exit handlers run on it */

static const struct timespec moment = { 0, 50000 }; /* between two looks whether the thread is gone */

void thread_begin(struct thread *t)
{
	sigset_t all;
	sigfillset(&all); /* but for libc's own signals (setuid in all threads), which libc leaves out */
	own_sigmask(SIG_SETMASK, &all, NULL);
	ordinary_self();
	atomic_store(&t->tid, own_tid());
}

/* Returns 0 or the error. The caller holds the lock and blocks signals, which the new thread inherits. (A mask among
 * the attributes would not do: whoever stands in front of libc's function may give the thread its creator's mask again,
 * as the AddressSanitizer of gcc 14 does.) */
static int create(struct thread *t, size_t stack, void *(*run)(void *), void *arg)
{
	pthread_attr_t attr;
	const struct threads *libc_has = threads();
	if (LACKS(pthread_create))
		return EAGAIN; /* before glibc 2.34, in a program without libpthread */
	libc_has->pthread_attr_init(&attr);
	if (!ordinary_attributes(&attr)) {
		libc_has->pthread_attr_destroy(&attr);
		return EAGAIN;
	}
	if (stack != 0)
		libc_has->pthread_attr_setstacksize(&attr, stack);
	int error = libc()->pthread_create(&t->id, &attr, run, arg);
	libc_has->pthread_attr_destroy(&attr);
	if (error == 0)
		ordinary_created(t->id);
	return error;
}

/* Join the thread, waiting until `until` at most. The wait is bounded because a thread's end runs destructors of
 * thread-local data, which may wait for a lock that the caller holds. On the thread itself it fails at once. */
static bool join(struct thread *t, uint64_t until)
{
	struct own_moment limit = clock_moment(until);
	if (threads()->pthread_clockjoin_np != NULL) /* neither in musl nor before glibc 2.31 */
		return threads()->pthread_clockjoin_np(t->id, NULL, CLOCK_MONOTONIC, &limit) == 0;
	while (threads()->pthread_tryjoin_np(t->id, NULL) != 0) {
		if (now_ns() > until || own_tid() == atomic_load(&t->tid))
			return false;
		own()->syscall(SYS_nanosleep, &moment, NULL);
	}
	return true;
}

bool thread_start(struct thread *t, void *(*run)(void *), void *arg)
{
	int saved = errno;
	int cancel = PTHREAD_CANCEL_DISABLE;
	/* pthread_join() is a cancellation point, and the caller holds a lock */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	bool gone = !t->joinable || join(t, now_ns() + LEAVE_NS);
	if (gone) {
		int error = create(t, STACK, run, arg);
		if (error == EINVAL) /* STACK is too small for the program's thread-local storage: use libc's size */
			error = create(t, 0, run, arg);
		t->joinable = error == 0;
	}
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
	return gone && t->joinable;
}

/* Wait until the kernel has removed the joined thread, which unshare(2) counts as a thread until then. */
static void see_it_go(struct thread *t)
{
	uint64_t until = now_ns() + (uint64_t)STOPS * STOP_NS;
	while (own()->syscall(SYS_tgkill, own_pid(), atomic_load(&t->tid), 0) == 0 && now_ns() < until)
		own()->syscall(SYS_nanosleep, &moment, NULL);
}

bool thread_join(struct thread *t)
{
	unsigned waits = 0;
	/* It may take long until the thread gets a CPU (a container has used up its share), and until it is gone it has
	 * the descriptors that the caller is about to leave behind. */
	while (!join(t, now_ns() + STOP_NS))
		if (++waits == STOPS || task_state(atomic_load(&t->tid)) == TASK_SLEEPS)
			return false;
	t->joinable = false;
	see_it_go(t);
	return true;
}
