/* The lock that knows its owner: what a thread gets that meets it in another thread's hands, or in its own. */
#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <pthread.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "lock.h"
#include "task.h"
#include "stopped.h"

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
		usleep(300000); /* it uses hardly any CPU time, 10 ms in more than a minute */
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

/* Whether it sleeps cannot be learned while no descriptor is free, so it is given a second. */
Test(lock, owner_that_jumped_and_cannot_be_asked_for_loses_it, .timeout = 20)
{
	pthread_t thread = owner(NULL);
	struct rlimit some, none;
	atomic_fetch_or(&lock.word, LOCK_JUMPED);
	cr_assert(getrlimit(RLIMIT_NOFILE, &some) == 0);
	none = (struct rlimit){ 0, some.rlim_max };
	cr_assert(setrlimit(RLIMIT_NOFILE, &none) == 0);
	double since = seconds();
	enum lock_result result = lock_wait(&lock, &calling);
	double took = seconds() - since;
	setrlimit(RLIMIT_NOFILE, &some);
	cr_expect(result == LOCK_ORPHAN && took >= 0.9, "%d after %.3f s", result, took);
	atomic_store(&done, true);
	pthread_join(thread, NULL);
}

/* A child of vfork has its parent's variables. */
Test(lock, child_in_its_parents_memory_leaves_no_number)
{
	static volatile bool parent_has_ended;
	static volatile int childs_number;
	pid_t parent = getpid();
	int status;
	lock_own_process(parent);
	pid_t pid = vfork();
	if (pid == 0) {
		childs_number = lock_number();
		parent_has_ended = task_has_ended(parent);
		_exit(0);
	}
	cr_expect(waitpid(pid, &status, 0) == pid && childs_number == pid, "the child calls itself %d", childs_number);
	cr_expect(!parent_has_ended, "to the child its parent has ended");
	cr_expect(lock_number() == gettid(), "the parent has the number %d", lock_number());
}

/* Nobody has told such a child that it is a process of its own. */
Test(lock, threads_of_a_child_that_no_hook_saw_have_not_ended)
{
	int status;
	lock_own_process(getpid());
	pid_t pid = fork();
	if (pid == 0)
		_exit(task_has_ended(gettid()));
	cr_expect(waitpid(pid, &status, 0) == pid && status == 0, "wait status %#x", status);
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
		lock_own_process(getpid());
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
	int status;
	pthread_t thread;
	pthread_create(&thread, NULL, own_it_and_tell, NULL);
	while (lock_is_free(&lock))
		usleep(1000);
	atomic_fetch_or(&lock.word, unscheduled[*i].bits);
	pid_t tracer = stop_thread(atomic_load(&owners_tid), 1600);
	cr_assert(tracer > 0, "no process can stop a thread of its parent here");
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
