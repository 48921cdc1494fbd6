/* Proves that all of a small message leaves in one segment, and that the end of a message waits for nothing.
 *
 * MORE marks a write that leaves the message incomplete; the write that completes it goes as the program made it. */
#include "harness.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>

#define MORE(n)        "send bytes=" #n " flags=MSG_MORE = " #n
#define JOINED_MORE(n) "sendmsg iov=2 bytes=" #n " flags=MSG_MORE = " #n
#define WRITE(n)       "write bytes=" #n " = " #n
#define CHUNKED        "write=" CHUNKED_HEAD
#define LAST           "write=0\r\n\r\n"
#define UNTIL_CLOSE    "write=HTTP/1.0 200 OK\r\n\r\n"
#define POST(length)   "write=POST /form HTTP/1.1\r\nContent-Length: " length "\r\n\r\n"
#define LONGER(length) "write=HTTP/1.1 200 OK\r\n" HEAD_PAD(length)

static const struct scenario small[] = {
	{ "chunk-size line, data, CRLF and last chunk",
	  { CHUNKED, "write=c8\r\n", "write=*200", "write=\r\n", LAST, "await" },
	  JOINED_MORE(304) ", " MORE(2) ", " WRITE(5) },
	{ "the same with send and MSG_NOSIGNAL",
	  { "send+MSG_NOSIGNAL=" CHUNKED_HEAD, "send+MSG_NOSIGNAL=c8\r\n", "send+MSG_NOSIGNAL=*200",
	    "send+MSG_NOSIGNAL=\r\n", "send+MSG_NOSIGNAL=0\r\n\r\n", "await" },
	  "sendmsg iov=2 bytes=304 flags=MSG_MORE|MSG_NOSIGNAL = 304, send bytes=2 flags=MSG_MORE|MSG_NOSIGNAL = 2, "
	  "send bytes=5 flags=MSG_NOSIGNAL = 5" },
	{ "chunks by writev",
	  { CHUNKED, "writev/3=5\r\nhello\r\n", "writev/3=5\r\nworld\r\n", LAST, "await" },
	  "sendmsg iov=4 bytes=110 flags=MSG_MORE = 110, sendmsg iov=3 bytes=10 flags=MSG_MORE = 10, " WRITE(5) },
	{ "head and first chunk at once, the rest behind it",
	  { "write=" CHUNKED_HEAD "5\r\nhello\r\n", "write=5\r\nworld\r\n", LAST, "await" },
	  MORE(110) ", " MORE(10) ", " WRITE(5) },
	{ "a chunk and the last chunk at once",
	  { CHUNKED, "write=5\r\nhello\r\n0\r\n\r\n", "await" },
	  "writev iov=2 bytes=115 = 115" },
	{ "chunk extensions",
	  { CHUNKED, "write=5;name=value\r\n", "write=hello\r\n", "write=0;done\r\n\r\n", "await" },
	  JOINED_MORE(121) ", " WRITE(10) },
	{ "trailers",
	  { CHUNKED, "write=5\r\nhello\r\n", "write=0\r\n", "write=Digest: abc\r\n", "write=\r\n", "await" },
	  JOINED_MORE(110) ", " MORE(3) ", " MORE(13) ", " WRITE(2) },
	{ "a body in many writes",
	  { "write=" HEAD, "write=*50", "write=*50", "write=*99", "write=*1", "await" },
	  JOINED_MORE(150) ", " MORE(50) ", " MORE(99) ", " WRITE(1) },
	{ "a head in many writes, a body in many writes",
	  { "write=HTTP/1.1 200 OK\r\n", "write=Content-Length: 200\r\n", "write=\r\n", "write=*100", "write=*100",
	    "await" },
	  JOINED_MORE(140) ", " WRITE(100) },
	{ "head and some body at once",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 205\r\n\r\nhello", "write=*200", "await" },
	  MORE(45) ", " WRITE(200) },
	{ "an empty write in between",
	  { "write=" HEAD, "write=*100", "write=", "write=*100", "await" },
	  JOINED_MORE(200) ", write bytes=0 = 0, " WRITE(100) },
	{ "a body until close: the FIN goes along",
	  { UNTIL_CLOSE, "write=*100", "write=*100", "close" },
	  JOINED_MORE(119) ", " MORE(100) },
	{ "a body until shutdown",
	  { UNTIL_CLOSE, "write=*100", "write=*100", "shutdown", "await" },
	  JOINED_MORE(119) ", " MORE(100) },
	{ "fewer bytes than announced, then close",
	  { "write=" HEAD, "write=*100", "close", "await" },
	  JOINED_MORE(200) },
	{ "more bytes than announced", { "write=" HEAD, "write=*250", "await" }, "writev iov=2 bytes=350 = 350" },
	{ "two whole responses in one write",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	    "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nworld",
	    "await" },
	  WRITE(86) },
	{ "a whole response and a 204 in one write",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello"
	    "HTTP/1.1 204 No Content\r\n\r\n",
	    "await" },
	  WRITE(70) },
	{ "a whole response and the head of another in one write",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhello" HEAD, "write=*200", "await" },
	  MORE(143) ", " WRITE(200) },
	{ "the end of a body and the head of the next message in one write",
	  { "write=" HEAD, "write=*195", "write=hello" HEAD, "write=*200", "await" },
	  JOINED_MORE(295) ", " MORE(105) ", " WRITE(200) },
	{ "the end of a body and a 204 in one write",
	  { "write=" HEAD, "write=*195", "write=helloHTTP/1.1 204 No Content\r\n\r\n", "await" },
	  JOINED_MORE(295) ", " WRITE(32) },
	{ "three messages in one write",
	  { "write=HTTP/1.1 204 A\r\n\r\nHTTP/1.1 204 B\r\n\r\nHTTP/1.1 204 C\r\n\r\n", "await" },
	  WRITE(54) },
	{ "the answer to HEAD",
	  { "read=100", "write=" HEAD, "await" },
	  WRITE(100),
	  .request = "HEAD / HTTP/1.1\r\nHost: here\r\n\r\n" },
	{ "sendfile", { "write=" HEAD, "sendfile=*200", "await", "settings" }, MORE(100) ", sendfile bytes=200 = 200" },
	{ "sendfile in three calls",
	  { LONGER("300"), "sendfile/3=*300", "await", "settings" },
	  MORE(100) ", sendfile bytes=100 = 100, sendfile bytes=100 = 100, sendfile bytes=100 = 100" },
	{ "sendfile after some bytes by write",
	  { LONGER("300"), "write=*100", "sendfile=*200", "await", "settings" },
	  JOINED_MORE(200) ", sendfile bytes=200 = 200" },
	{ "splice", { "write=" HEAD, "splice=*200", "await", "settings" }, MORE(100) ", splice bytes=200 = 200" },
	{ "splice in three calls",
	  { LONGER("300"), "splice/3=*300", "await", "settings" },
	  MORE(100) ", splice bytes=100 = 100, splice bytes=100 = 100, splice bytes=100 = 100" },
	{ "write after sendfile",
	  { LONGER("300"), "sendfile=*200", "write=*100", "await", "settings" },
	  MORE(100) ", sendfile bytes=200 = 200, " WRITE(100) },
	{ "a chunk by sendfile between its lines",
	  { CHUNKED, "write=c8\r\n", "sendfile=*200", "write=\r\n", LAST, "await", "settings" },
	  MORE(104) ", sendfile bytes=200 = 200, " MORE(2) ", " WRITE(5) },
	{ "a POST",
	  { "connect", POST("200"), "write=*150", "write=*50", "await" },
	  JOINED_MORE(194) ", " WRITE(50),
	  .clients = -1 },
	{ "a chunked PUT",
	  { "connect", "write=PUT /x HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", "write=c8\r\n", "write=*200",
	    "write=\r\n", LAST, "await" },
	  JOINED_MORE(251) ", " MORE(2) ", " WRITE(5),
	  .clients = -1 },
	{ "two POSTs in one write",
	  { "connect",
	    POST("5") "hello"
	              "POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n",
	    "write=*200", "await" },
	  MORE(87) ", " WRITE(200),
	  .clients = -1 },
	{ "a non-blocking socket",
	  { "nonblock", "write=" HEAD, "write=*100", "write=*100", "await" },
	  JOINED_MORE(200) ", " WRITE(100) },
	{ "a socket with TCP_NODELAY",
	  { "nodelay=1", "write=" HEAD, "write=*100", "write=*100", "await", "settings" },
	  JOINED_MORE(200) ", " WRITE(100) },
};

