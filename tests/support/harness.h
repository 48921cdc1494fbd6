/* Runs a program bare or behind the shim, plays its peer on loopback, and brings back all that can be compared:
 * the bytes that arrived and when, what the program reported, the calls that reached libc (recorder.c).
 *
 * Most tests are rows of a table: the steps for p_steps and the calls that are to reach libc. */
#ifndef HARNESS_H
#define HARNESS_H

#include "peer.h"
#include "text.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdbool.h>

/* A hold that no test waits for: what is late by it is late by much. Less than half of it is `soon` (p_common.h). */
#define HOLD_LONG "1s"

#define STEPS     BUILD_DIR "/tests/programs/p_steps"
#define SCENARIOS BUILD_DIR "/tests/programs/p_scenarios"

enum { ARGS_MAX = 20 };

enum listener { ON_IPV4, ON_IPV6, ON_MAPPED, ON_MPTCP }; /* ON_MAPPED: the program's end is IPv6, the peer's IPv4 */

struct setup {
	const char *args[ARGS_MAX]; /* program and arguments */
	const char *timeout;        /* ONEWRITE_TIMEOUT; NULL: HOLD_LONG */
	const char *hold, *join;    /* ONEWRITE_HOLD, ONEWRITE_JOIN; NULL: memory, header */
	const char *faults;         /* RECORDER_FAULTS */
	/* other libraries to be preloaded, in front of the shim or behind it; bare as well */
	const char *front, *behind;
	const char *request; /* what the peer sends at once */
	int clients;         /* connections the peer makes; 0: one; -1: it accepts one instead */
	enum listener listener;
	size_t gulp;    /* a slow peer takes so many bytes a millisecond; 0: all it can get */
	bool late_acks; /* a peer that acknowledges as late as it may */
};

struct arrival {
	int64_t at;
	size_t total; /* bytes of the first connection, up to and including this arrival */
};

struct run {
	struct text bytes[CLIENTS_MAX]; /* per connection */
	struct text results;            /* what the program reported */
	struct text said;               /* its stdout and stderr */
	struct text calls;              /* on its reported descriptors, one per line, without the fd */
	struct shared *shared;
	struct arrival *arrivals;
	size_t arrived;
	unsigned segments; /* ... and the segments with data that they came in, by the peer's kernel */
	int status;        /* as from waitpid; -1: it had to be killed */
};

enum behind { BARE, SHIM };

struct run *run(const struct setup *setup, enum behind behind);
void run_free(struct run *r);

/* The calls of a run that matter to `expected` (output, and whatever it names), joined with ", ". */
char *calls_of(const struct run *r, const char *expected);

/* How many recorded calls match this pattern (fnmatch)? */
int calls_like(const struct run *r, const char *pattern);

/* Rows say what they need and leave out the rest. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* At the beginning of a test; a skip is said by its name. */
#ifdef EMULATOR
#define SKIP_WHERE_EMULATED(name, why)                    \
	do {                                              \
		dprintf(2, "[SKIP] %s: %s\n", name, why); \
		cr_skip_test("%s: %s", name, why);        \
	} while (0)
#else
#define SKIP_WHERE_EMULATED(name, why) ((void)0)
#endif

#define ANY_CALLS "*" /* only bytes and results count */

struct scenario {
	const char *name;
	const char *steps[ARGS_MAX - 3]; /* for p_steps */
	const char *calls;               /* fnmatch patterns, joined with ", "; NULL: those of the bare run */
	const char *timeout, *faults, *request;
	int clients;
	const char *results; /* where they honestly differ from the bare run: the results behind the shim */
	const char *hold, *join;
	enum listener listener;
	unsigned segments; /* 0: any number */
};

/* Bare and behind the shim: same bytes, same results, nothing printed, and the calls and segments expected. */
void check_scenario(const struct scenario *s);

/* In every other mode of the shim: same bytes, same results, nothing printed. */
void check_scenario_elsewhere(const struct scenario *s);

/* The same as a connection's second message: what is known of the first one may make another way of it. */
void check_scenario_behind_another(const struct scenario *s);

/* What is late on a busy machine now and then, is measured so often: a defect is late each time. */
enum { ATTEMPTS = 5 };

/* The same comparison for a program of its own: returns the run behind the shim. */
struct run *check_same(const char *name, const struct setup *setup);

/* ... and its parts. `results` is what the program is to report behind the shim; NULL: what it reported bare. */
void compare_runs(const char *name, const struct run *bare, const struct run *shim, const char *results);

/* A Criterion test of its own for each i below count; the body finds it as *i. */
#define EACH_TEST(suite, name, count, seconds)                    \
	ParameterizedTestParameters(suite, name)                  \
	{                                                         \
		static size_t index[count];                       \
		for (size_t i = 0; i < (count); i++)              \
			index[i] = i;                             \
		return cr_make_param_array(size_t, index, count); \
	}                                                         \
	ParameterizedTest(size_t *i, suite, name, .timeout = seconds)

#define ROWS(table) (sizeof table / sizeof *table)

/* Rows that only a connection's first message can be. */
#define FIRST_MESSAGE_TESTS(suite, rows)                             \
	EACH_TEST(suite, rows, ROWS(rows), 30)                       \
	{                                                            \
		check_scenario(&rows[*i]);                           \
	}                                                            \
	EACH_TEST(suite, rows##_in_every_other_mode, ROWS(rows), 60) \
	{                                                            \
		check_scenario_elsewhere(&rows[*i]);                 \
	}                                                            \
	_Static_assert(1, "the macro ends in a semicolon")

#define SCENARIO_TESTS(suite, rows)                                     \
	FIRST_MESSAGE_TESTS(suite, rows);                               \
	EACH_TEST(suite, rows##_behind_another_message, ROWS(rows), 30) \
	{                                                               \
		check_scenario_behind_another(&rows[*i]);               \
	}                                                               \
	_Static_assert(1, "the macro ends in a semicolon")

#endif
