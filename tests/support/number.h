/* Numbers on a command line, read with strtonum(3).
 *
 * WITH_LIBBSD: the build links libbsd (Makefile). There is none to link for musl, for the older glibc and for most
 * other machines, and a machine that only runs the demo need not have it: there strtonum() is a function of this
 * header. */
#ifndef ONEWRITE_TESTS_NUMBER_H
#define ONEWRITE_TESTS_NUMBER_H

#include <err.h>
#include <limits.h>

#ifdef WITH_LIBBSD
#include <bsd/stdlib.h>
#else
#include <errno.h>
#include <stdlib.h>

static inline long long strtonum(const char *text, long long least, long long most, const char **problem)
{
	int before = errno;
	char *end;

	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (end == text || *end != '\0') {
		*problem = "invalid";
		errno = EINVAL;
		return 0;
	}
	if (n < least || n > most || errno == ERANGE) {
		*problem = n < least || n == LLONG_MIN ? "too small" : "too large";
		errno = ERANGE;
		return 0;
	}
	*problem = NULL;
	errno = before;
	return n;
}
#endif

/* The number that `text` is. Ends the program with 2, and a sentence that names `what`, unless it is one from least to
 * most. Leaves errno alone. */
static inline long long number(const char *what, const char *text, long long least, long long most)
{
	const char *problem;
	long long n = strtonum(text, least, most, &problem);

	if (problem)
		errx(2, "%s: '%s' is %s: give a number from %lld to %lld", what, text, problem, least, most);
	return n;
}

/* The same, from 0 to INT_MAX. */
static inline int natural(const char *what, const char *text)
{
	return (int)number(what, text, 0, INT_MAX);
}

/* An entry of a directory of /proc that has a number for a name: that number, from 1 to INT_MAX; 0: it has none. */
static inline int number_of_entry(const char *name)
{
	const char *problem;

	return (int)strtonum(name, 1, INT_MAX, &problem);
}

#endif
