/* A step of p_steps, and what the steps have in common: the descriptor that they act on. */
#ifndef STEPS_H
#define STEPS_H

#include "../p_common.h"

/* A call that succeeds leaves errno alone, with a shim in front or without. */
enum { ERRNO_BEFORE = ENOTSUP };

/* Of a process with threads musl's calls that succeed may leave any errno behind, if they have to do with them. */
static inline long without_errno(long r)
{
#ifndef __GLIBC__
	errno = r >= 0 ? ERRNO_BEFORE : errno;
#endif
	return r;
}

/* Where the lengths of a header are shorter than the kernel's, what lies beside them is anything. */
#if defined __GLIBC__ || __SIZEOF_POINTER__ == 4
#define FILL_BESIDE_LENGTHS(m) ((void)0)
#else
#define FILL_BESIDE_LENGTHS(m) ((m).__pad1 = (m).__pad2 = -1)
#endif

struct step {
	char verb[24];
	int pieces; /* iovecs, or whatever the verb counts */
	int flags;
	const char *argument;
	char *bytes;
	size_t size;
};

struct verb {
	const char *name;
	long (*run)(const struct step *);
	enum { BYTES = 1, ADOPT = 2 } kind; /* BYTES: the argument is bytes to write; ADOPT: needs no connection yet */
};

/* Each ends with a verb that has no name. */
extern const struct verb write_verbs[], read_verbs[], descriptor_verbs[], option_verbs[], socket_verbs[],
	stream_verbs[], process_verbs[], surroundings_verbs[];

extern char **args;      /* the steps; args[1] is the one being done */
extern const char *self; /* this program */
extern int fd;           /* what the steps act on */
extern FILE *stream;     /* what `fdopen` made of it */
extern bool stops;       /* at a final error, as programs do */

/* The end of a child: its wait status. */
long reap(pid_t pid);

#endif
