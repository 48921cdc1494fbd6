/* Checks rows of steps for p_steps: by themselves, behind another message, and in every other mode. */
#include "harness.h"

#include <fnmatch.h>

static bool next_call(const char **list, char *one, size_t size)
{
	const char *end = strstr(*list, ", ");
	int n = end != NULL ? (int)(end - *list) : (int)strlen(*list);

	snprintf(one, size, "%.*s", n, *list);
	*list += end != NULL ? n + 2 : n;
	return n > 0;
}

/* Matches call by call, each by its own pattern. */
static bool calls_match(const char *calls, const char *expected)
{
	char call[256], pattern[256];

	if (strcmp(expected, ANY_CALLS) == 0)
		return true;
	for (;;) {
		bool more = next_call(&calls, call, sizeof call);
		if (next_call(&expected, pattern, sizeof pattern) != more)
			return false;
		if (!more)
			return true;
		if (fnmatch(pattern, call, FNM_EXTMATCH) != 0)
			return false;
	}
}

#ifdef EMULATOR
/* Steps and rows that qemu-user cannot do as Linux does. */
static const struct {
	const char *begins, *why;
} beyond[] = {
#define NO_EXEC    "the emulator runs no other program"
#define NO_CALL    "the emulator has not this call"
#define NO_MEMINFO "the emulator has no SO_MEMINFO: the library asks by ioctl, and knows less"
	{ "exec=", NO_EXEC },
	{ "spawn", NO_EXEC },
	{ "system=", NO_EXEC },
	{ "popen=", NO_EXEC },
	{ "vfork=", NO_EXEC },
	{ "wordexp=", NO_EXEC },
	{ "uring", NO_CALL },
	{ "pwritev2", NO_CALL },
#ifdef EMULATED_BIG_ENDIAN /* a socket that was not seen to be connected is taken for unconnected */
#define TURNED "the emulator turns the first bytes of TCP_INFO round"
	{ "standard ", TURNED },
	{ "the dup", TURNED },
	{ "the head through a", TURNED },
	{ "received over a unix", TURNED },
#endif
	{ "ioctl", NO_MEMINFO },
	{ "two heads in a row, and the peer was heard between", NO_MEMINFO },
};

static bool is_beyond(size_t i, const char *word)
{
	return strncmp(word, beyond[i].begins, strlen(beyond[i].begins)) == 0;
}

static void skip_what_is_beyond(const struct scenario *s)
{
	for (size_t i = 0; i < ROWS(beyond); i++) {
		bool is = is_beyond(i, s->name);
		for (size_t k = 0; k < ROWS(s->steps) && s->steps[k] != NULL; k++)
			is |= is_beyond(i, s->steps[k]);
		if (is)
			SKIP_WHERE_EMULATED(s->name, beyond[i].why);
	}
}
#else
static void skip_what_is_beyond(const struct scenario *s)
{
	(void)s;
}
#endif

static struct setup setup_of(const struct scenario *s)
{
	skip_what_is_beyond(s);
	struct setup setup = { .args = { STEPS },
		               .timeout = s->timeout,
		               .faults = s->faults,
		               .request = s->request,
		               .clients = s->clients,
		               .hold = s->hold,
		               .join = s->join,
		               .listener = s->listener };

	for (size_t i = 0; i + 1 < ARGS_MAX && s->steps[i] != NULL; i++)
		setup.args[i + 1] = s->steps[i];
	return setup;
}

/* Runs the row bare. Each step reports something; without any report there is nothing to compare with. */
static struct run *run_bare(const struct scenario *s, const struct setup *setup)
{
	struct run *r = run(setup, BARE);

	cr_assert(r->results.p[0] != '\0', "%s: the program did not begin: wait status %#x, it said \"%.300s\"",
	          s->name, (unsigned)r->status, r->said.p);
	return r;
}

/* The message before: its steps, its bytes, and the lines that the program reports for it. */
#define BEFORE_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n"
static const char *const before[] = { "writeall=" BEFORE_HEAD, "writeall=*200" };
enum { BEFORE = sizeof before / sizeof *before, BEFORE_BYTES = sizeof BEFORE_HEAD - 1 + 200 };

/* The part of the calls that comes behind those which sent the first message. */
static const char *behind_the_first(const char *calls)
{
	char call[256];
	for (long sent = 0; sent < BEFORE_BYTES && next_call(&calls, call, sizeof call);)
		sent += atol(strrchr(call, '=') + 1);
	return calls;
}

