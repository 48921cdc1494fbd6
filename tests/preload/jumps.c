/* Proves that nothing is sent twice and nothing is lost when a signal handler jumps out of the call that sends what is
 * held, just after that call is over. */
#include "harness.h"

#include <stdio.h>

#define PROGRAM BUILD_DIR "/tests/programs/p_jumps"

/* Each call that could send a head takes long on its way back, so that the signal is delivered there. */
#define LINGERS "send:1:linger=400,sendmsg:1:linger=400,writev:1:linger=400"

static const char *const whiles[] = { "read", "setsockopt", "dup", "cork", "sendfile", "pieces", "body" };
static const char *const joins[] = { "header", "message" };

EACH_TEST(jumps, what_was_taken_when_a_handler_jumps_is_not_sent_again, ROWS(whiles) * ROWS(joins), 30)
{
	const char *how = whiles[*i % ROWS(whiles)];
	struct setup setup = { .args = { PROGRAM, how }, .join = joins[*i / ROWS(whiles)], .faults = LINGERS };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->status == 0 && strcmp(r->results.p, "left: 1\n") == 0,
	          "%s: wait status %#x, reported \"%s\"; calls: %s", how, (unsigned)r->status, r->results.p,
	          r->calls.p);
	cr_expect(r->bytes[0].n == 600, "%s: %zu bytes came, not two messages of 300; calls: %s", how, r->bytes[0].n,
	          r->calls.p);
	for (int k = 0; k < 2 && r->bytes[0].n == 600; k++)
		cr_expect(memcmp(r->bytes[0].p + 300 * k, HEAD, 100) == 0 &&
		                  strspn(r->bytes[0].p + 300 * k + 100, "b") >= 200,
		          "%s: message %d is \"%.300s\"", how, k, r->bytes[0].p + 300 * k);
	run_free(r);
}

static const char *const interruptions[] = { "uncancellable", "interrupted", "within" };

EACH_TEST(jumps, thread_that_is_interrupted_while_it_is_made_uncancellable_is_cancellable, ROWS(interruptions), 30)
{
	struct setup setup = { .args = { PROGRAM, interruptions[*i] } };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->status == 0 &&
	                  strcmp(r->results.p, "interrupted: 1, cancellable: 1, in the handler's turn: 0\n") == 0,
	          "%s: wait status %#x, reported \"%s\"; calls: %s", interruptions[*i], (unsigned)r->status,
	          r->results.p, r->calls.p);
	run_free(r);
}
