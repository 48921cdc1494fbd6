/* Which file will run: as exec finds a command, and as the kernel and env(1) read a #! line. */
#ifndef ONEWRITE_JUDGE_SCRIPT_H
#define ONEWRITE_JUDGE_SCRIPT_H

#include <stdbool.h>

/* The path of the file that a command is. NULL, and a sentence in *trouble: there is none that can be run. */
char *locate(const char *command, char **trouble);

/* The program that runs a script. */
struct interpreter {
	char *path; /* NULL: there is none; see trouble, reason and unsure */
	char *trouble;
	const char *reason, *cure; /* not NULL: it will not load the library */
	bool unsure;               /* only env(1) can tell what runs it */
};

struct interpreter interpreter_of(const char *script);

/* As printf(), into memory that is allocated. Ends the process if there is no memory. */
char *format(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
