/* Proves that however a blocked write ends, its caller gets an honest result and the peer gets each byte once. */
#include "everywhere.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_blocked"

#define CASE(how, call)                                            \
	{                                                          \
		{ how, call }, .timeout = HOLD_LONG, .timed = true \
	}
#define EACH_CALL(how) CASE(how, "write"), CASE(how, "writev"), CASE(how, "send"), CASE(how, "sendmsg")

static const struct case_of told[] = { EACH_CALL("peer"),    EACH_CALL("close"),   EACH_CALL("timeout"),
	                               EACH_CALL("handler"), EACH_CALL("restart"), EACH_CALL("reset") };
EVERYWHERE_TESTS(blocked, write_ends_as_it_would, PROGRAM, told);

#ifndef __SANITIZE_ADDRESS__ /* ASan does not unwind a cancelled thread's stack and reports what is left there */
static const struct case_of cancelled[] = { EACH_CALL("cancel"), EACH_CALL("cancel at once") };
EVERYWHERE_TESTS(blocked, write_that_is_cancelled_leaves_right_bytes, PROGRAM, cancelled);
#endif

static const struct case_of jumped[] = { EACH_CALL("jump") };
EVERYWHERE_TESTS(blocked, write_that_a_handler_jumps_out_of_leaves_right_bytes, PROGRAM, jumped);
