/* How the dynamic loader is told of the library, see ld.so(8). */
#ifndef ONEWRITE_JUDGE_PRELOAD_H
#define ONEWRITE_JUDGE_PRELOAD_H

#include <stdbool.h>

#define PRELOAD_SONAME "libonewrite.so"

/* Can the library's path be put into LD_PRELOAD or LD_LIBRARY_PATH? LD_PRELOAD is split at blanks and colons,
 * LD_LIBRARY_PATH at colons and semicolons, and in both the loader replaces what follows a dollar sign. */
bool preload_can_name(const char *library);

/* The library's build for programs of the other word size, where the distribution has a directory for each; NULL: there
 * is none. */
char *preload_of_others(const char *library);

/* Prints the variables that make the loader load the library, in the form of environment_print(). `for_both`: so that
 * the loaders of both word sizes find their builds. */
void preload_print(const char *library, bool for_both);

#endif
