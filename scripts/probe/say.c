#include "say.h"

#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void complain(const char *why, va_list args)
{
	say_progress(NULL);
	fflush(stdout);
	fputs("onewrite: ", stderr);
	vfprintf(stderr, why, args);
	putc('\n', stderr);
}

void refuse(const char *why, ...)
{
	va_list args;
	va_start(args, why);
	complain(why, args);
	va_end(args);
	exit(2);
}

void fail(const char *why, ...)
{
	va_list args;
	va_start(args, why);
	complain(why, args);
	va_end(args);
	exit(1);
}

char *format(const char *text, ...)
{
	char *result;
	va_list args;
	va_start(args, text);
	int n = vasprintf(&result, text, args);
	va_end(args);
	if (n < 0)
		fail("out of memory: end other programs, and try again");
	return result;
}

void say_progress(const char *text, ...)
{
	static int on_terminal = -1;
	va_list args;
	if (on_terminal < 0)
		on_terminal = isatty(STDERR_FILENO);
	if (!on_terminal)
		return;
	fputs("\r\033[K", stderr);
	if (text != NULL) {
		va_start(args, text);
		vfprintf(stderr, text, args);
		va_end(args);
	}
	fflush(stderr);
}

void say_end(void)
{
	if (fflush(stdout) != 0 || ferror(stdout))
		refuse("standard output cannot be written: let it go elsewhere");
}