static void check_small(struct scenario s)
{
	s.join = "message";
	s.segments = 1;
	check_scenario(&s);
}

EACH_TEST(message, small_one_is_one_segment, ROWS(small), 30)
{
	struct scenario s = small[*i];

	check_small(s);
	check_scenario_elsewhere(&s);
	s.join = "message";
	check_scenario_behind_another(&s);
}

/* With the head in the kernel the calls are others, and the message is one segment as well. */
EACH_TEST(message, small_one_is_one_segment_with_kernel_hold, ROWS(small), 30)
{
	struct scenario s = small[*i];

	s.hold = "kernel";
	s.calls = ANY_CALLS;
	check_small(s);
}

EACH_TEST(message, body_may_come_in_any_number_of_iovecs, 200, 30)
{
	char name[64], first[64], second[64];
	struct scenario s = { name, { LONGER("400"), first, second, "await" }, ANY_CALLS };

	snprintf(name, sizeof name, "a body by writev of %zu", *i + 1);
	snprintf(first, sizeof first, "writev/%zu=*200", *i + 1);
	snprintf(second, sizeof second, "sendmsg/%zu+MSG_NOSIGNAL=*200", *i + 1);
	check_small(s);
	s.hold = "kernel";
	check_small(s);
}

/* --- heads that come again -------------------------------------------------------------------- */

