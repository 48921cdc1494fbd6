/* Proves what no other test looks at: each of these tests is the only one that notices some fault of
 * tests/mutants. */
#include "everywhere.h"

#include <stdio.h>

#define PROGRAM   BUILD_DIR "/tests/programs/p_planted"
#define JOINED    "writev iov=2 bytes=300 = 300"
#define HEAD_MORE "send bytes=100 flags=MSG_MORE = 100"
#define MESSAGE   "write=" HEAD, "write=*200"

/* --- bytes and results ------------------------------------------------------------------------ */

/* The kernel finds out that these bytes cannot be read; the library does not touch them. */
static const struct case_of unreadable[] = { { { "unreadable", "all" }, NULL, .timeout = HOLD_LONG },
	                                     { { "unreadable", "beginning" }, NULL, .timeout = HOLD_LONG } };
EVERYWHERE_TESTS(planted, body_that_cannot_be_read_is_refused, PROGRAM, unreadable);

/* With join=header a message is not followed behind its first body write, so this needs join=message. */
Test(planted, end_of_a_body_that_cannot_be_read_is_refused, .timeout = 30)
{
	struct setup setup = { .args = { PROGRAM, "unreadable", "end" }, .join = "message" };

	run_free(check_same("hold memory", &setup));
	setup.hold = "kernel";
	run_free(check_same("hold kernel", &setup));
}

/* A refused head was not written, so the next write is a head again. */
Test(planted, head_that_was_refused_comes_again, .timeout = 30)
{
	static const struct scenario s = {
		"a head is refused once",
		{ "nonblock", "again=" HEAD, "write=*200", "await" },
		"send bytes=100 flags=MSG_MORE = -1 EAGAIN, " HEAD_MORE ", write bytes=200 = 200",
		.hold = "kernel",
		.faults = "send:1:errno=EAGAIN",
		.results = "nonblock = 0\nrefused: EAGAIN\nagain = 100\nwrite = 200\nawait = 0\n"
	};

	check_scenario(&s);
}

/* A message is over when all of it was sent, not when calls asked for all of it: then its end is pushed, once. */
Test(planted, sendfile_counts_for_what_it_did, .timeout = 30)
{
	struct setup setup = { .args = { STEPS, "write=" HEAD, "sendfile=*200", "sendfile=*100", "await" },
		               .join = "message",
		               .faults = "sendfile:1:short=100" };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->bytes[0].n == 300 && calls_like(r, "setsockopt TCP_NODELAY=1 *") == 1,
	          "%zu bytes came; the end was not pushed behind the second sendfile:\n%s", r->bytes[0].n, r->calls.p);
	run_free(r);
}

/* Where bytes that the program was told are written found no way out, one call reports the loss. */
static const struct {
	const char *steps[4], *wanted;
} lost[] = {
	{ { "nonblock", "write=" HEAD, "close" }, "close = -1, errno EIO\n" },
	{ { "write=" HEAD, "close" }, "close = -1, errno EIO\n" },
	{ { "write=" HEAD, "shutdown", "send+MSG_NOSIGNAL=x" }, "send = -1, errno EIO\n" },
	{ { "write=" HEAD, "shutdown", "recv+MSG_DONTWAIT=1" }, "recv = -1, errno EIO\n" },
};

EACH_TEST(planted, lost_bytes_are_an_error, ROWS(lost), 30)
{
	struct setup setup = { .args = { STEPS, lost[*i].steps[0], lost[*i].steps[1], lost[*i].steps[2],
		                         lost[*i].steps[3] },
		               .faults = "send:*:errno=EAGAIN" };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->status == 0 && strstr(r->results.p, lost[*i].wanted) != NULL,
	          "wait status %#x, reported \"%s\", wanted \"%s\"", (unsigned)r->status, r->results.p,
	          lost[*i].wanted);
	run_free(r);
}

/* The send buffer was filled behind a head by calls that no hook sees. Only calls that would wait without the library
 * wait. */
#define FULL(how, wanted)                                                    \
	{                                                                    \
		{ "full", how }, wanted, .timeout = HOLD_LONG, .timed = true \
	}

