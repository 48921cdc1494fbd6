/* How the loader is told of the library, see ld.so(8). */
#ifndef ONEWRITE_JUDGE_PRELOAD_H
#define ONEWRITE_JUDGE_PRELOAD_H

#include <stdbool.h>

#define PRELOAD_SONAME "libonewrite.so"

/* LD_PRELOAD takes paths apart at blanks and colons, LD_LIBRARY_PATH at colons and semicolons; both replace what
 * follows a dollar sign. */
bool preload_can_name(const char *library);

/* The library's build for programs of the other word size, where a distribution has a directory for each; NULL: there
 * is none. */
char *preload_of_others(const char *library);

/* Prints the variables that name it to the loader, as environment_print: for_both where loaders of both word sizes are
 * to find theirs. */
void preload_print(const char *library, bool for_both);

#endif