#define PING      "peer=ping", "read=4"
#define PINGED    ", read *, "
#define JOINED(n) "writev iov=2 bytes=" #n " = " #n

static const struct scenario again[] = {
	{ "the same head three times",
	  { "write=" HEAD, "write=*200", PING, "write=" HEAD, "write=*200", PING, "write=" HEAD, "write=*200",
	    "await" },
	  JOINED(300) PINGED JOINED(300) PINGED JOINED(300) },
	{ "another length in a head as long",
	  { LONGER("200"), "write=*200", PING, LONGER("300"), "write=*200", "write=*100", PING, LONGER("200"),
	    "write=*200", "await" },
	  JOINED(300) PINGED JOINED_MORE(300) ", " WRITE(100) PINGED JOINED(300) },
	{ "the same head in pieces, and whole again",
	  { "write=" HEAD, "write=*200", PING, "write=HTTP/1.1 200 OK\r\n", "write=" HEAD_PAD("200"), "write=*200",
	    PING, "write=" HEAD, "write=*200", "await" },
	  JOINED(300) PINGED JOINED(300) PINGED JOINED(300) },
	{ "the same head and some of its body in one write",
	  { "write=" HEAD, "write=*200", PING, "write=" HEAD "hello", "write=*195", PING, "write=" HEAD, "write=*100",
	    "write=*100", "await" },
	  JOINED(300) PINGED MORE(105) ", " WRITE(195) PINGED JOINED_MORE(200) ", " WRITE(100) },
	{ "a longer message in one write between two equal heads",
	  { LONGER("005"), "write=hello", PING, LONGER("010") "helloworld", PING, LONGER("005"), "write=hello",
	    "await" },
	  JOINED(105) PINGED WRITE(110) PINGED JOINED(105) },
	{ "a body that ends as a head does, in the head's write",
	  { "write=" HEAD, "write=*200", PING, LONGER("004") "\r\n\r\n", PING, "write=" HEAD, "write=*200", "await" },
	  JOINED(300) PINGED WRITE(104) PINGED JOINED(300) },
	{ "a head where a body as long was due",
	  { "write=" HEAD, "write=*200", PING, LONGER("100"), PING, "write=" HEAD, "write=*200", "await" },
	  JOINED(300) PINGED "send bytes=100* = 100" PINGED JOINED(300) },
	{ "a chunk-size line behind the first of two equal heads",
	  { CHUNKED, "write=5\r\n", "write=hello\r\n0\r\n\r\n", PING, CHUNKED, "write=5\r\nhello\r\n0\r\n\r\n",
	    "await" },
	  JOINED(115) PINGED JOINED(115) },
};

