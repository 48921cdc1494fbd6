/* Proves that a message that looks too short says something about its own connection only, whatever a client does to
 * make it look so: other connections go on holding in memory. */
#include "everywhere.h"

#include <stdio.h>

#define PROGRAM BUILD_DIR "/tests/programs/p_many"

/* With hold=memory each message of the next connection leaves in one call, unless a busy machine comes too late for
 * that. */
static void check_strangers(const char *count, const char *timeout, const struct mode *m)
{
	struct setup setup = {
		.args = { PROGRAM, "strange", count }, .timeout = timeout, .hold = m->hold, .join = m->join
	};
	int wanted = strcmp(m->hold, "memory") == 0 ? 3 : 0;
	char name[64];
	struct run *r;

	snprintf(name, sizeof name, "%s of each kind, hold %s, join %s", count, m->hold, m->join);
	r = check_same(name, &setup);
	for (int n = 1; n < ATTEMPTS && r->status == 0 && calls_like(r, "writev iov=2 bytes=300 = 300") < wanted; n++) {
		run_free(r);
		r = check_same(name, &setup);
	}
	cr_expect(strcmp(r->results.p, "wrong messages: 0\n") == 0, "%s: %s", name, r->results.p);
	cr_expect(calls_like(r, "writev iov=2 bytes=300 = 300") == wanted,
	          "%s: want %d messages joined; calls:\n%.900s", name, wanted, r->calls.p);
	run_free(r);
}

EACH_TEST(short_fall, strange_clients_cost_the_others_nothing, MODES, 120)
{
	check_strangers("1", "100ms", &every_mode[*i]);
	check_strangers("1000", "1ms", &every_mode[*i]);
}
