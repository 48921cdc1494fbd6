/* What the kernel was told has more to come has a deadline, whatever became of the call. */
#include "harness.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_more"

static const struct {
	const char *what, *hold, *join, *faults;
} waits[] = {
	{ "head", "kernel", "header", "send:1:delay=100" },
	{ "head", "kernel", "message", "send:1:delay=100" },
	{ "part", "memory", "message", "send:1:delay=100" },
	{ "part", "kernel", "message", "send:1:delay=100" },
	{ "cancelled", "memory", "message", "write:1:linger=1000" },
};

EACH_TEST(more, nothing_waits_for_what_does_not_come, ROWS(waits), 30)
{
	struct setup setup = { .args = { PROGRAM, waits[*i].what }, .timeout = "5ms", .hold = waits[*i].hold, .join = waits[*i].join,
		.faults = waits[*i].faults };
	struct run *r = check_same(waits[*i].what, &setup);

	cr_expect(calls_like(r, "send * flags=MSG_MORE *") == 1, "%s: the kernel was told of nothing more:\n%s", waits[*i].what, r->calls.p);
	run_free(r);
}
