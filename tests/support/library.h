/* The library under test: the one that was built here, or the one that LIBRARY_UNDER_TEST names by its absolute
 * path. So tests that see the library from outside can be run on an older one, and a new row be seen to fail on it. */
#ifndef ONEWRITE_TESTS_LIBRARY_H
#define ONEWRITE_TESTS_LIBRARY_H

#include <stdlib.h>

#define LIBRARY_BUILT BUILD_DIR "/libonewrite.so"

/* The same as one word of a shell command. */
#define LIBRARY_IN_SHELL "\"${LIBRARY_UNDER_TEST:-" LIBRARY_BUILT "}\""

static inline const char *library_under_test(void)
{
	const char *named = getenv("LIBRARY_UNDER_TEST");

	return named != NULL && *named != '\0' ? named : LIBRARY_BUILT;
}

#endif
