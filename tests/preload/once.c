/* Proves that a program whose responses come whole, which are passed unread after a while, loses nothing by it: at most
 * one message in a thousand is not joined when it changes its ways, whichever call it changes to. */
#include "counted.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

/* A head in two pieces of a writev() does not look like a head alone where responses are passed unread, so it is a
 * miss; anywhere else it is joined with its body. */
#define SPLIT       "split"
#define SPLIT_WRITE "write=" HEAD, "write=*200"
#define NO_BODY     "write=HTTP/1.1 304 Not Modified\r\n\r\n"
#define ASKED       "peer=GET / HTTP/1.1\r\n\r\n", "read=500"
#define WHOLE       "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
/* The first response behind the row is looked at: one in a thousand of each thread is. */
#define ON "serve=1001", ASKED

#define JOINED "writev iov=[23] bytes=300 = 300"

struct row {
	const char *name;
	const char *steps[ARGS_MAX - 3];     /* for p_steps */
	int joined;                          /* how many heads of 100 bytes go together with a body of 200 */
	const char *request, *faults, *call; /* another call by which they go together */
	int clients;
};

static void check_joined(const struct row *row, const char *join)
{
	struct setup setup = {
		.args = { STEPS }, .request = row->request, .faults = row->faults, .join = join, .clients = row->clients
	};
	for (size_t i = 0; row->steps[i] != NULL; i++)
		setup.args[i + 1] = row->steps[i];
	struct run *r = check_same(row->name, &setup);
	int joined = calls_like(r, row->call != NULL ? row->call : JOINED);
	cr_expect(joined == row->joined, "%s, join %s: %d joined, not %d", row->name, join, joined, row->joined);
	run_free(r);
}

