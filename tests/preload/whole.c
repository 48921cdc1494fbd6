/* Proves that a call which has to wait for room is the program's own call, with all of its bytes, so that the kernel
 * answers whatever comes meanwhile. */
#include "everywhere.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_whole"

static const struct case_of interrupted[] = {
	{ { "number" }, "rounds in which all bytes came where they belong: 20\n" },
	{ { "signal" }, "the write came back with a part: 1\n" },
};
EVERYWHERE_TESTS(whole, write_that_waits_is_the_programs_own, PROGRAM, interrupted);
