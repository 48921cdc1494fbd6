#include "reason.h"

const char *reason_word(enum reason why)
{
	static const char *const words[REASONS] = {
/* clang-format off */
#define REASON(NAME, word, ...) word,
/* clang-format on */
#include "reasons.def"
	};
	return words[why];
}

enum reason_group reason_group(enum reason why)
{
	static const unsigned char groups[REASONS] = {
/* clang-format off */
#define REASON(NAME, word, group, ...) group,
/* clang-format on */
#include "reasons.def"
	};
	return groups[why];
}
