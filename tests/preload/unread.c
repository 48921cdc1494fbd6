/* Nobody but the kernel reads a body: memory that is not there is an error of the call, as it is without the
 * library. */
#include "everywhere.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_unread"

#define SHAPE(shape) { { shape }, .timeout = HOLD_LONG }, { { shape } }

static const struct case_of known[] = { SHAPE("one"), SHAPE("many"), SHAPE("second"),
	SHAPE("second, many"), SHAPE("together") };
EVERYWHERE_TESTS(unread, body_of_known_length_is_not_looked_at, PROGRAM, known);

static const struct case_of other[] = { SHAPE("chunk"), SHAPE("chunk, many"), SHAPE("to the end"),
	SHAPE("to the end, many") };
EVERYWHERE_TESTS(unread, nor_is_a_chunk_or_what_ends_with_the_connection, PROGRAM, other);
