/* What is said on standard error, and the exit status that goes with it. */
#ifndef ONEWRITE_PROBE_SAY_H
#define ONEWRITE_PROBE_SAY_H

/* Nothing was sent and nothing started: says why in one sentence, and how to mend it. Exit status 2. */
_Noreturn void refuse(const char *why, ...) __attribute__((format(printf, 1, 2)));

/* It went wrong later. Exit status 1. */
_Noreturn void fail(const char *why, ...) __attribute__((format(printf, 1, 2)));

/* As printf(), into memory that is allocated. */
char *format(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* How far the work is: a line on standard error, if that is a terminal, over the one before it. NULL wipes it away. */
void say_progress(const char *text, ...) __attribute__((format(printf, 1, 2)));

/* Ends standard output. Fails if it could not be written. */
void say_end(void);

#endif
