/* What the steps of p_steps have in common: the description of a step, and the descriptor that the steps act on. */
#ifndef STEPS_H
#define STEPS_H

#include "../p_common.h"
#include "number.h"

/* The value of errno before each step. A call that succeeds leaves it alone, with the library and without. */
enum { ERRNO_BEFORE = ENOTSUP };

/* For calls after which musl may leave any value in errno although they succeeded. Returns r, with errno restored. */
static inline long without_errno(long r)
{
#ifndef __GLIBC__
	errno = r >= 0 ? ERRNO_BEFORE : errno;
#endif
	return r;
}

/* musl's struct msghdr has lengths shorter than the kernel's, with padding beside them. The padding may have any value,
 * so it is filled. */
#if defined __GLIBC__ || __SIZEOF_POINTER__ == 4
#define FILL_BESIDE_LENGTHS(m) ((void)0)
#else
#define FILL_BESIDE_LENGTHS(m) ((m).__pad1 = (m).__pad2 = -1)
#endif

struct step {
	char verb[24];
	int pieces; /* how many iovecs, or whatever else the verb counts */
	int flags;
	const char *argument;
	char *bytes;
	size_t size;
};

struct verb {
	const char *name;
	long (*run)(const struct step *);
	enum { BYTES = 1, ADOPT = 2 } kind; /* BYTES: the argument is to be written; ADOPT: no connection is needed */
};

/* Each table ends with a verb that has no name. */
extern const struct verb write_verbs[], read_verbs[], descriptor_verbs[], option_verbs[], socket_verbs[],
	stream_verbs[], process_verbs[], surroundings_verbs[], serve_verbs[];

extern char **args;      /* the steps; args[1] is the one being carried out */
extern const char *self; /* the path of this program */
extern int fd;           /* the descriptor that the steps act on */
extern FILE *stream;     /* the stream that the step `fdopen` made of it */
extern bool stops;       /* exit at a final error, as programs do */

/* The number that is the argument of a step; `without` for a step that has no argument. */
static inline int argument(const struct step *s, int without)
{
	return s->argument[0] != '\0' ? (int)number(s->verb, s->argument, INT_MIN, INT_MAX) : without;
}

/* Waits for a child to end; returns its wait status. */
long reap(pid_t pid);

#endif
