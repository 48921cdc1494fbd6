/* The lock that knows its owner: what a thread gets that meets it in another thread's hands, or in its own. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pthread.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"

static struct lock lock;
static _Atomic uint8_t calling;
static atomic_bool done;

/* Takes the lock as a thread does that will be in a system call, is left alone until `done`, and gives it back. */
static void *own_it(void *state)
{
	cr_assert(lock_try(&lock));
	if (state != NULL)
		atomic_store(&calling, *(const uint8_t *)state);
	while (!atomic_load(&done))
		usleep(1000);
	while (!lock_give_unless_left(&lock)) {}
	return NULL;
}

static pthread_t owner(const uint8_t *state)
{
	pthread_t thread;
	pthread_create(&thread, NULL, own_it, (void *)state);
	while (lock_is_free(&lock))
		usleep(1000);
	while (state != NULL && atomic_load(&calling) != *state)
		usleep(1000);
	return thread;
}

static double seconds(void)
{
	struct timespec now;
	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

Test(lock, free_one_is_taken_and_known_to_be_ours)
{
	cr_expect(lock_take(&lock) == LOCK_TAKEN);
	cr_expect(lock_is_mine(&lock) && lock_take(&lock) == LOCK_MINE);
	lock_give(&lock);
	cr_expect(lock_is_free(&lock));
}

/* Such an owner may wait for a peer for ever, so the thread that wants the lock does without it, and soon. */
Test(lock, owner_in_a_call_that_waits_is_not_waited_for, .timeout = 20)
{
	static const uint8_t in_call = LOCK_CALLING;
	pthread_t thread = owner(&in_call);
	double since = seconds();
	cr_expect(lock_wait(&lock, &calling) == LOCK_BUSY, "the lock was taken from a thread that is in a call");
	cr_expect(seconds() - since < 0.5, "that took %.3f s", seconds() - since);
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	cr_expect(lock_is_free(&lock));
}

/* Nor is an owner that sleeps, even with patience. */
Test(lock, owner_that_sleeps_is_not_waited_for, .timeout = 20)
{
	pthread_t thread = owner(NULL);
	double since = seconds();
	cr_expect(lock_take_patiently(&lock) == LOCK_BUSY);
	cr_expect(seconds() - since < 0.5, "that took %.3f s", seconds() - since);
	atomic_store(&done, true);
	pthread_join(thread, NULL);
}

/* Ends the owner long after the time after which a call that waits is given up. */
static void *end_later(void *unused)
{
	usleep(300000);
	atomic_store(&done, true);
	return unused;
}

/* A call that cannot wait is over soon, however long its thread is not scheduled. */
Test(lock, owner_in_a_call_that_cannot_wait_is_waited_for, .timeout = 20)
{
	static const uint8_t in_call = LOCK_CALLING + 1;
	pthread_t thread = owner(&in_call), other;
	double since = seconds();
	pthread_create(&other, NULL, end_later, NULL);
	cr_expect(lock_wait(&lock, &calling) == LOCK_TAKEN);
	cr_expect(seconds() - since >= 0.2, "the lock was had after %.3f s", seconds() - since);
	lock_give(&lock);
	pthread_join(other, NULL);
	pthread_join(thread, NULL);
}

/* An owner that jumped out of a signal handler may never come back. */
Test(lock, owner_that_jumped_loses_it, .timeout = 20)
{
	pthread_t thread = owner(NULL);
	atomic_fetch_or(&lock.word, LOCK_JUMPED);
	double since = seconds();
	cr_expect(lock_wait(&lock, &calling) == LOCK_ORPHAN);
	cr_expect(seconds() - since < 0.5, "that took %.3f s", seconds() - since);
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	cr_expect(lock_is_mine(&lock), "the owner has given back what is not its own any more");
	cr_expect(lock.tid == gettid(), "the lock bears the number of thread %d, who has lost it", lock.tid);
}

/* Takes the lock as a signal handler finds it that interrupts its thread right behind the first instruction of taking,
 * or right before the last one of giving: it is owned, and bears no number yet, or none any more. */
static void *jump_without_a_number(void *unused)
{
	atomic_store(&lock.word, thread_self());
	lock_jump(&lock);
	while (!atomic_load(&done))
		usleep(1000);
	return unused;
}

Test(lock, owner_that_jumped_while_it_took_it_or_gave_it_back_loses_it, .timeout = 20)
{
	pthread_t thread;
	pthread_create(&thread, NULL, jump_without_a_number, NULL);
	while (!lock_is_jumped(&lock))
		usleep(1000);
	cr_expect(lock_wait(&lock, &calling) == LOCK_ORPHAN);
	atomic_store(&done, true);
	pthread_join(thread, NULL);
}

/* It stays as a zombie while other threads live. */
static void *wait_for_main_thread(void *unused)
{
	_exit(lock_wait(&lock, &calling) == LOCK_ORPHAN ? 0 : 1);
	return unused;
}

Test(lock, main_thread_that_has_ended_loses_it, .timeout = 20)
{
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		pthread_t thread;
		alarm(10);
		lock_forget_self();
		cr_assert(lock_try(&lock));
		lock_jump(&lock);
		pthread_create(&thread, NULL, wait_for_main_thread, NULL);
		pthread_exit(NULL);
	}
	cr_expect(waitpid(pid, &status, 0) == pid && status == 0, "wait status %#x", status);
}

