/* What the files share that run, compare, shrink and report programs. */
#ifndef FUZZ_PROGRAMS_H
#define FUZZ_PROGRAMS_H

#include "peer.h"

enum { SIDES = 5, RETRIES = 40 };

struct options {
	uint64_t seed;
	uint32_t programs, jobs;
	int64_t only; /* the number of the one program to run; -1: all */
	int family;   /* the one family; -1: all */
	bool verbose;
	const char *join, *hold, *library, *family_name;
};

struct difference {
	char what[512];
	bool timed; /* a busy machine can cause it: something is late, or a number taken for a moment */
};

#define DIFFERENT(d, ...) (snprintf((d)->what, sizeof(d)->what, __VA_ARGS__), true)

extern struct options options;
extern struct side sides[SIDES]; /* the first side is bare */
extern int nsides;

/* programs.c: runs the program on all sides. True: one side differs from the bare one; *which is that side. */
bool run(const struct program *p, struct side **which, struct difference *d);

/* compare.c: does this side differ from the bare one? */
bool differ(const struct side *bare, const struct side *shim, struct difference *d);

/* rules.c: for what is compared with what the kernel promises and not with another run. `name` is the side's, for use
 * in a sentence. */
bool is_ruled(const struct op *o);
bool stream_is_ruled(const struct program *p, int c);
bool result_is_wrong(const struct side *s, const char *name, uint32_t i, struct difference *d);
bool stream_is_wrong(const struct side *s, const char *name, int c, bool cut, struct difference *d);

/* shrink.c: how many of `tries` runs differ. With `once` it stops at the first one. */
int failures(const struct program *p, int tries, bool once, struct difference *d);
/* Leaves out whatever can be left out, as long as one of `tries` runs still differs. */
void shrink(struct program *p, int tries);

/* report.c: prints the program as it last ran on the bare side and on this one. */
void print_program(const struct program *p, const struct side *shim);
/* Prints all that can be found out about program k, which differed on this side. */
void report(uint64_t k, const struct program *original, const struct side *which);

#endif
