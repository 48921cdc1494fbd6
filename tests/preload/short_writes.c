/* Proves that with partial writes, errors and interruptions every byte arrives once and in order, and that each result
 * is one that the program could have had without the library. */
#include "harness.h"

#include <stdio.h>

static const char *const floods[] = { "nonblock", "epoll", "signals" };

EACH_TEST(short_writes, slow_peer_gets_every_byte, ROWS(floods), 60)
{
	struct setup setup = { .args = { SCENARIOS, "flood", floods[*i] }, .gulp = 2048 };
	struct run *r = check_same(floods[*i], &setup);

	cr_expect(strcmp(r->results.p, "zeroes 0, excesses 0\n") == 0, "%s: dishonest results: %s", floods[*i],
	          r->results.p);
	cr_expect(r->bytes[0].n > 40 * 6000, "%s: only %zu bytes arrived", floods[*i], r->bytes[0].n);
	run_free(r);
}

static const char *const breaks[] = { "killed", "ignored", "nosignal" };
static const char *const modes[][2] = {
	{ "memory", "header" }, { "memory", "message" }, { "kernel", "header" }, { "kernel", "message" }
};

EACH_TEST(short_writes, broken_connection_is_noticed_as_without_the_shim, ROWS(breaks) * ROWS(modes), 30)
{
	const char *const *mode = modes[*i % ROWS(modes)], *how = breaks[*i / ROWS(modes)];
	struct setup setup = { .args = { SCENARIOS, "broken", how }, .hold = mode[0], .join = mode[1] };
	char name[64];

	snprintf(name, sizeof name, "%s, hold %s, join %s", how, mode[0], mode[1]);
	run_free(check_same(name, &setup));
}

EACH_TEST(short_writes, error_that_the_helper_met_is_reported_by_the_next_call, ROWS(modes), 30)
{
	struct setup setup = {
		.args = { SCENARIOS, "late-error" }, .timeout = "5ms", .hold = modes[*i][0], .join = modes[*i][1]
	};
	char name[64];

	snprintf(name, sizeof name, "hold %s, join %s", setup.hold, setup.join);
	run_free(check_same(name, &setup));
}

/* The joined call takes only k of the 40 bytes of head and 20 of body, for every k. */
enum { SMALL_HEAD = 40, SMALL_BODY = 20 };

#define SHORT_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 020\r\n\r\n"
_Static_assert(sizeof SHORT_HEAD - 1 == SMALL_HEAD, "the head is 40 bytes");

static void check_short(const char *head, const char *body, const char *call, size_t k)
{
	char name[96], faults[96];
	struct scenario s = {
		name, { "nonblock", head, body, "await", "write=" HEAD, "writeall=*200" }, ANY_CALLS, .faults = faults
	};

	snprintf(name, sizeof name, "%s then %s: the first %s takes %zu bytes", head, body, call, k);
	snprintf(faults, sizeof faults, "%s:1:short=%zu", call, k);
	check_scenario(&s);
}

EACH_TEST(short_writes, joined_writev_takes_any_number_of_bytes, SMALL_HEAD + SMALL_BODY, 30)
{
	check_short("write=" SHORT_HEAD, "writeall/2=*20", "writev", *i + 1);
}

EACH_TEST(short_writes, joined_sendmsg_takes_any_number_of_bytes, SMALL_HEAD + SMALL_BODY, 30)
{
	check_short("write=" SHORT_HEAD, "writeall+MSG_NOSIGNAL=*20", "sendmsg", *i + 1);
}

/* Calls that are cut short again and again. */
static const char *const trickles[] = { "writev:*:short=1,send:*:short=1,sendmsg:*:short=1",
	                                "writev:*:short=7,send:*:short=3,sendmsg:*:short=7",
	                                "writev:1:short=39,writev:2:short=1,sendmsg:*:short=1,send:*:short=1" };

EACH_TEST(short_writes, every_call_falls_short, ROWS(trickles), 30)
{
	struct scenario s = { trickles[*i],
		              { "nonblock", "write=" SHORT_HEAD, "writeall=*20", "await", "write=" SHORT_HEAD,
		                "writeall/2=*20", "await" },
		              ANY_CALLS,
		              .faults = trickles[*i] };

	check_scenario(&s);
}

/* Errors of the calls that send. `writeall` and `again` go on after an error, as programs do. */
#define REFUSED(why) "refused: " why "\nagain = 4\nwriteall = 200\nawait = 0\n"
#define WHOLE        "write=" HEAD, "writeall=*200", "await"
#define LONG         "write=HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n", "write=*20000", "await"
#define TWICE        "write=" HEAD, "again=body", "writeall=*200", "await"

