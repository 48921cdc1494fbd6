/* Rows for programs that are not p_steps: each row runs bare and then under the library in each of its four modes. */
#ifndef EVERYWHERE_H
#define EVERYWHERE_H

#include "harness.h"
#include "machine.h"

struct mode {
	const char *hold, *join;
};

enum { MODES = 4 };
extern const struct mode every_mode[MODES];

struct case_of {
	const char *args[6];          /* the program's arguments */
	const char *wanted;           /* what it reports, bare and under the library; NULL: the same as bare */
	const char *faults, *timeout; /* NULL: no faults, and 5 ms */
	int clients;                  /* 0: one */
	enum machine_part needs;      /* what the machine must have */
	/* a busy machine can make it report something else now and then, so it is tried again */
	bool timed;
};

/* Expects the same bytes, the same results and the same end. */
void check_everywhere(const char *program, const struct case_of *c);

/* A test for each row of `table`. */
#define EVERYWHERE_TESTS(suite, name, program, table)  \
	EACH_TEST(suite, name, ROWS(table), 300)       \
	{                                              \
		check_everywhere(program, &table[*i]); \
	}                                              \
	_Static_assert(1, "the macro ends in a semicolon")

#endif
