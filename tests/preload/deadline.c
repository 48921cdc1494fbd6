/* Proves that the peer has a held head within the timeout and two milliseconds, whatever the program does after writing
 * it. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>

#ifdef EMULATOR
enum { SLACK_MS = 200 }; /* Time passes differently in an emulator: it is enough that the head comes by itself. */
#elif defined UNDER_TSAN || defined __SANITIZE_ADDRESS__
enum { SLACK_MS = 9 }; /* A sanitizer makes everything slower; time is measured without one. */
#else
enum { SLACK_MS = 2 };
#endif
enum { ROUNDS = 50, TIMEOUT_MS = 5 };

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* How long after its write did the head of round i reach the peer? */
static int64_t delay_of(const struct run *r, int i)
{
	size_t head = (size_t)i * 300 + 100;

	for (size_t k = 0; k < r->arrived; k++)
		if (r->arrivals[k].total >= head)
			return r->arrivals[k].at - r->shared->sent[i];
	return INT64_MAX;
}

/* in microseconds */
static int64_t median_delay(const struct run *r, int rounds)
{
	int64_t delays[ROUNDS];

	for (int i = 0; i < rounds; i++)
		delays[i] = delay_of(r, i);
	qsort(delays, (size_t)rounds, sizeof *delays, by_size);
	return delays[rounds / 2] / 1000;
}

static const char *const waits[][3] = { { "sleep", "memory", "header" },  { "spin", "memory", "header" },
	                                { "pipe", "memory", "header" },   { "epoll", "memory", "header" },
	                                { "sleep", "kernel", "header" },  { "epoll", "kernel", "header" },
	                                { "sleep", "memory", "message" }, { "sleep", "kernel", "message" } };

EACH_TEST(deadline, held_head_goes_out_in_time, ROWS(waits), 60)
{
	struct setup setup = { .args = { SCENARIOS, "deadline", waits[*i][0] },
		               .timeout = "5ms",
		               .hold = waits[*i][1],
		               .join = waits[*i][2] };
	char name[64];
	snprintf(name, sizeof name, "%s, hold %s, join %s", waits[*i][0], setup.hold, setup.join);
	struct run *r = check_same(name, &setup);
	int64_t median = median_delay(r, ROUNDS);

	for (int n = 1; n < ATTEMPTS && median > (TIMEOUT_MS + SLACK_MS) * 1000; n++) {
		run_free(r);
		r = check_same(name, &setup);
		median = median_delay(r, ROUNDS);
	}
	cr_expect(median <= (TIMEOUT_MS + SLACK_MS) * 1000,
	          "%s: the median head came after %lld us, wanted %d ms at most", name, (long long)median,
	          TIMEOUT_MS + SLACK_MS);
	/* With Nagle on, the kernel may send a head that it holds along with an earlier body. So where the kernel
	 * holds, the MSG_MORE of the call shows that the head was held. */
	cr_expect(strcmp(setup.hold, "kernel") == 0 ? calls_like(r, "send bytes=100 flags=MSG_MORE = 100") == ROUNDS
	                                            : median >= TIMEOUT_MS * 900,
	          "%s: the median head came after %lld us: it was not held", name, (long long)median);
	cr_expect(calls_like(r, "write bytes=200 = 200") > ROUNDS / 2,
	          "%s: the bodies after the deadline are not as they were written:\n%.600s", name, r->calls.p);
	run_free(r);
}

/* The helper must look first at the connection whose deadline comes first. In a wrong order a head would wait until the
 * next tick, half a timeout on average. */
Test(deadline, held_head_goes_out_in_time_however_busy_others_are, .timeout = 60)
{
	struct setup setup = { .args = { BUILD_DIR "/tests/programs/p_late", "busy" },
		               .timeout = "100ms",
		               .clients = 2 };
	int64_t median = INT64_MAX, most = 113000 + SLACK_MS * 1000;

	for (int n = 0; n < ATTEMPTS && median > most; n++) {
		struct run *r = check_same("a waiting and a busy connection", &setup);

		median = median_delay(r, 15);
		run_free(r);
	}
	cr_expect(median >= 90000 && median <= most, "the median head came after %lld us, wanted %lld us at most",
	          (long long)median, (long long)most);
}