static const struct scenario errors[] = {
	{ "writev: EAGAIN", { "nonblock", WHOLE }, ANY_CALLS, .faults = "writev:1:errno=EAGAIN" },
	{ "writev: EAGAIN, seen by the program as such",
	  { "nonblock", TWICE },
	  ANY_CALLS,
	  .faults = "writev:1:errno=EAGAIN",
	  .results = "nonblock = 0\nwrite = 100\n" REFUSED("EAGAIN") },
	{ "sendmsg: EAGAIN",
	  { "nonblock", "write=" HEAD, "writeall+MSG_NOSIGNAL=*200", "await" },
	  ANY_CALLS,
	  .faults = "sendmsg:1:errno=EAGAIN" },
	{ "part of the head goes, then nothing: EAGAIN",
	  { "nonblock", TWICE },
	  ANY_CALLS,
	  .faults = "writev:1:short=60,sendmsg:1:errno=EAGAIN",
	  .results = "nonblock = 0\nwrite = 100\n" REFUSED("EAGAIN") },
	{ "exactly the head goes, then nothing: EAGAIN, never 0",
	  { "nonblock", TWICE },
	  ANY_CALLS,
	  .faults = "writev:1:short=100,sendmsg:1:errno=EAGAIN,writev:2:errno=EAGAIN",
	  .results = "nonblock = 0\nwrite = 100\n" REFUSED("EAGAIN") },
	{ "a call that waits is cut short in the head, and goes on when there is room",
	  { TWICE },
	  ANY_CALLS,
	  .faults = "writev:1:short=60,sendmsg:1:errno=EAGAIN" },
	{ "writev: EINTR", { WHOLE }, ANY_CALLS, .faults = "writev:1:errno=EINTR" },
	{ "writev: EINTR, then EAGAIN, then short",
	  { "nonblock", WHOLE },
	  ANY_CALLS,
	  .faults = "writev:1:errno=EINTR,writev:2:errno=EAGAIN,writev:3:short=99" },
	{ "writev: ENOBUFS",
	  { TWICE },
	  ANY_CALLS,
	  .faults = "writev:1:errno=ENOBUFS",
	  .results = "write = 100\n" REFUSED("ENOBUFS") },
	{ "long bodies meet full buffers, and the program waits",
	  { LONG, LONG },
	  ANY_CALLS,
	  .faults = "sendmsg:*:errno=EAGAIN" },
	{ "a call that waits is cut short in a long body, and the program goes on",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n", "writeall=*20000", "await" },
	  ANY_CALLS,
	  .faults = "writev:1:short=10000" },
	{ "a long body goes in part where nobody waits",
	  { "nonblock", "write=HTTP/1.1 200 OK\r\nContent-Length: 20000\r\n\r\n", "writeall=*20000", "await" },
	  ANY_CALLS,
	  .faults = "writev:1:short=10000,sendmsg:1:short=10000,sendmsg:2:errno=EINTR" },
	{ "a body by splice meets a full buffer, and waits",
	  { "writeall=" HEAD, "splice=*200", "await" },
	  ANY_CALLS,
	  .faults = "send:1:errno=EAGAIN" },
	{ "a release meets EAGAIN",
	  { "nonblock", "writeall=" HEAD, "recv+MSG_DONTWAIT=1", "writeall=*200", "await" },
	  ANY_CALLS,
	  .faults = "send:1:errno=EAGAIN,sendmsg:1:errno=EAGAIN,writev:1:errno=EAGAIN" },
	{ "the deadline meets EAGAIN",
	  { "nonblock", "writeall=" HEAD, "sleep=30", "writeall=*200", "await" },
	  ANY_CALLS,
	  .faults = "send:1:errno=EAGAIN,sendmsg:1:errno=EAGAIN,writev:1:errno=EAGAIN",
	  .timeout = "5ms" },
	{ "the deadline meets a short count",
	  { "nonblock", "writeall=" HEAD, "sleep=30", "writeall=*200", "await" },
	  ANY_CALLS,
	  .faults = "send:1:short=33,sendmsg:1:short=33,writev:1:short=33",
	  .timeout = "5ms" },
};
SCENARIO_TESTS(short_writes, errors);

/* What cannot leave before a call after which nothing should be held stays held: it is not lost, and the other call
 * does not fail because of it. */
Test(short_writes, head_that_finds_no_room_before_a_dup_stays, .timeout = 30)
{
	static const struct scenario s = { "a dup meets EAGAIN for good",
		                           { "nonblock", "write=" HEAD, "dup", "writeall=*200", "await" },
		                           ANY_CALLS,
		                           .faults = "send:*:errno=EAGAIN" };

	check_scenario(&s);
}
