/* Proves which thread waits for which, and what a thread leaves behind that does not come back from its write. */
#include "harness.h"

#include <stdio.h>

#define THREADS BUILD_DIR "/tests/programs/p_threads"

/* The helper's call, which never waits for room, is made to take 150 ms. The program comes 60 ms after the head, whose
 * timeout is 5 ms. A call that writes, or takes the number away, waits until the helper's call is over; afterwards
 * nothing refers to the socket. A read does not wait. */
#define SLOW_HELPER "send:1:delay=150,setsockopt:1:delay=150"

static const struct {
	const char *call;
	bool waits;
	size_t bytes[2]; /* on the two connections */
} meetings[] = {
	{ "write", true, { 300, 0 } },       { "recv", false, { 100, 0 } },        { "close", true, { 100, 0 } },
	{ "close, exit", true, { 100, 0 } }, { "close, _exit", true, { 100, 0 } }, { "close, exec", true, { 100, 0 } },
	{ "dup2", true, { 100, 0 } },        { "close_range", true, { 100, 0 } },  { "reuse", true, { 100, 300 } },
};

static void check_meeting(size_t i, const char *join)
{
	struct setup setup = { .args = { THREADS, "mid-emission", meetings[i].call },
		               .timeout = "5ms",
		               .clients = 2,
		               .faults = SLOW_HELPER,
		               .join = join };
	struct run *bare = run(&setup, BARE), *shim = run(&setup, SHIM);
	const char *wanted = meetings[i].waits ? "waited: 1\n" : "waited: 0\n";

	for (int n = 1; n < ATTEMPTS && strcmp(shim->results.p, wanted) != 0; n++) {
		run_free(shim);
		shim = run(&setup, SHIM);
	}
	cr_expect(strcmp(shim->results.p, wanted) == 0, "%s: the program reported %s", meetings[i].call,
	          shim->results.p);
	for (int k = 0; k < 2; k++)
		cr_expect(shim->bytes[k].n == meetings[i].bytes[k] && bare->bytes[k].n == shim->bytes[k].n &&
		                  memcmp(shim->bytes[k].p, bare->bytes[k].p, shim->bytes[k].n) == 0,
		          "%s: connection %d: %zu bytes, bare %zu, wanted %zu: \"%.20s\"; calls: %s", meetings[i].call,
		          k, shim->bytes[k].n, bare->bytes[k].n, meetings[i].bytes[k], shim->bytes[k].p, shim->calls.p);
	run_free(bare);
	run_free(shim);
}

EACH_TEST(threads, who_writes_or_closes_waits_for_the_helpers_call, ROWS(meetings), 60)
{
	check_meeting(*i, "header");
	check_meeting(*i, "message");
}

/* The helper's send also finds the send buffer full, and the program's call does not wait for another attempt. */
static const char *const farewells[] = { "close", "close, exit", "close, _exit", "close, exec", "dup2", "close_range" };

EACH_TEST(threads, a_head_the_helper_has_in_hand_survives_the_close, ROWS(farewells), 60)
{
	struct setup setup = { .args = { THREADS, "mid-emission", farewells[*i] },
		               .timeout = "5ms",
		               .clients = 2,
		               .faults = "send:1:delay=150+EAGAIN" };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->bytes[0].n == 100, "%s: %zu bytes of the head came, not 100; calls: %s", farewells[*i],
	          r->bytes[0].n, r->calls.p);
	run_free(r);
}

/* --- forks ------------------------------------------------------------------------------------ */

static const char *const modes[][2] = { { "memory", "header" }, { "memory", "message" }, { "kernel", "message" } };

EACH_TEST(threads, four_fork_while_four_write, ROWS(modes), 60)
{
	struct setup setup = {
		.args = { THREADS, "forks" }, .timeout = "5ms", .clients = 4, .hold = modes[*i][0], .join = modes[*i][1]
	};
	char name[64];
	struct run *r;

	snprintf(name, sizeof name, "hold %s, join %s", modes[*i][0], modes[*i][1]);
	r = check_same(name, &setup);
	cr_expect(strcmp(r->results.p, "children that failed: 0\n") == 0, "%s: %s", name, r->results.p);
	run_free(r);
}

/* --- writes that are left in the middle ------------------------------------------------------- */

/* Expects pieces of messages, and that what was written at once after the last interruption is whole. */
static void check_left(const char *what, const char *way, const char *hold, const char *join, int clients)
{
	struct setup setup = { .args = { THREADS, what, way },
		               .timeout = "5ms",
		               .clients = clients,
		               .hold = hold,
		               .join = join,
		               .gulp = 65536 };
	struct run *r = run(&setup, SHIM);

	cr_assert(r->status == 0 && strcmp(r->results.p, "done\n") == 0,
	          "%s %s, hold %s, join %s: wait status %#x, reported \"%s\", said \"%s\"", what, way, hold, join,
	          (unsigned)r->status, r->results.p, r->said.p);
	for (int k = 0; k < clients; k++) {
		const struct text *t = &r->bytes[k];
		cr_assert(t->n >= 300, "%s %s, hold %s, join %s: connection %d: %zu bytes", what, way, hold, join, k,
		          t->n);
		cr_expect(memcmp(t->p + t->n - 300, HEAD, 100) == 0 && strspn(t->p + t->n - 200, "b") == 200,
		          "%s %s, hold %s, join %s: connection %d ends with \"%.300s\"", what, way, hold, join, k,
		          t->p + t->n - 300);
	}
	cr_expect(clients == 1 || r->bytes[1].n == 20 * 300,
	          "%s %s, hold %s, join %s: %zu bytes on the undisturbed connection", what, way, hold, join,
	          r->bytes[1].n);
	run_free(r);
}

#ifndef __SANITIZE_ADDRESS__ /* ASan does not unwind a cancelled thread's stack and reports what is left there */
EACH_TEST(threads, cancelled_in_a_blocking_write_leaves_the_socket_to_others, ROWS(modes), 60)
{
	check_left("cancelled", "", modes[*i][0], modes[*i][1], 1);
}
#endif

EACH_TEST(threads, handler_that_jumps_out_of_a_write_leaves_no_lock, ROWS(modes), 60)
{
	check_left("jumps", "blocked", modes[*i][0], modes[*i][1], 2);
	check_left("jumps", "often", modes[*i][0], modes[*i][1], 2);
}