/* --- an owner that is not scheduled ----------------------------------------------------------- */

static _Atomic pid_t owners_tid;

static void *own_it_and_tell(void *unused)
{
	atomic_store(&owners_tid, gettid());
	cr_assert(lock_try(&lock));
	while (!atomic_load(&done))
		usleep(1000);
	lock_give(&lock);
	return unused;
}

/* Stops this one thread of its parent for 1.6 s, as a machine does that has no CPU for it: it neither sleeps nor runs.
 * Tells the parent by `stopped`. */
static void stop_for_a_while(pid_t tid, int stopped)
{
	int status;
	if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0 || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 ||
	    waitpid(tid, &status, __WALL) != tid)
		_exit(1);
	if (write(stopped, "", 1) == 1)
		usleep(1600000);
	ptrace(PTRACE_DETACH, tid, NULL, NULL);
	_exit(0);
}

static const struct {
	const char *name;
	uintptr_t bits;
	bool patiently; /* by lock_take_patiently() */
} unscheduled[] = { { "an owner that is in no call", 0, false },
	            { "an owner that may have jumped", LOCK_JUMPED, false },
	            { "an owner that is waited for with patience", 0, true } };

ParameterizedTestParameters(lock, owner_that_is_not_scheduled_keeps_it)
{
	static size_t index[] = { 0, 1, 2 };
	return cr_make_param_array(size_t, index, 3);
}

ParameterizedTest(size_t *i, lock, owner_that_is_not_scheduled_keeps_it, .timeout = 20)
{
	int ready[2], status;
	char byte;
	pthread_t thread;
	pthread_create(&thread, NULL, own_it_and_tell, NULL);
	while (lock_is_free(&lock))
		usleep(1000);
	atomic_fetch_or(&lock.word, unscheduled[*i].bits);
	cr_assert(pipe(ready) == 0);
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	pid_t tracer = fork();
	if (tracer == 0)
		stop_for_a_while(atomic_load(&owners_tid), ready[1]);
	close(ready[1]);
	cr_assert(read(ready[0], &byte, 1) == 1, "no process can stop a thread of its parent here");
	atomic_store(&done, true); /* it gives the lock back as soon as it goes on */
	double since = seconds();
	enum lock_result result = unscheduled[*i].patiently ? lock_take_patiently(&lock) : lock_wait(&lock, &calling);
	cr_expect(result == LOCK_TAKEN, "%s has lost the lock", unscheduled[*i].name);
	cr_expect(seconds() - since >= 1.2, "%s: the lock was had after %.3f s", unscheduled[*i].name,
	          seconds() - since);
	lock_give(&lock);
	pthread_join(thread, NULL);
	cr_expect(waitpid(tracer, &status, 0) == tracer && status == 0);
}