/* The first head of a process is no later than others: the helper is started for it, and whatever the helper does only
 * once would delay this head. */
Test(deadline, first_head_of_a_process_goes_out_in_time, .timeout = 60)
{
	struct setup setup = { .args = { SCENARIOS, "deadline", "sleep" }, .timeout = "5ms" };
	int64_t first = INT64_MAX;

	SKIP_WHERE_EMULATED("the first head of a process", "an emulator has its own time");
	for (int n = 0; n < ATTEMPTS && first > (TIMEOUT_MS + SLACK_MS) * 1000; n++) {
		struct run *r = check_same("the first head", &setup);

		first = delay_of(r, 0) / 1000;
		run_free(r);
	}
	cr_expect(first <= (TIMEOUT_MS + SLACK_MS) * 1000, "the first head came after %lld us, wanted %d ms at most",
	          (long long)first, TIMEOUT_MS + SLACK_MS);
}

/* Many connections share one helper, and each has its own deadline. */
Test(deadline, each_connection_has_its_own, .timeout = 30)
{
	struct setup setup = { .args = { SCENARIOS, "deadlines" }, .timeout = "100ms", .clients = 4 };
	struct run *r = check_same("four connections", &setup);

	for (int n = 1; n < ATTEMPTS && calls_like(r, "writev iov=2 bytes=300 = 300") != 2; n++) {
		run_free(r);
		r = check_same("four connections", &setup);
	}
	cr_expect(calls_like(r, "* bytes=100* = 100") == 2, "want the two abandoned heads alone:\n%.600s", r->calls.p);
	cr_expect(calls_like(r, "writev iov=2 bytes=300 = 300") == 2, "want the two prompt messages joined:\n%.600s",
	          r->calls.p);
	run_free(r);
}

/* Without a thread or without memory the program runs as if the library were not there. */
static const struct scenario without[] = {
	{ "no thread can be made",
	  { "write=" HEAD, "await", "write=*200", "await" },
	  "* bytes=100* = 100, * bytes=200* = 200",
	  .faults = "pthread_create:*:errno=EAGAIN" },
	{ "no memory can be had",
	  { "write=" HEAD, "await", "write=*200", "await" },
	  NULL,
	  .faults = "mmap:*:errno=ENOMEM" },
	{ "memory runs out at the first hold",
	  { "write=" HEAD, "write=*200", "await", "write=" HEAD, "write=*200", "await" },
	  ANY_CALLS,
	  .faults = "mmap:2:errno=ENOMEM" },
	{ "memory runs out later",
	  { "write=" HEAD, "write=*200", "await", "write=" HEAD, "write=*200", "await" },
	  ANY_CALLS,
	  .faults = "mmap:3:errno=ENOMEM" },
	{ "the helper can have no descriptor",
	  { "write=" HEAD, "sleep=30", "await", "write=*200", "await" },
	  "send bytes=100 * = 100, write bytes=200 = 200",
	  .timeout = "5ms",
	  .faults = "fcntl:*:errno=EMFILE" },
	{ "no descriptor can be had",
	  { "keepalive=1", "nofiles", "write=" HEAD, "sleep=20", "await", "write=*200", "await" },
	  ANY_CALLS,
	  .timeout = "5ms" },
};
SCENARIO_TESTS(deadline, without);

/* The child of a fork has no helper yet, although its copy of the memory says that there is one. */
static const struct scenario forked[] = {
	{ "in a fork's child",
	  { "write=" HEAD, "write=*200", "forked", "write=" HEAD, "await", "write=*200", "await" },
	  ANY_CALLS,
	  .timeout = "5ms" },
};
SCENARIO_TESTS(deadline, forked);

/* The kernel's idea of a moment must be the library's, whether a time has 32 or 64 bits here. */
Test(deadline, kernel_waits_until_the_moment_that_it_is_told, .timeout = 30)
{
	SKIP_WHERE_EMULATED("the wait by a moment", "the program is run by a shell");
	cr_expect(system(BUILD_DIR "/tests/programs/p_moment") == 0,
	          "a wait of 20 ms ended at another time, or not at all");
}