static const struct case_of full[] = {
	FULL("fork", "soon: 1\n"),
	FULL("fork, and readers", "soon: 1\n"),
	FULL("close, and a writer", "soon: 1\n"),
#ifndef UNDER_TSAN /* TSan keeps a signal back until the call is over */
	FULL("signals", "whole\n"),
#endif
	FULL("send", "EAGAIN, the thread ends: 1\n"),
	{ { "full", "close" }, "soon: 1\n", .timed = true },
#ifndef __SANITIZE_ADDRESS__ /* ASan does not unwind a cancelled thread's stack and reports what is left there */
	FULL("cancel", "the thread ends: 1\n"),
#endif
};
EVERYWHERE_TESTS(planted, full_buffer_keeps_nobody, PROGRAM, full);

/* --- where a head is held --------------------------------------------------------------------- */

/* What forbade holding in memory is over, and the next connection was not copied to another process. */
static const struct scenario afterwards[] = {
	{ "a cork that the program took off", { "cork=1", "cork=0", MESSAGE, "await" }, JOINED },
	{ "an exec that failed, another connection", { "exec=none", "close", MESSAGE, "await" }, JOINED, .clients = 2 },
	{ "a spawn that is over, another connection",
	  { "spawn=sleep=0", "close", MESSAGE, "await" },
	  JOINED,
	  .clients = 2 },
	{ "a fork that is over, another connection",
	  { "child:sleep=0", "close", MESSAGE, "await" },
	  JOINED,
	  .clients = 2 },
};
FIRST_MESSAGE_TESTS(planted, afterwards);

static void check_joined(const char *scenario, int clients, int messages)
{
	struct setup setup = { .args = { PROGRAM, scenario }, .clients = clients };
	struct run *r = check_same(scenario, &setup);

	cr_expect(calls_like(r, JOINED) == messages, "%s: not %d messages were joined:\n%s", scenario, messages,
	          r->calls.p);
	run_free(r);
}

Test(planted, worker_that_was_forked_joins, .timeout = 30)
{
	check_joined("worker", 1, 2);
}

#ifndef UNDER_TSAN /* TSan makes every vfork a fork */
/* The child, in its parent's memory, is the first to have a connection. */
Test(planted, parent_of_a_vfork_child_that_writes_joins, .timeout = 30)
{
	check_joined("vfork", 2, 2);
}
#endif

/* A writer that no hook sees concerns its own connection only; messages on another one are joined. */
Test(planted, what_fell_short_is_of_one_connection, .timeout = 30)
{
	check_joined("fell-short", 1, 1);
}

/* A message whose memory was the buffer of another connection's head begins like any other. */
Test(planted, memory_that_was_a_buffer_becomes_a_message, .timeout = 30)
{
	check_joined("grown", 2, 1);
}

/* --- the helper ------------------------------------------------------------------------------- */

/* The helper tries again where it may not ask for the socket's identity, and where there is no room. */
static const struct scenario deadlines[] = {
	{ "the socket's identity cannot be asked",
	  { "write=" HEAD, "await", "write=*200", "await" },
	  "send bytes=100 * = 100, write bytes=200 = 200",
	  .timeout = "5ms",
	  .faults = "cookie:2:errno=EPERM" },
	{ "there is no room",
	  { "write=" HEAD, "await", "write=*200", "await" },
	  "send bytes=100 * = -1 EAGAIN, send bytes=100 * = 100, write bytes=200 = 200",
	  .timeout = "5ms",
	  .faults = "send:1:errno=EAGAIN" },
};

EACH_TEST(planted, deadline_is_tried_again, ROWS(deadlines), 30)
{
	check_scenario(&deadlines[*i]);
}

/* The library does not try to create the helper for each head, and keeps no memory for a helper that never comes. */
Test(planted, thread_that_cannot_be_created_is_not_asked_for_again_and_again, .timeout = 60)
{
	struct setup steps = { .args = { STEPS, MESSAGE, MESSAGE, MESSAGE, "await" },
		               .faults = "pthread_create:*:errno=EAGAIN" };
	struct setup leak = { .args = { PROGRAM, "leak" }, .faults = "pthread_create:*:errno=EAGAIN" };
	struct run *r = check_same("three messages", &steps);

	cr_expect(calls_like(r, "pthread_create*") == 1, "asked %d times:\n%s", calls_like(r, "pthread_create*"),
	          r->calls.p);
	run_free(r);
	r = check_same("many connections", &leak);
	cr_expect(strcmp(r->results.p, "memory grows: 0\n") == 0, "reported %s", r->results.p);
	run_free(r);
}
