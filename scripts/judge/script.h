/* Which file will run: as exec finds a command, and as the kernel and env(1) read a #! line. */
#ifndef ONEWRITE_JUDGE_SCRIPT_H
#define ONEWRITE_JUDGE_SCRIPT_H

#include <stdbool.h>

/* The file that a command is; NULL, and a sentence in *trouble, where there is none to run. */
char *locate(const char *command, char **trouble);

/* What a script is run by. */
struct interpreter {
	char *path; /* NULL: there is none, see trouble */
	char *trouble;
	const char *reason, *cure; /* not NULL: it will not have the library */
	bool unsure;               /* only env can tell */
};

struct interpreter interpreter_of(const char *script);

/* printf into memory of its own; there is no program without it. */
char *format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