EACH_TEST(message, head_that_comes_again_is_the_same_and_another_is_another, ROWS(again), 30)
{
	struct scenario s = again[*i];

	s.join = "message";
	check_scenario(&s);
	check_scenario_elsewhere(&s);
}

/* --- streams ---------------------------------------------------------------------------------- */

#define POKED "setsockopt TCP_NODELAY=1 = 0, setsockopt TCP_NODELAY=0 = 0"

/* After the deadline the rest passes as it is written, and its end does not wait for the peer's ACK. */
static const struct scenario streams[] = {
	{ "a body after the deadline",
	  { "write=" HEAD, "sleep=150", "await", "write=*100", "await", "write=*100", "await", "settings" },
	  "* bytes=100 * = 100, " WRITE(100) ", " WRITE(100) ", " POKED },
	{ "the same with TCP_NODELAY",
	  { "nodelay=1", "write=" HEAD, "sleep=150", "await", "write=*100", "await", "write=*100", "await",
	    "settings" },
	  "setsockopt TCP_NODELAY=1 = 0, * bytes=100 * = 100, " WRITE(100) ", " WRITE(100) },
	{ "chunks after the deadline",
	  { CHUNKED, "sleep=150", "await", "write=5\r\nhello\r\n", "await", "write=5\r\nworld\r\n", "await", LAST,
	    "await", "settings" },
	  "* bytes=100 * = 100, " WRITE(10) ", " WRITE(10) ", " WRITE(5) ", " POKED },
	{ "a deadline in the middle of the body",
	  { "write=" HEAD, "write=*100", "sleep=150", "await", "write=*50", "await", "write=*50", "await", "settings" },
	  JOINED_MORE(200) ", setsockopt TCP_CORK=0 = 0, " WRITE(50) ", " WRITE(50) ", " POKED },
	{ "a read in the middle of the body",
	  { "write=" HEAD, "write=*100", "recv+MSG_DONTWAIT=1", "await", "write=*50", "await", "write=*50", "await" },
	  JOINED_MORE(200) ", setsockopt TCP_CORK=0 = 0, recv *, " WRITE(50) ", " WRITE(50) ", "
	                                                                                    "*" },
	{ "a prompt message of another kind after a stream",
	  { "write=" HEAD, "sleep=150", "write=*200", "await", "write=" CHUNKED_HEAD, "write=a\r\n", "write=*10",
	    "write=\r\n0\r\n\r\n", "await" },
	  "* bytes=100 * = 100, " WRITE(200) ", " POKED ", "
	                                     "sendmsg iov=2 * flags=MSG_MORE = *, " WRITE(7) ", " POKED },
	{ "prompt messages of its kind after a stream",
	  { "write=" HEAD, "sleep=150", "write=*200", "await", "write=" HEAD, "write=*200", "write=" HEAD, "write=*200",
	    "await" },
	  "* bytes=100 * = 100, " WRITE(200) ", " POKED ", " WRITE(100) ", " WRITE(
		  200) ", " POKED ", writev iov=2 bytes=300 = 300, " POKED },
	{ "a kept-alive connection whose peer says nothing",
	  { "write=" HEAD, "write=*200", "write=" HEAD, "write=*200", "await", "settings" },
	  "writev iov=2 bytes=300 = 300, writev iov=2 bytes=300 = 300, " POKED },
	{ "a kept-alive connection whose peer asks again",
	  { "write=" HEAD, "write=*200", "await", "peer=ping", "read=4", "write=" HEAD, "write=*200", "await" },
	  "writev iov=2 bytes=300 = 300, read *, writev iov=2 bytes=300 = 300" },
	{ "a read that lets the head go, of bytes that were here before",
	  { "write=" HEAD, "peer=ping", "read=4", "write=*200", "await" },
	  "* bytes=100 * = 100, read *, " WRITE(200) ", " POKED },
};

