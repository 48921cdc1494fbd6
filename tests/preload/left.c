/* Proves that bytes which the program was told are written reach the peer, however little room the send buffer has when
 * the program leaves the connection. */
#include "everywhere.h"

#define PROGRAM   BUILD_DIR "/tests/programs/p_left"
#define ALL_THERE "all is there: 1, in order: 1, with the end: 1, left soon: 1\n"

#define LEFT(way)                                                                 \
	{ { "nearly", way }, ALL_THERE, .timeout = HOLD_LONG, .timed = true },    \
		{ { "nearly", way }, ALL_THERE, .timed = true },                  \
	{                                                                         \
		{ "middle", way }, ALL_THERE, .timeout = HOLD_LONG, .timed = true \
	}

static const struct case_of full[] = { LEFT("close"),    LEFT("dup2"),  LEFT("close_range"), LEFT("fclose"),
	                               LEFT("shutdown"), LEFT("dup"),   LEFT("fork"),        LEFT("exec"),
	                               LEFT("exit"),     LEFT("_exit"), LEFT("quick_exit"),  LEFT("retire") };
EVERYWHERE_TESTS(left, full_buffer_costs_no_byte, PROGRAM, full);

#define NONBLOCKING(way)                                                                      \
	{                                                                                     \
		{ "nearly", way, "nonblock" }, ALL_THERE, .timeout = HOLD_LONG, .timed = true \
	}

static const struct case_of nonblocking[] = { NONBLOCKING("close"), NONBLOCKING("dup2"),  NONBLOCKING("shutdown"),
	                                      NONBLOCKING("dup"),   NONBLOCKING("fork"),  NONBLOCKING("exec"),
	                                      NONBLOCKING("_exit"), NONBLOCKING("retire") };
EVERYWHERE_TESTS(left, full_buffer_of_a_nonblocking_socket_costs_no_byte, PROGRAM, nonblocking);

/* The send buffer was filled by calls that the library cannot see, and the peer does not read: the program does not
 * wait long, and a close, or the next write, reports the loss. */
#define NOT_IN_SILENCE "bytes were lost in silence: 0, left soon: 1\n"
#define UNSEEN(way)                                                                                \
	{ { "unseen", way }, NOT_IN_SILENCE, .timeout = HOLD_LONG, .timed = true },                \
	{                                                                                          \
		{ "unseen", way, "nonblock" }, NOT_IN_SILENCE, .timeout = HOLD_LONG, .timed = true \
	}

static const struct case_of filled_unseen[] = { UNSEEN("close"),    UNSEEN("dup2"),  UNSEEN("close_range"),
	                                        UNSEEN("shutdown"), UNSEEN("exec"),  UNSEEN("exit"),
	                                        UNSEEN("_exit"),    UNSEEN("retire") };
EVERYWHERE_TESTS(left, buffer_that_was_filled_unseen_keeps_nobody, PROGRAM, filled_unseen);

/* Signals that come meanwhile do not end the wait for room. */
#define INTERRUPTED(way)                                                               \
	{                                                                              \
		{ "interrupted", way }, ALL_THERE, .timeout = HOLD_LONG, .timed = true \
	}

static const struct case_of interrupted[] = { INTERRUPTED("close"), INTERRUPTED("dup2"), INTERRUPTED("shutdown"),
	                                      INTERRUPTED("retire") };
EVERYWHERE_TESTS(left, buffer_that_gets_room_meanwhile_costs_no_byte, PROGRAM, interrupted);

/* Where the program has asked for a small buffer, a close makes it larger, and nothing is lost. */
static const struct case_of small[] = { { { "small", "close" }, ALL_THERE, .timeout = HOLD_LONG, .timed = true },
	                                { { "small", "dup2" }, ALL_THERE, .timeout = HOLD_LONG, .timed = true } };
EVERYWHERE_TESTS(left, small_buffer_that_was_filled_unseen_costs_no_byte, PROGRAM, small);

#define MANY(way)                                                               \
	{                                                                       \
		{ "many", way }, ALL_THERE, .timeout = HOLD_LONG, .timed = true \
	}

static const struct case_of many[] = { MANY("close"), MANY("shutdown"), MANY("exec"),
	                               MANY("exit"),  MANY("_exit"),    MANY("quick_exit") };
EVERYWHERE_TESTS(left, hundred_heads_leave_with_the_process, PROGRAM, many);

/* The library did not see that the socket left its number and came back. */
#define WHOLE   "messages that did not come whole and in order: 0\n"
#define NUMBERS BUILD_DIR "/tests/programs/p_numbers"

static const struct case_of moved[] = { { { "moved", "closed" }, WHOLE }, { { "moved", "replaced" }, WHOLE } };
EVERYWHERE_TESTS(left, socket_that_was_away_when_its_head_was_due_has_it_still, NUMBERS, moved);

#ifndef UNDER_TSAN /* TSan makes every vfork a fork */
#define BORROWED(how)                                                                 \
	{                                                                             \
		{ "borrowed", how }, "for the child's peer: 5 bytes, for ours: 300\n" \
	}
static const struct case_of two[] = { BORROWED("write"), BORROWED("sendfile"), BORROWED("cork") };
EVERYWHERE_TESTS(left, number_of_a_vfork_childs_own_takes_no_head_along, NUMBERS, two);
#endif
