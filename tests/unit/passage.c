/* Waiting for other threads to come out of the library's code: for which of them, and for how long? */
#include <criterion/criterion.h>
#include <pthread.h>
#include <stdatomic.h>
#include <time.h>

#include "passage.h"
#include "stopped.h"

enum { THREADS = 3 };

static _Atomic pid_t tids[THREADS];
static atomic_bool done;

static void *sleep_on(void *tid)
{
	atomic_store((_Atomic pid_t *)tid, gettid());
	while (!atomic_load(&done))
		usleep(100000);
	return NULL;
}

static void *spin_on(void *tid)
{
	atomic_store((_Atomic pid_t *)tid, gettid());
	while (!atomic_load(&done)) {}
	return NULL;
}

static double passage_s(void)
{
	struct timespec from, to;
	clock_gettime(CLOCK_MONOTONIC, &from);
	passage_wait();
	clock_gettime(CLOCK_MONOTONIC, &to);
	return (double)(to.tv_sec - from.tv_sec) + (double)(to.tv_nsec - from.tv_nsec) / 1e9;
}

static void start(pthread_t *threads, void *(*one)(void *))
{
	for (int i = 0; i < THREADS; i++) {
		pthread_create(&threads[i], NULL, one, (void *)&tids[i]);
		while (atomic_load(&tids[i]) == 0)
			usleep(1000);
	}
}

static void end(const pthread_t *threads)
{
	atomic_store(&done, true);
	for (int i = 0; i < THREADS; i++)
		pthread_join(threads[i], NULL);
}

Test(passage, threads_that_sleep_or_run_are_not_waited_for_long, .timeout = 20)
{
	pthread_t sleepers[THREADS], spinners[THREADS];
	cr_expect(passage_s() < 0.9, "one thread waits for itself");
	start(sleepers, sleep_on);
	for (int i = 0; i < THREADS; i++)
		atomic_store(&tids[i], 0);
	start(spinners, spin_on);
	double took = passage_s();
	cr_expect(took < 0.9, "that took %.3f s", took);
	end(sleepers);
	end(spinners);
}

/* It may be anywhere, so it is waited for until it goes on; but not for ever. */
Test(passage, thread_without_a_cpu_is_waited_for, .timeout = 20)
{
	pthread_t threads[THREADS];
	start(threads, spin_on);
	pid_t tracer = stop_thread(atomic_load(&tids[1]), 400);
	cr_assert(tracer > 0, "no process can stop a thread of its parent here");
	double took = passage_s();
	cr_expect(took >= 0.3, "it was waited for for %.3f s", took);
	cr_expect(waitpid(tracer, NULL, 0) == tracer);
	tracer = stop_thread(atomic_load(&tids[1]), 3000);
	cr_assert(tracer > 0);
	took = passage_s();
	cr_expect(took >= 0.9 && took < 2.5, "it was waited for for %.3f s", took);
	cr_expect(waitpid(tracer, NULL, 0) == tracer);
	end(threads);
}