EACH_TEST(message, stream_passes_as_it_is_written, ROWS(streams), 30)
{
	struct scenario s = streams[*i];

	s.join = "message";
	s.timeout = "50ms";
	if (strstr(s.calls, "TCP_NODELAY") == NULL && strstr(s.calls, "read *") == NULL)
		s.calls = ANY_CALLS;
	check_scenario(&s);
}

/* The deadline counts for the bytes that the kernel holds: each write that fills a segment sets a new one. After a
 * pause (a fifth of the timeout) the message is a stream, and what comes then goes as it is written. */
static const struct {
	const char *pace;
	int held;
} paces[] = { { "sleep=20", 10 }, { "sleep=80", 0 } };

/* Together they take longer than the timeout: what the kernel holds is always younger than that. */
#define PIECE "write=*70000", pace

EACH_TEST(message, what_is_written_steadily_is_held_to_its_end, ROWS(paces), 30)
{
	const char *pace = paces[*i].pace;
	struct setup setup = { .args = { STEPS, "write=HTTP/1.1 200 OK\r\nContent-Length: 840000\r\n\r\n", PIECE, PIECE,
		                         PIECE, PIECE, PIECE, PIECE, PIECE, PIECE, PIECE, PIECE, PIECE, "write=*70000",
		                         "await" },
		               .timeout = "200ms",
		               .join = "message" };
	struct run *r = check_same(pace, &setup);

	for (int n = 1; n < ATTEMPTS && calls_like(r, MORE(70000)) != paces[*i].held; n++) {
		run_free(r);
		r = check_same(pace, &setup);
	}
	cr_expect(calls_like(r, MORE(70000)) == paces[*i].held, "%s: not %d writes are held:\n%s", pace, paces[*i].held,
	          r->calls.p);
	run_free(r);
}

/* The last write is cut short, and the bytes that the kernel took lie under the library's cork. They have a deadline
 * like any other piece, and a read releases them. */
static const char *const meanwhile[] = { "await", "recv+MSG_DONTWAIT=1" };

EACH_TEST(message, last_write_that_is_cut_short_keeps_nothing_back, ROWS(meanwhile), 30)
{
	struct setup setup = { .args = { STEPS, "nonblock", "write=HTTP/1.1 200 OK\r\nContent-Length: 140000\r\n\r\n",
		                         "write=*70000", "write=*70000", meanwhile[*i], "write=*20000", "await" },
		               .join = "message",
		               .faults = "write:1:short=50000",
		               .timeout = *i == 0 ? "50ms" : NULL };
	struct run *r = run(&setup, SHIM);
	const char *cut = strstr(r->calls.p, "write bytes=70000 = 50000"),
		   *rest = strstr(r->calls.p, "write bytes=20000 = 20000"),
		   *uncorked = cut != NULL ? strstr(cut, "setsockopt TCP_CORK=0 = 0") : NULL;

	cr_expect(r->bytes[0].n == 140043 && cut != NULL && rest != NULL && uncorked != NULL && uncorked < rest,
	          "%s: %zu bytes came; what was taken stayed under the cork:\n%s", meanwhile[*i], r->bytes[0].n,
	          r->calls.p);
	run_free(r);
}

