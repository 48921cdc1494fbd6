/* What programs of several scenarios have in common: PROGRAM NAME [HOW]. */
#ifndef P_NAMED_H
#define P_NAMED_H

#include "p_common.h"

struct named {
	const char *name;
	void (*run)(void);
};

/* The word that says in which way the scenario is to be run; "": none. */
static const char *how = "";

static inline bool is_how(const char *word)
{
	return strcmp(how, word) == 0;
}

/* Reads HOW, and maps what is shared with the harness. The first line of main(). */
static inline void named_begin(int argc, char **argv)
{
	if (argc > 2)
		how = argv[2];
	shared = shared_map(SHARED_FD);
}

/* Runs the scenario that is named, one of n, and returns the exit status of main(). */
static inline int named_run(int argc, char **argv, const struct named *scenarios, size_t n)
{
	for (size_t i = 0; argc > 1 && i < n; i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0) {
			scenarios[i].run();
			return 0;
		}
	return 2;
}

#endif
