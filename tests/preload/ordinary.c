/* Proves that the helper is an ordinary thread, whichever thread starts it: heads go out in time, and the helper takes
 * over nothing from the thread that created it. */
#include "harness.h"
#include "machine.h"

#include <fnmatch.h>

#ifndef UNDER_TSAN /* TSan has a thread of its own */

#define PROGRAM  BUILD_DIR "/tests/programs/p_ordinary"
#define ORDINARY "in time: 1\npolicy: 0, nicer than the process: 0, all CPUs: 1, slack: @(50000|-1)\n"

static const struct {
	const char *args[2], *results;
} rows[] = {
	{ { "usual" }, ORDINARY },
	{ { "fifo" }, ORDINARY },
	{ { "round-robin" }, ORDINARY },
	{ { "pinned" }, ORDINARY },
	{ { "batch" }, ORDINARY },
	{ { "idle" }, ORDINARY },
	{ { "slack" }, ORDINARY },
	{ { "nice" }, ORDINARY },
	/* Where the helper could not keep the time there is no helper, and nothing is held. */
	{ { "only", "real-time" }, "in time: 1\n" },
	{ { "idle user" }, "in time: 1\n" },
};

EACH_TEST(ordinary, helper_has_nothing_of_its_creator, ROWS(rows), 60)
{
	const char *name = rows[*i].args[1] != NULL ? rows[*i].args[1] : rows[*i].args[0];
	struct setup setup = { .args = { PROGRAM, rows[*i].args[0], rows[*i].args[1] }, .timeout = "5ms" };
	struct run *r = run(&setup, SHIM);

	for (int n = 1; n < ATTEMPTS && strncmp(r->results.p, "in time: 0", 10) == 0; n++) {
		run_free(r);
		r = run(&setup, SHIM);
	}
	if (strncmp(r->results.p, "not here: ", 10) == 0)
		machine_skip(name, r->results.p);
	cr_expect(r->status == 0 && fnmatch(rows[*i].results, r->results.p, FNM_EXTMATCH) == 0,
	          "%s: wait status %#x, reported \"%s\", wanted \"%s\"", name, (unsigned)r->status, r->results.p,
	          rows[*i].results);
	run_free(r);
}

#endif
