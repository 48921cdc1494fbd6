/* What running, comparing, making small and reporting share. */
#ifndef FUZZ_PROGRAMS_H
#define FUZZ_PROGRAMS_H

#include "peer.h"

enum { SIDES = 5, RETRIES = 40 };

struct options {
	uint64_t seed;
	uint32_t programs, jobs;
	int64_t only; /* this program; -1: all */
	int family;   /* this family; -1: all */
	bool verbose;
	const char *join, *hold, *library, *family_name;
};

struct difference {
	char what[512];
	bool timed; /* something came too late, which a machine that is too busy can bring about as well */
};

#define DIFFERENT(d, ...) (snprintf((d)->what, sizeof(d)->what, __VA_ARGS__), true)

extern struct options options;
extern struct side sides[SIDES]; /* the first is bare */
extern int nsides;

/* programs.c: run it on all sides; does one differ from the bare one, and which? */
bool run(const struct program *p, struct side **which, struct difference *d);

/* compare.c */
bool differ(const struct side *bare, const struct side *shim, struct difference *d);

/* rules.c: what is compared with what the kernel promises, not with another run. `name`: of the side, in a sentence. */
bool is_ruled(const struct op *o);
bool stream_is_ruled(const struct program *p, int c);
bool result_is_wrong(const struct side *s, const char *name, uint32_t i, struct difference *d);
bool stream_is_wrong(const struct side *s, const char *name, int c, bool cut, struct difference *d);

/* shrink.c: how many of so many runs differ? Stops at the first with `once`. */
int failures(const struct program *p, int tries, bool once, struct difference *d);
/* Whatever can be left out is left out, as long as one of `tries` runs still differs. */
void shrink(struct program *p, int tries);

/* report.c: program k as it ran last on the bare side and on this one */
void print_program(const struct program *p, const struct side *shim);
/* All that can be found out about a program that differed on this side. */
void report(uint64_t k, const struct program *original, const struct side *which);

#endif
