/* Why a decision was made: the rows of reasons.def. */
#ifndef ONEWRITE_REASON_H
#define ONEWRITE_REASON_H

enum reason {
/* clang-format off */
#define REASON(NAME, ...) WHY_##NAME,
/* clang-format on */
#include "reasons.def"
	REASONS, /* none */
};

/* What becomes of the bytes (reasons.def). */
enum reason_group { AS_MEANT, AT_ONCE, RELEASED, PASSED_OVER, IN_KERNEL };

/* Its word, as in traces. */
const char *reason_word(enum reason why);
enum reason_group reason_group(enum reason why);

#endif
