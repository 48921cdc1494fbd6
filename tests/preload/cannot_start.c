/* Proves that where no thread can be created, the program runs as it does without the library: the same calls, the same
 * bytes, and no memory lost. */
#include "everywhere.h"

#include <stdio.h>

#define PROGRAM   BUILD_DIR "/tests/programs/p_many"
#define NO_THREAD "pthread_create:*:errno=EAGAIN"

/* The library tries once at the beginning and then at most once a second. One more is allowed, because the run may
 * begin anywhere within a second. */
static int most_attempts(const struct run *r)
{
	return 2 + (int)((r->shared->sent[1] - r->shared->sent[0]) / INT64_C(1000000000));
}

EACH_TEST(cannot_start, thousands_of_connections_leave_nothing_behind, MODES, 120)
{
	const struct mode *m = &every_mode[*i];
	struct setup setup = { .args = { PROGRAM, "short" },
		               .timeout = "5ms",
		               .hold = m->hold,
		               .join = m->join,
		               .faults = NO_THREAD,
		               .clients = -1 };
	struct run *r;
	char name[64];
	int asked;

	snprintf(name, sizeof name, "hold %s, join %s", m->hold, m->join);
	r = check_same(name, &setup);
	asked = calls_like(r, "pthread_create *");
	cr_expect(strcmp(r->results.p, "memory is flat: 1, wrong messages: 0\n") == 0, "%s: %s", name, r->results.p);
	cr_expect(asked >= 1 && asked <= most_attempts(r), "%s: a thread was asked for %d times in %d seconds", name,
	          asked, most_attempts(r) - 2);
	run_free(r);
}

/* Without a helper nothing is held, so the calls that reach libc are the program's own. */
#define MESSAGE "write=" HEAD, "write=*200"
#define JOINED  "writev iov=2 bytes=300 = 300"

static const struct scenario calls[] = {
	{ "write, then write", { MESSAGE, MESSAGE, "await" }, .faults = NO_THREAD },
	{ "after a read",
	  { "read=500", MESSAGE, MESSAGE, "await" },
	  .faults = NO_THREAD,
	  .request = "GET / HTTP/1.1\r\n\r\n" },
	{ "a head in pieces",
	  { "write=HTTP/1.1 200 OK\r\n", "write=" HEAD_PAD("200"), "writev/3=*200", "await" },
	  .faults = NO_THREAD },
	{ "chunks",
	  { "write=" CHUNKED_HEAD, "write=c8\r\n", "write=*200", "write=\r\n", "write=0\r\n\r\n", "await" },
	  .faults = NO_THREAD },
	{ "sendmsg and sendfile", { "sendmsg/2+MSG_NOSIGNAL=" HEAD, "sendfile=*200", "await" }, .faults = NO_THREAD },
	{ "a head alone", { "write=" HEAD, "await", "write=*200", "await" }, .faults = NO_THREAD },
	{ "a socket that was dup'ed", { "dup", MESSAGE, "close", "use", MESSAGE, "await" }, .faults = NO_THREAD },
	{ "ends of every kind", { MESSAGE, "write=" HEAD, "shutdown", "await" }, .faults = NO_THREAD },
};

EACH_TEST(cannot_start, calls_are_those_of_the_program, ROWS(calls), 60)
{
	for (size_t m = 0; m < MODES; m++) {
		struct scenario s = calls[*i];
		char name[128];

		s.hold = every_mode[m].hold;
		s.join = every_mode[m].join;
		snprintf(name, sizeof name, "%s, hold %s, join %s", calls[*i].name, s.hold, s.join);
		s.name = name;
		check_scenario(&s);
	}
}

/* The first attempt to start the helper fails. A second later the library tries again, and messages are joined from
 * then on. */
Test(cannot_start, it_is_tried_again, .timeout = 60)
{
	static const struct scenario s = { "a thread can be created later",
		                           { MESSAGE, "await", "sleep=1200", MESSAGE, "await", MESSAGE, "await" },
		                           "write bytes=100 = 100, write bytes=200 = 200, " JOINED ", " JOINED,
		                           .faults = "pthread_create:1:errno=EAGAIN" };

	check_scenario(&s);
}