#define JOINED_TESTS(name)                              \
	EACH_TEST(once, name, ROWS(name), 60)           \
	{                                               \
		check_joined(&name[*i], "header");      \
	}                                               \
	EACH_TEST(once, name##_message, ROWS(name), 60) \
	{                                               \
		check_joined(&name[*i], "message");     \
	}                                               \
	_Static_assert(1, "the macro ends in a semicolon")

static const struct row changes[] = {
	{ "not yet", { "serve=999", ASKED, SPLIT, "await" }, 1 },
	{ "a head alone", { ON, SPLIT_WRITE, ASKED, SPLIT, "await" }, 2 },
	{ "a head alone, behind writev", { "servev=1001", ASKED, SPLIT_WRITE, ASKED, SPLIT, "await" }, 2 },
	{ "at most one is missed", { ON, SPLIT, ASKED, SPLIT, ASKED, SPLIT, "await" }, 2 },
	{ "at most one is missed, behind writev", { "servev=1001", ASKED, SPLIT, ASKED, SPLIT, "await" }, 1 },
	{ "the row begins anew", { ON, SPLIT, "serve=999", ASKED, SPLIT, "await" }, 1 },
	{ "and is as long again", { ON, SPLIT, "serve=1001", ASKED, SPLIT, ASKED, SPLIT, "await" }, 1 },
	{ "a head alone in the middle of a row", { "serve=500", SPLIT_WRITE, "serve=999", ASKED, SPLIT, "await" }, 2 },
	{ "parts of responses, and no more of them", { ON, "serve-part=1000", ASKED, SPLIT, "await" }, 1 },
	{ "the same on a connection that has a message",
	  { SPLIT_WRITE, "serve=500", SPLIT_WRITE, "serve=999", ASKED, SPLIT, "await" },
	  3 },
	{ "a head that is the whole response does not end the row",
	  { "serve=500", NO_BODY, "serve=501", ASKED, SPLIT, "await" },
	  0 },
	{ "nor is it one of the row",
	  { "serve=500", NO_BODY, NO_BODY, NO_BODY, "serve=499", ASKED, SPLIT, "await" },
	  1 },
};
JOINED_TESTS(changes);

/* What follows the head that was missed, by any call, or behind any other, shows that it was. */
#define MISSED(step)                                                            \
	{                                                                       \
		step,                                                           \
		{                                                               \
			ON                                                      \
			, "writev/2=" HEAD, step "=*200", ASKED, SPLIT, "await" \
		}                                                               \
		, 1                                                             \
	}
static const struct row misses[] = {
	MISSED("write"),
	MISSED("__write"),
	MISSED("writev"),
	MISSED("writev/2"),
	MISSED("send"),
	MISSED("__send"),
	MISSED("send+MSG_MORE"),
	MISSED("send+MSG_OOB"),
	MISSED("sendto"),
	MISSED("sendmsg/3"),
	MISSED("sendmmsg/2"),
	MISSED("pwritev2"),
	MISSED("sendfile"),
	MISSED("sendfile64"),
	MISSED("splice"),
	MISSED("dprintf"),
	MISSED("vdprintf"),
	MISSED("__dprintf_chk"),
	MISSED("SYS_write"),
	MISSED("SYS_writev"),
	MISSED("SYS_sendto"),
	MISSED("SYS_sendmsg"),
	{ "an option between them", { ON, "writev/2=" HEAD, "sndbuf=100000", "write=*200", ASKED, SPLIT, "await" }, 1 },
	{ "a read between them", { ON, "writev/2=" HEAD, ASKED, "write=*200", ASKED, SPLIT, "await" }, 1 },
	{ "an empty write between them", { ON, "writev/2=" HEAD, "nothing", "write=*200", ASKED, SPLIT, "await" }, 1 },
	{ "few bytes", { ON, "writev/2=" HEAD, "write=*5", "write=*195", ASKED, SPLIT, "await" }, 1 },
	{ "bytes like a request's",
	  { ON, "writev/2=HTTP/1.1 200 OK\r\nContent-Length: 18\r\n\r\n", "write=GET / HTTP/1.1\r\n\r\n", ASKED, SPLIT,
	    "await" },
	  1 },
};
JOINED_TESTS(misses);

/* What is looked at although responses are passed unread. */
static const struct row looked_at[] = {
	{ "the answer to HEAD",
	  { "serve=1001", "peer=HEAD / HTTP/1.1\r\n\r\n", "read=500", "writev/2=" HEAD, "await", ASKED, SPLIT, ASKED,
	    SPLIT, "await" },
	  1 },
	{ "behind the answer to HEAD",
	  { "serve=1001", "peer=HEAD / HTTP/1.1\r\n\r\n", "read=500", "write=" HEAD, "await", ASKED, SPLIT_WRITE,
	    "await" },
	  1 },
	{ "HEAD behind an unread response",
	  { "serve=1002", "peer=HEAD / HTTP/1.1\r\n\r\n", "read=500", "write=" HEAD, "await" },
	  0 },
	{ "HEAD behind two of them",
	  { "serve=1003", "peer=HEAD / HTTP/1.1\r\n\r\n", "read=500", "write=" HEAD, "await" },
	  0 },
	{ "an interim response",
	  { ON, "writev/2=HTTP/1.1 100 Continue\r\nServer: a server\r\n\r\n", "peer=hello", "read=5", "write=" HEAD,
	    "write=*200", "await" },
	  1 },
	{ "a tunnel",
	  { "serve=1001", "peer=CONNECT a:1 HTTP/1.1\r\n\r\n", "read=500",
	    "writev/2=HTTP/1.1 200 OK\r\nServer: a server\r\n\r\n", "write=" HEAD, "await", "write=*200", "await" },
	  0 },
	{ "another protocol",
	  { ON, "writev/2=HTTP/1.1 101 Switching Protocols\r\n\r\n", "write=" HEAD, "await", "write=*200", "await" },
	  0 },
	{ "an event stream",
	  { ON, "write=HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n", "await", "write=data: 1\n\n",
	    "await" },
	  0 },
	{ "by sendmsg", { ON, "sendmsg/2=" HEAD, "write=*200", "await" }, 1 },
	{ "a second name",
	  { "serve=500", "dup", "serve=502", ASKED, "writev/2=" HEAD, "write=*200", "await" },
	  1,
	  .call = "sendmsg iov=2 bytes=100 flags=*MSG_MORE* = 100" },
	{ "where a child borrows the memory", { ON, "vfork-close", SPLIT, "await" }, 1 },
	{ "not heard since", { "serve=1001", SPLIT, "await" }, 1 },
	{ "a connection that a child has made", { "serve=1001", "child-splits", "await" }, 1, .clients = 2 },
};
JOINED_TESTS(looked_at);

/* The library's calls differ, for the kernel holds the head; what the peer gets and the results do not. */
static const struct row the_same[] = {
	{ "MSG_MORE", { ON, "send+MSG_MORE=" HEAD, "write=*200", "await" } },
	{ "out-of-band data", { ON, "send+MSG_OOB=" WHOLE, "await" } },
	{ "without a copy", { "zerocopy=1", ON, "send+MSG_ZEROCOPY=" WHOLE, "await" } },
	{ "no wait", { ON, "send+MSG_DONTWAIT=" WHOLE, "await" } },
	{ "memory that ends", { ON, "torn", ASKED, "torn/2" } },
	{ "no bytes where a head is held", { ON, "write=" HEAD, "nothing", "write=*200", "await" }, 1 },
	{ "no bytes at all", { ON, "nothing", "await" } },
	{ "the peer is gone", { ON, "ignore-sigpipe", "reset", "write=" WHOLE, "write=" HEAD, "write=*200" } },
	{ "the end of the sending side", { ON, "ignore-sigpipe", "shutdown", "write=" WHOLE, "write=" HEAD } },
};
EACH_TEST(once, the_same, ROWS(the_same), 60)
{
	check_joined(&the_same[*i], "header");
}

/* Such a response was whole all the same, and its rest is no miss. */
static const struct row cut_short[] = {
	{ "cut short",
	  { ON, "serve-long", ASKED, SPLIT, ASKED, SPLIT, "await" },
	  1,
	  .faults = "send:1002:short=17000" },
};
JOINED_TESTS(cut_short);

/* --- what is said of it ----------------------------------------------------------------------- */

static const struct {
	const char *name, *steps[8], *counted;
	int clients;
} counts[] = {
	{ "whole responses", { "serve=1500", "await" }, "RESPONSES 1500, ONE_WRITE 1500" },
	{ "a connection on which nothing was looked at",
	  { "serve=1010", "fd=-1", "write=" WHOLE, "await", "close" },
	  "RESPONSES 1011, ONE_WRITE 1011",
	  .clients = 2 },
	{ "with a piece of their own for the body", { "servev=1500", "await" }, "RESPONSES 1500, ONE_WRITE 1500" },
};

EACH_TEST(once, what_is_passed_unread_is_counted, ROWS(counts) * 2, 60)
{
	size_t row = *i / 2;
	struct setup setup = { .args = { STEPS }, .clients = counts[row].clients, .join = "message" };
	struct text counted = { 0 };
	for (size_t s = 0; counts[row].steps[s] != NULL; s++)
		setup.args[s + 1] = counts[row].steps[s];
	run_free(run_counted(&setup, *i % 2 != 0, &counted, NULL));
	cr_expect_str_eq(counted.p, counts[row].counted, "%s: counted %s", counts[row].name, counted.p);
	free(counted.p);
}

Test(once, all_is_looked_at_while_a_trace_is_written, .timeout = 60)
{
	struct setup setup = { .args = { STEPS, ON, SPLIT, "await" } };
	char trace[] = "/tmp/onewrite-trace-XXXXXX";
	int file = mkstemp(trace), lines = 0;
	setenv("ONEWRITE_TRACE", trace, 1);
	struct run *r = check_same("traced", &setup);
	unsetenv("ONEWRITE_TRACE");
	FILE *f = fdopen(file, "r");
	for (int c; f != NULL && (c = getc(f)) != EOF;)
		lines += c == '\n';
	cr_expect(lines > 1003, "%d lines", lines);
	cr_expect(calls_like(r, JOINED) == 1);
	run_free(r);
	fclose(f);
	unlink(trace);
}
