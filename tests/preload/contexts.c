/* Proves that no byte is lost and no thread is kept waiting when a write is left in the middle: by a switch to another
 * stack, by a real-time thread, or by a signal handler. */
#include "everywhere.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_contexts"

#if !defined __SANITIZE_ADDRESS__ && !defined UNDER_TSAN /* sanitizers know no stack of the program's own making */
#define ALL_CAME "300043 bytes came\n300043 bytes came\n"
#define ENDED    "the thread has ended\n"

static const struct case_of coroutines[] = {
	{ { "coroutines" }, ALL_CAME ENDED },
	{ { "coroutines", "cancel" }, ENDED },
	{ { "coroutines" }, ALL_CAME ENDED, .timeout = HOLD_LONG },
	{ { "coroutines", "cancel" }, ENDED, .timeout = HOLD_LONG },
};
EVERYWHERE_TESTS(contexts, coroutines_that_share_a_thread_write_as_ever, PROGRAM, coroutines);
#endif

/* The call is made while the helper, which has no real-time priority, is sending. */
#define NOT_KEPT "kept for more than 20 ms: 0\n"
#define URGENT(call)                                                          \
	{ { "urgent", call }, NOT_KEPT, "send:*:linger=3", .timed = true },   \
	{                                                                     \
		{ "urgent", call }, NOT_KEPT, "send:*:delay=3", .timed = true \
	}

static const struct case_of urgent[] = { URGENT("dup"), URGENT("close"), URGENT("setsockopt"), URGENT("recv"),
	                                 URGENT("write") };
EVERYWHERE_TESTS(contexts, urgent_thread_is_not_kept, PROGRAM, urgent);

#ifndef UNDER_TSAN /* TSan delays signal handlers, and runs them at other places */
#define EACH_ONCE "the handler came in time: 1, trials with wrong bytes: 0\n"

static const struct case_of handlers[] = { { { "handler", "write" }, EACH_ONCE },
	                                   { { "handler", "close" }, EACH_ONCE },
	                                   { { "handler", "jump" }, EACH_ONCE } };
EVERYWHERE_TESTS(contexts, handler_in_the_middle_of_a_write_costs_no_byte, PROGRAM, handlers);
#endif
