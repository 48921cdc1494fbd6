/* Proves that the library takes little for itself, whatever the program may have: a limited address space, locked
 * memory, or descriptors by the million. */
#include "everywhere.h"

#include <stdio.h>

#define PROGRAM BUILD_DIR "/tests/programs/p_limits"

#ifndef UNDER_SANITIZER /* a sanitizer reserves terabytes of addresses */
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

/* Numbers at the end of the first row of descriptors, just behind it, and in the rows behind; the library knows nothing
 * of 2000000, which is beyond them all. */
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
#ifndef UNDER_TSAN /* TSan knows no more than a million descriptors */
	{ { "high", "fork", "2000000" }, SOON, .timeout = HOLD_LONG },
	{ { "high", "_exit", "2000000" }, "the number is as wanted: 1\n" },
#endif
};
EVERYWHERE_TESTS(limits, high_numbers_are_as_good_as_low_ones, PROGRAM, high);

/* Messages on these numbers are joined, so the library looks at them. */
static const char *const joined[] = { "500", "16383", "16384", "20000", "500000", "1000000" };

EACH_TEST(limits, high_numbers_are_joined, ROWS(joined), 60)
{
	struct setup setup = { .args = { PROGRAM, "high", "close", joined[*i] } };
	struct run *r = run(&setup, SHIM);

	cr_expect(calls_like(r, "writev iov=2 bytes=300 = 300") == 2, "%s: reported\n%s, the calls are\n%.600s",
	          joined[*i], r->results.p, r->calls.p);
	run_free(r);
}
