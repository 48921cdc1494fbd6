/* What the library takes for itself is little, whatever the program may have: addresses, locked memory, descriptors by
 * the million. */
#include "everywhere.h"

#include <stdio.h>

#define PROGRAM BUILD_DIR "/tests/programs/p_limits"

#ifndef UNDER_SANITIZER /* which takes addresses by the terabyte */
static const struct case_of small[] = {
	{ { "reserved" },
	  "reserved in time of need: 1\ntouched no more than was used: 1\nfor messages and a stack: 1\n" },
	{ { "little" }, "the program's memory: 1\n" },
	{ { "little", "none" }, "" },
	{ { "locked" }, "locked by the first connection: little: 1\nby a message, but for the stack: little: 1\n" },
	{ { "locked", "tight" }, "locked by the first connection: little: 1\nthe program's memory: 1\n" },
};
EVERYWHERE_TESTS(limits, library_takes_little, PROGRAM, small);
#endif

/* The last number of the first row, the first one behind it, and far ones; of one further still nothing is known. */
#define SOON "the number is as wanted: 1\nthe peer has all: 1\n"
#define NUMBERS(how, wanted)                                                \
	{ { "high", how, "500" }, wanted, .timeout = HOLD_LONG },           \
		{ { "high", how, "16383" }, wanted, .timeout = HOLD_LONG }, \
		{ { "high", how, "16384" }, wanted, .timeout = HOLD_LONG }, \
		{ { "high", how, "20000" }, wanted, .timeout = HOLD_LONG }, \
	{                                                                   \
		{ "high", how, "1000000" }, wanted, .timeout = HOLD_LONG    \
	}

static const struct case_of high[] = {
	NUMBERS("fork", SOON),
	NUMBERS("close", SOON),
	NUMBERS("close_range", SOON),
	NUMBERS("keepalive", SOON),
	NUMBERS("read", SOON),
	NUMBERS("exec", "the number is as wanted: 1\n"),
	NUMBERS("_exit", "the number is as wanted: 1\n"),
	{ { "high", "fork", "500000" }, SOON, .timeout = HOLD_LONG },
#ifndef UNDER_TSAN /* which knows a million */
	{ { "high", "fork", "2000000" }, SOON, .timeout = HOLD_LONG },
	{ { "high", "_exit", "2000000" }, "the number is as wanted: 1\n" },
#endif
};
EVERYWHERE_TESTS(limits, high_numbers_are_as_good_as_low_ones, PROGRAM, high);

/* They are looked at. */
static const char *const joined[] = { "500", "16383", "16384", "20000", "500000", "1000000" };

EACH_TEST(limits, high_numbers_are_joined, ROWS(joined), 60)
{
	struct setup setup = { .args = { PROGRAM, "high", "close", joined[*i] } };
	struct run *r = run(&setup, SHIM);

	cr_expect(calls_like(r, "writev iov=2 bytes=300 = 300") == 2, "%s: reported\n%s, the calls are\n%.600s",
	          joined[*i], r->results.p, r->calls.p);
	run_free(r);
}
