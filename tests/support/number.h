/* Numbers on a command line. */
#ifndef ONEWRITE_TESTS_NUMBER_H
#define ONEWRITE_TESTS_NUMBER_H

#include <bsd/stdlib.h>
#include <err.h>

/* The number that `text` is. Ends the program with 2, and a sentence that names `what`, unless it is one from least to
 * most. */
static inline long long number(const char *what, const char *text, long long least, long long most)
{
	const char *problem;
	long long n = strtonum(text, least, most, &problem);

	if (problem)
		errx(2, "%s: '%s' is %s: give a number from %lld to %lld", what, text, problem, least, most);
	return n;
}

#endif