static void compare_calls(const struct scenario *s, const struct run *bare, const struct run *shim, bool behind)
{
	char *got = calls_of(shim, s->calls), *want = s->calls != NULL ? strdup(s->calls) : calls_of(bare, NULL);
	const char *g = behind ? behind_the_first(got) : got,
		   *w = behind && s->calls == NULL ? behind_the_first(want) : want;

	if (s->calls != NULL ? !calls_match(g, w) : strcmp(g, w) != 0)
		cr_expect(false, "%s: the calls that reached libc are\n\t%s\nand not\n\t%s", s->name, g, w);
	cr_expect(s->segments == 0 || behind || shim->segments == s->segments, "%s: %u segments, wanted %u; calls: %s",
	          s->name, shim->segments, s->segments, got);
	free(got);
	free(want);
}

void check_scenario(const struct scenario *s)
{
	struct setup setup = setup_of(s);
	struct run *bare = run_bare(s, &setup), *shim = run(&setup, SHIM);

	compare_runs(s->name, bare, shim, s->results);
	compare_calls(s, bare, shim, false);
	run_free(bare);
	run_free(shim);
}

/* Behind another message the call that a fault is meant for comes one later, so the number in the fault is raised. */
static const char *faults_behind(const struct scenario *s, char *to, size_t size)
{
	const char *first = s->hold != NULL && strcmp(s->hold, "kernel") == 0 ? "send:" : "writev:", *from = s->faults;
	size_t n = 0;

	if (from == NULL)
		return NULL;
	while (*from != '\0' && n < size) {
		size_t name = strcspn(from, ":") + 1, rest;
		bool shifts = strncmp(from, first, name) == 0 && from[name] >= '1' && from[name] <= '9';

		n += (size_t)snprintf(to + n, size - n, "%.*s", (int)name, from);
		from += name;
		if (shifts)
			n += (size_t)snprintf(to + n, size - n, "%ld", strtol(from, (char **)&from, 10) + 1);
		rest = strcspn(from, ",");
		rest += from[rest] == ',';
		n += (size_t)snprintf(to + n, size - n, "%.*s", (int)rest, from);
		from += rest;
	}
	return to;
}

void check_scenario_behind_another(const struct scenario *s)
{
	struct setup setup = setup_of(s);
	struct run *bare, *shim;
	const char **at = setup.args + 1;
	char faults[512], *results = NULL;

	at += s->steps[0] != NULL && strcmp(s->steps[0], "connect") == 0;
	memmove(at + BEFORE, at, (size_t)(setup.args + ARGS_MAX - BEFORE - at) * sizeof *at);
	memcpy(at, before, sizeof before);
	setup.faults = faults_behind(s, faults, sizeof faults);
	if (s->results != NULL &&
	    asprintf(&results, "writeall = %zu\nwriteall = 200\n%s", sizeof BEFORE_HEAD - 1, s->results) < 0)
		abort();
	bare = run_bare(s, &setup);
	shim = run(&setup, SHIM);
	compare_runs(s->name, bare, shim, results);
	compare_calls(s, bare, shim, true);
	free(results);
	run_free(bare);
	run_free(shim);
}

/* Results that a row gives are those of its own mode. In the other modes only the bytes count then. */
void check_scenario_elsewhere(const struct scenario *s)
{
	static const char *const modes[][2] = {
		{ "memory", "header" }, { "memory", "message" }, { "kernel", "header" }, { "kernel", "message" }
	};
	struct setup setup = setup_of(s);
	struct run *bare, *shim;
	char name[160];

	bare = run_bare(s, &setup);
	for (size_t i = 0; i < sizeof modes / sizeof *modes; i++) {
		if (strcmp(modes[i][0], s->hold != NULL ? s->hold : "memory") == 0 &&
		    strcmp(modes[i][1], s->join != NULL ? s->join : "header") == 0)
			continue;
		setup.hold = modes[i][0];
		setup.join = modes[i][1];
		snprintf(name, sizeof name, "%s, hold %s, join %s", s->name, setup.hold, setup.join);
		shim = run(&setup, SHIM);
		compare_runs(name, bare, shim, s->results != NULL ? shim->results.p : NULL);
		run_free(shim);
	}
	run_free(bare);
}
