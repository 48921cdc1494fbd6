/* A library of p_strangers with functions of its own that have names of libc's. Their arguments and results are of
 * other types than those of libc's functions, and are passed in other places. The library does not look up libc's
 * functions. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

struct triple {
	long a, b, c;
};

char *clone(const char *text, int a, int b, int c, int d, int e, int f, int g, int h);
double unshare(double part, double whole);
struct triple daemon(struct triple t, long factor);
void *setns(void *list);

char *clone(const char *text, int a, int b, int c, int d, int e, int f, int g, int h)
{
	char *copy = malloc(strlen(text) + 1);

	strcpy(copy, text);
	copy[0] = (char)('0' + a + b + c + d + e + f + g + h);
	return copy;
}

double unshare(double part, double whole)
{
	return part / whole;
}

struct triple daemon(struct triple t, long factor)
{
	return (struct triple){ t.a * factor, t.b * factor, t.c * factor };
}

void *setns(void *list)
{
	return (char *)list + ((uintptr_t)1 << 40);
}
