/* Proves that a deadline and the wait for it go by the same clock, the kernel's: libraries that change the clock for
 * the program do not change it for the library, and neither does a stop of the process or a move to another time
 * namespace. */
#include "harness.h"
#include "left_out.h"
#include "machine.h"

#include <bsd/string.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#if defined UNDER_TSAN || defined __SANITIZE_ADDRESS__
#define SANITIZED
enum { SLACK_US = 9000 };
#else
enum { SLACK_US = 2000 };
#endif
enum { ROUNDS = 11, JOINED = 10 };

#define PROGRAM BUILD_DIR "/tests/programs/p_clock"

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* Microseconds from the moment that the program noted for a round to the arrival of its head. `before`: how many bytes
 * of messages come before the first round. */
static int64_t median_delay(const struct run *r, size_t before)
{
	int64_t delays[ROUNDS];

	for (size_t i = 0; i < ROUNDS; i++) {
		delays[i] = INT64_MAX;
		for (size_t k = 0; k < r->arrived && delays[i] == INT64_MAX; k++)
			if (r->arrivals[k].total >= before + i * 300 + 100)
				delays[i] = (r->arrivals[k].at - r->shared->sent[i]) / 1000;
	}
	qsort(delays, ROUNDS, sizeof *delays, by_size);
	return delays[ROUNDS / 2];
}

/* Where the kernel holds the head, no message is joined in one call, so there is nothing to count. */
static bool all_joined(const struct run *r, const struct setup *setup)
{
	return (setup->hold != NULL && strcmp(setup->hold, "kernel") == 0) ||
	       calls_like(r, "writev iov=2 bytes=300 = 300") == JOINED;
}

/* Expects a median delay between `least` and `most` us, and that the messages before or after the rounds are joined. */
static void check_delay(const char *name, const struct setup *setup, size_t before, int64_t least, int64_t most)
{
	struct run *r = check_same(name, setup);
	int64_t median = median_delay(r, before);

	for (int n = 1; n < ATTEMPTS && (median > most || !all_joined(r, setup)); n++) {
		run_free(r);
		r = check_same(name, setup);
		median = median_delay(r, before);
	}
	cr_expect(r->status == 0, "%s: wait status %#x, reported %s", name, (unsigned)r->status, r->results.p);
	cr_expect(median >= least && median <= most, "%s: the median head came after %lld us, wanted %lld to %lld",
	          name, (long long)median, (long long)least, (long long)most);
	cr_expect(all_joined(r, setup), "%s: not all messages were joined:\n%.1500s", name, r->calls.p);
	run_free(r);
}

#ifndef SANITIZED /* a sanitizer's library stands in front of libc itself */
static const struct {
	const char *library, *faketime;
	bool front;
	const char *hold, *join;
} others[] = {
	{ "liar", NULL, true },
	{ "liar", NULL, false },
	{ "liar", NULL, true, "kernel", "message" },
	{ "liar", NULL, false, "kernel", "message" },
	{ "libfaketime.so.1", "+1h", true },
	{ "libfaketime.so.1", "+1h", false },
	{ "libfaketime.so.1", "-1h x0.01", true },
	{ "libfaketime.so.1", "-1h x0.01", false },
	{ "libfaketime.so.1", "-1h x0.01", false, "kernel", "message" },
	{ "libfaketimeMT.so.1", "+1h x10", true },
	{ "libfaketimeMT.so.1", "+1h x10", false },
	{ "libfaketimeMT.so.1", "@2020-01-01 00:00:00", true },
	{ "libfaketimeMT.so.1", "@2020-01-01 00:00:00", false },
};

static const char *path_of(const char *library, char *path, size_t size)
{
	char pattern[128];
	glob_t found;

	if (strcmp(library, "liar") == 0)
		return BUILD_DIR "/tests/programs/lib_liar.so";
	leave_out_one(library, "it is glibc's");
	snprintf(pattern, sizeof pattern, "/usr/lib/*/faketime/%s", library);
	cr_assert(glob(pattern, 0, NULL, &found) == 0, "there is no %s: is the package libfaketime installed?",
	          pattern);
	strlcpy(path, found.gl_pathv[0], size);
	globfree(&found);
	return path;
}

EACH_TEST(clock, beside_libraries_that_own_it_a_head_goes_in_time, ROWS(others), 120)
{
	char path[512], name[256];
	struct setup setup = {
		.args = { PROGRAM, "heads" }, .timeout = "5ms", .hold = others[*i].hold, .join = others[*i].join
	};

	*(others[*i].front ? &setup.front : &setup.behind) = path_of(others[*i].library, path, sizeof path);
	if (others[*i].faketime != NULL)
		setenv("FAKETIME", others[*i].faketime, 1);
	snprintf(name, sizeof name, "%s %s, %s, hold %s", others[*i].library,
	         others[*i].faketime != NULL ? others[*i].faketime : "", others[*i].front ? "in front" : "behind",
	         setup.hold != NULL ? setup.hold : "memory");
	check_delay(name, &setup, 0, setup.hold != NULL ? 0 : 4500, 5000 + SLACK_US);
}
#endif

/* A head that became due while the process was stopped is sent when the process goes on, not one timeout later. */
Test(clock, what_is_due_when_a_stopped_process_goes_on_goes_at_once, .timeout = 120)
{
	struct setup setup = { .args = { PROGRAM, "stopped" }, .timeout = "100ms" };

	check_delay("stopped", &setup, 0, 0, SLACK_US);
}

#ifndef UNDER_TSAN /* TSan's own threads keep the process out of another time namespace */
Test(clock, set_back_keeps_nothing_longer, .timeout = 120)
{
	struct setup setup = { .args = { PROGRAM, "back" }, .timeout = "5ms" };

	machine_needs(TIME_NAMESPACE, "set back");
	check_delay("set back", &setup, JOINED * 300, 4500, 5000 + SLACK_US);
}
#endif