static int by_size(const void *a, const void *b)
{
	int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;

	return (x > y) - (x < y);
}

/* How many us after its write number k did the peer have `total` bytes? */
static long lateness_of(const struct run *r, size_t k, size_t total)
{
	for (size_t i = 0; i < r->arrived; i++)
		if (r->arrivals[i].total >= total)
			return (long)((r->arrivals[i].at - r->shared->sent[k]) / 1000);
	return LONG_MAX;
}

/* The median time from the write of a last chunk to its arrival, in us. */
static long lateness_of_ends(const struct run *r, size_t message)
{
	int64_t late[21];

	for (size_t i = 0; i < 21; i++) {
		late[i] = INT64_MAX;
		for (size_t k = 0; k < r->arrived && late[i] == INT64_MAX; k++)
			if (r->arrivals[k].total >= (i + 1) * message)
				late[i] = r->arrivals[k].at - r->shared->sent[i];
	}
	qsort(late, 21, sizeof *late, by_size);
	return (long)(late[10] / 1000);
}

static const char *const ends[][2] = {
	{ "stream", "memory" }, { "stream", "kernel" }, { "prompt", "memory" }, { "prompt", "kernel" }
};

EACH_TEST(message, end_does_not_wait_for_an_acknowledgement, ROWS(ends), 60)
{
	struct setup setup = { .args = { SCENARIOS, "last-chunks", ends[*i][0] },
		               .timeout = "5ms",
		               .join = "message",
		               .hold = ends[*i][1],
		               .late_acks = true };
	struct run *bare = run(&setup, BARE), *shim = run(&setup, SHIM);
	long before = lateness_of_ends(bare, 115), now = lateness_of_ends(shim, 115);

	for (int n = 1; n < ATTEMPTS && (before <= 10000 || now > 2000); n++) {
		run_free(bare);
		run_free(shim);
		bare = run(&setup, BARE);
		shim = run(&setup, SHIM);
		before = lateness_of_ends(bare, 115);
		now = lateness_of_ends(shim, 115);
	}
	cr_assert(shim->bytes[0].n == 21 * 115 && memcmp(shim->bytes[0].p, bare->bytes[0].p, 21 * 115) == 0,
	          "%s: other bytes than bare", ends[*i][0]);
	cr_expect(before > 10000, "%s: the last chunk does not wait even without the shim (%ld us)", ends[*i][0],
	          before);
	cr_expect(now <= 2000, "%s, hold %s: the last chunk came after %ld us, bare %ld us", ends[*i][0], ends[*i][1],
	          now, before);
	run_free(bare);
	run_free(shim);
}

/* Pieces that were gathered are pushed at their deadline, even if a short segment before them is not acknowledged. */
static const char *const holds[] = { "memory", "kernel" };

EACH_TEST(message, what_met_its_deadline_does_not_wait_for_an_acknowledgement, ROWS(holds), 60)
{
	struct setup setup = { .args = { SCENARIOS, "first-chunk" },
		               .timeout = "5ms",
		               .join = "message",
		               .hold = holds[*i],
		               .late_acks = true };
	long late = LONG_MAX;

	for (int n = 0; n < ATTEMPTS && late > 15000; n++) {
		struct run *r = run(&setup, SHIM);
		cr_assert(r->bytes[0].n == 3 + 300 + 115, "%zu bytes came", r->bytes[0].n);
		late = lateness_of(r, 0, 3 + 300 + 110);
		run_free(r);
	}
	cr_expect(late <= 15000, "hold %s: the first chunk came after %ld us", holds[*i], late);
}

/* --- send buffers too small for the message --------------------------------------------------- */

