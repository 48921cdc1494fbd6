/* Proves that only the kernel reads a body: memory that cannot be read is an error of the call, as it is without the
 * library. */
#include "everywhere.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_unread"

#define SHAPE(shape)                         \
	{ { shape }, .timeout = HOLD_LONG }, \
	{                                    \
		{                            \
			shape                \
		}                            \
	}

static const struct case_of known[] = { SHAPE("one"), SHAPE("many"), SHAPE("second"), SHAPE("second, many"),
	                                SHAPE("together") };
EVERYWHERE_TESTS(unread, body_of_known_length_is_not_looked_at, PROGRAM, known);

static const struct case_of other[] = { SHAPE("chunk"), SHAPE("chunk, many"), SHAPE("to the end"),
	                                SHAPE("to the end, many") };
EVERYWHERE_TESTS(unread, nor_is_a_chunk_or_what_ends_with_the_connection, PROGRAM, other);

/* --- memory that ends within the call's bytes, pointers to nothing ---------------------------- */

#define EDGES BUILD_DIR "/tests/programs/p_edges"
#define EDGE(name)                     \
	{ { name } },                  \
	{                              \
		{                      \
			name, "second" \
		}                      \
	}

static const struct case_of ends[] = { EDGE("far end"), EDGE("far body"), EDGE("edge"),  EDGE("pieces"),
	                               EDGE("behind"),  EDGE("heard"),    EDGE("across") };
EVERYWHERE_TESTS(unread, nothing_behind_a_head_is, EDGES, ends);

static const struct case_of addressed[] = { EDGE("address") };
EVERYWHERE_TESTS(unread, and_an_address_is_the_kernels_to_look_at, EDGES, addressed);

#ifndef UNDER_SANITIZER /* a sanitizer keeps frames of its own there */
static const struct case_of stack[] = { { { "coroutine" }, "stack: little\ncame: 0 \n" } };
EVERYWHERE_TESTS(unread, a_coroutines_stack_is_small, EDGES, stack);
#endif

static const struct case_of nothing[] = { EDGE("nowhere"), EDGE("vectors") };
EVERYWHERE_TESTS(unread, nor_is_a_pointer_to_nothing, EDGES, nothing);
