#include "options.h"

#include <stdint.h>

/* As a case label, so an option with two rows does not compile. */
#define OPTION_KEY(level, number) ((uint64_t)(uint32_t)(level) << 32 | (uint32_t)(number))

enum option_effect option_set(int level, int name)
{
	switch (OPTION_KEY(level, name)) {
#define OPTION(level, name, number, set, asked) \
	case OPTION_KEY(level, number):         \
		return set;
#include "options.def"
#undef OPTION
	}
	return RELEASES;
}

enum option_effect option_asked(int level, int name)
{
	switch (OPTION_KEY(level, name)) {
#define OPTION(level, name, number, set, asked) \
	case OPTION_KEY(level, number):         \
		return asked;
#include "options.def"
#undef OPTION
	}
	return RELEASES;
}
