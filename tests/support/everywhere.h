/* Rows for a program of its own, run bare and then behind the shim in each of its four modes. */
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
	const char *wanted;           /* what it reports, bare and behind the shim; NULL: whatever it reports bare */
	const char *faults, *timeout; /* NULL: none, and 5 ms */
	int clients;                  /* 0: one */
	enum machine_part needs;      /* of the machine */
	/* a busy machine can make it report another thing now and then: so it is tried again */
	bool timed;
};

/* Same bytes, same results, same end. */
void check_everywhere(const char *program, const struct case_of *c);

/* A test for each row of `table`. */
#define EVERYWHERE_TESTS(suite, name, program, table)  \
	EACH_TEST(suite, name, ROWS(table), 120)       \
	{                                              \
		check_everywhere(program, &table[*i]); \
	}                                              \
	_Static_assert(1, "the macro ends in a semicolon")

#endif
