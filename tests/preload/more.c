/* Proves that bytes which the kernel holds under MSG_MORE have a deadline, whatever became of their call. */
#include "harness.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_more"

static const struct {
	const char *what, *hold, *join, *faults, *timeout;
} waits[] = {
	{ "head", "kernel", "header", "send:1:delay=100" },
	{ "head", "kernel", "message", "send:1:delay=100" },
	{ "part", "memory", "message", "send:1:delay=100" },
	{ "part", "kernel", "message", "send:1:delay=100" },
	{ "head", "kernel", "header", "send:1:delay=250", "200ms" }, /* due while its call is on its way */
#ifndef __SANITIZE_ADDRESS__ /* ASan does not unwind a cancelled thread's stack and reports what is left there */
	{ "cancelled", "memory", "message", "write:1:linger=1000" },
#endif
	{ "nested", "kernel", "header", "send:1:linger=1000" },
	{ "retired", "memory", "message", "write:1:linger=500" },
};

EACH_TEST(more, nothing_waits_for_what_does_not_come, ROWS(waits), 30)
{
	struct setup setup = { .args = { PROGRAM, waits[*i].what },
		               .timeout = waits[*i].timeout != NULL ? waits[*i].timeout : "5ms",
		               .hold = waits[*i].hold,
		               .join = waits[*i].join,
		               .faults = waits[*i].faults };
	struct run *r = check_same(waits[*i].what, &setup);

	/* A call that a handler jumped out of is not recorded, so the push may be the only sign. */
	cr_expect(calls_like(r, "send * flags=MSG_MORE *") + calls_like(r, "setsockopt TCP_CORK=0 *") >= 1,
	          "%s: the kernel was told of nothing more:\n%s", waits[*i].what, r->calls.p);
	run_free(r);
}

/* The helper lets the bytes go once, and does not wake up for them again. */
static const char *const joins[] = { "header", "message" };

EACH_TEST(more, peer_that_reads_a_little_keeps_the_helper_from_nothing, ROWS(joins), 30)
{
	struct setup setup = { .args = { PROGRAM, "stalled" }, .timeout = "5ms", .join = joins[*i] };

	run_free(check_same("stalled", &setup));
}

/* The body was let go while its call waited for room, so the message is no longer followed. */
Test(more, body_that_was_let_go_on_its_way_is_held_no_more, .timeout = 30)
{
	struct setup setup = { .args = { PROGRAM, "released" }, .timeout = "5ms", .join = "message" };
	struct run *r = check_same("released", &setup);

	cr_expect(calls_like(r, "write bytes=200 = 200") == 2, "the rest of the body was held again:\n%s", r->calls.p);
	run_free(r);
}
