/* The library under test: the one that was built here, or the one that LIBRARY_UNDER_TEST names by an absolute path. So
 * a new row can be seen to fail on an older library. */
#ifndef ONEWRITE_TESTS_LIBRARY_H
#define ONEWRITE_TESTS_LIBRARY_H

#include <stdlib.h>

#define LIBRARY_BUILT BUILD_DIR "/libonewrite.so"

/* The library under test as one word of a shell command. */
#define LIBRARY_IN_SHELL "\"${LIBRARY_UNDER_TEST:-" LIBRARY_BUILT "}\""

/* ASAN_OPTIONS for a program under the library. The library tells a frame that was left by a jump by where it lies in
 * the stack, so the sanitizer may keep no frames elsewhere. */
#define ASAN_SETTINGS "verify_asan_link_order=0:detect_leaks=0:detect_stack_use_after_return=0"

static inline const char *library_under_test(void)
{
	const char *named = getenv("LIBRARY_UNDER_TEST");

	return named != NULL && *named != '\0' ? named : LIBRARY_BUILT;
}

#endif
