/* Runs a program bare or under the library ("the shim"), plays its peer on loopback, and brings back all that can be
 * compared: the bytes that arrived and when, what the program reported, the calls that reached libc (recorder.c).
 *
 * Most tests are rows of a table: the steps for p_steps and the calls that are to reach libc. */
#ifndef HARNESS_H
#define HARNESS_H

#include "peer.h"
#include "text.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdbool.h>

/* A timeout that no test waits for: what waits for it is clearly late. Programs call less than half of it `soon`
 * (p_common.h). */
#define HOLD_LONG "1s"

#define STEPS     BUILD_DIR "/tests/programs/p_steps"
#define SCENARIOS BUILD_DIR "/tests/programs/p_scenarios"

enum { ARGS_MAX = 32 };

enum listener { ON_IPV4, ON_IPV6, ON_MAPPED, ON_MPTCP }; /* ON_MAPPED: the program's end is IPv6, the peer's IPv4 */

struct setup {
	const char *args[ARGS_MAX]; /* program and arguments */
	const char *timeout;        /* ONEWRITE_TIMEOUT; NULL: HOLD_LONG */
	const char *hold, *join;    /* ONEWRITE_HOLD, ONEWRITE_JOIN; NULL: memory, header */
	const char *faults;         /* RECORDER_FAULTS */
	/* other libraries to be preloaded, in front of the library under test or behind it; in the bare run as well */
	const char *front, *behind;
	const char *request; /* what the peer sends at the beginning */
	int clients; /* how many connections the peer makes; 0: one; -1: the program connects, and the peer accepts */
	enum listener listener;
	size_t gulp;    /* a slow peer reads so many bytes per millisecond; 0: as fast as it can */
	bool late_acks; /* the peer acknowledges as late as the kernel allows */
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
	unsigned segments; /* in how many segments with data the first connection's bytes came, by the peer's kernel */
	int status;        /* the wait status; -1: the program had to be killed */
};

enum behind { BARE, SHIM };

struct run *run(const struct setup *setup, enum behind behind);
void run_free(struct run *r);

/* The recorded calls that matter to `expected`: those that write, and those that it names, joined with ", ". The caller
 * frees the text. */
char *calls_of(const struct run *r, const char *expected);

/* How many recorded calls match this pattern (fnmatch)? */
int calls_like(const struct run *r, const char *pattern);

/* Rows say what they need and leave out the rest. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* At the beginning of a test: skips it on an emulated machine, and says so by its name. */
#ifdef EMULATOR
#define SKIP_WHERE_EMULATED(name, why)                    \
	do {                                              \
		dprintf(2, "[SKIP] %s: %s\n", name, why); \
		cr_skip_test("%s: %s", name, why);        \
	} while (0)
#else
#define SKIP_WHERE_EMULATED(name, why) ((void)0)
#endif

#define ANY_CALLS "*" /* the calls do not matter, only bytes and results */

struct scenario {
	const char *name;
	const char *steps[ARGS_MAX - 3]; /* for p_steps */
	const char *calls;               /* fnmatch patterns, joined with ", "; NULL: the calls of the bare run */
	const char *timeout, *faults, *request;
	int clients;
	const char *results; /* the results under the library, where they are honest and yet differ from the bare run */
	const char *hold, *join;
	enum listener listener;
	unsigned segments; /* 0: any number */
};

/* Runs the row bare and under the library. Expects the same bytes, the same results, nothing printed, and the calls and
 * segments that the row wants. */
void check_scenario(const struct scenario *s);

/* The same in every other mode of the library, without a look at the calls. */
void check_scenario_elsewhere(const struct scenario *s);

/* The same as the second message of a connection, where what is known from the first one may lead to other code. */
void check_scenario_behind_another(const struct scenario *s);

/* A busy machine is late now and then, a defect is late each time: a measurement that is late is repeated so often. */
enum { ATTEMPTS = 5 };

/* Runs any program bare and under the library, and expects the same. Returns the run under the library. */
struct run *check_same(const char *name, const struct setup *setup);

/* Compares two runs. `results` is what the program is to report under the library; NULL: what it reported bare. */
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

/* Rows that only the first message of a connection can be. */
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