static const char *const narrow[][2] = { { "nonblock", "memory" }, { "epoll", "memory" }, { "signals", "memory" },
	                                 { "nonblock", "kernel" }, { "epoll", "kernel" }, { "signals", "kernel" } };

EACH_TEST(message, long_one_goes_through_a_narrow_socket, ROWS(narrow), 60)
{
	static const char *const whats[] = { "long-bodies", "flood" };

	for (size_t k = 0; k < 2; k++) {
		struct setup setup = { .args = { SCENARIOS, whats[k], narrow[*i][0] },
			               .join = "message",
			               .hold = narrow[*i][1],
			               .gulp = 4096 };
		char name[64];
		snprintf(name, sizeof name, "%s, %s, hold %s", whats[k], narrow[*i][0], narrow[*i][1]);
		struct run *r = check_same(name, &setup);
		cr_expect(strcmp(r->results.p, "zeroes 0, excesses 0\n") == 0, "%s: dishonest results: %s", name,
		          r->results.p);
		cr_expect(r->bytes[0].n > 200000, "%s: only %zu bytes arrived", name, r->bytes[0].n);
		run_free(r);
	}
}

/* --- calls that take fewer bytes than they are given ------------------------------------------ */

/* 40 bytes of head, and 60 of body in three writes of 20: the first is a JOIN_MORE of 60 bytes, the second a PASS_MORE
 * of 20, and the last goes as it is. */
#define SHORT_HEAD "HTTP/1.1 200 OK\r\nContent-Length: 060\r\n\r\n"
_Static_assert(sizeof SHORT_HEAD - 1 == 40, "the head is 40 bytes");

static void check_short(const char *hold, const char *body, const char *faults)
{
	char name[128];
	struct scenario s = { name,
		              { "nonblock", "writeall=" SHORT_HEAD, body, body, body, "await", "writeall=" HEAD,
		                "writeall=*200", "await" },
		              ANY_CALLS,
		              .faults = faults,
		              .hold = hold,
		              .join = "message" };

	snprintf(name, sizeof name, "%s, hold %s, %s", body, hold, faults);
	check_scenario(&s);
}

EACH_TEST(message, joined_write_with_more_to_come_takes_any_number_of_bytes, 60, 30)
{
	char faults[32];

	snprintf(faults, sizeof faults, "sendmsg:1:short=%zu", *i + 1);
	check_short("memory", "writeall=*20", faults);
	check_short("memory", "writeall/2=*20", faults);
}

/* With hold=memory, send() carries the middle of the body; with hold=kernel, the head as well. */
EACH_TEST(message, write_with_more_to_come_takes_any_number_of_bytes, 40, 30)
{
	char faults[32];

	for (int nth = 1; nth <= 3; nth++) {
		snprintf(faults, sizeof faults, "send:%d:short=%zu", nth, *i + 1);
		check_short("memory", "writeall=*20", faults);
		check_short("kernel", "writeall=*20", faults);
		snprintf(faults, sizeof faults, "sendmsg:%d:short=%zu", nth, *i + 1);
		check_short("kernel", "writeall/2=*20", faults);
	}
}

static const char *const trickles[] = {
	"writev:*:short=1,send:*:short=1,sendmsg:*:short=1", "writev:*:short=7,send:*:short=3,sendmsg:*:short=7",
	"send:2:errno=EAGAIN,sendmsg:1:short=41,sendmsg:2:errno=EAGAIN",
	"sendmsg:1:short=39,sendmsg:2:errno=EINTR,send:1:errno=EINTR,send:2:errno=EAGAIN"
};

EACH_TEST(message, every_call_falls_short, ROWS(trickles), 60)
{
	check_short("memory", "writeall=*20", trickles[*i]);
	check_short("kernel", "writeall=*20", trickles[*i]);
	check_short("memory", "writeall/2=*20", trickles[*i]);
	check_short("kernel", "writeall/2=*20", trickles[*i]);
}
