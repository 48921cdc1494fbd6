/* Proves that all bytes arrive, and in which messages they are joined, whatever a server reads before, between and
 * behind its responses: interim responses (1xx) come in between, bodies begin like a request, and several requests come
 * in one read. There the library may not know which request a response answers. */
#include "harness.h"
#include "number.h"

#include <stdio.h>

#define INTERIM      BUILD_DIR "/tests/programs/p_interim"
#define LINE(status) "HTTP/1.1 " status "\r\nServer: a server\r\n"
#define CONTINUE     "write=HTTP/1.1 100 Continue\r\n\r\n", "await"
#define HINTS        "write=" LINE("103 Early Hints") "Link: </a.css>; rel=preload\r\n\r\n", "await"
#define HEAD_REQUEST "HEAD / HTTP/1.1\r\nA: 123456\r\n\r\n"
#define GET_REQUEST  "GET /a HTTP/1.1\r\nA: 12345\r\n\r\n"
#define POST_REQUEST "POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 16\r\n\r\n"
#define A_MESSAGE    "write=" HEAD, "write=*200"
#define ANOTHER      "peer=" GET_REQUEST, "read=500", A_MESSAGE
#define JOINED       "writev iov=2 bytes=300 = 300"

static const struct scenario before_the_response[] = {
	{ "103 and then a message", { "read=500", HINTS, A_MESSAGE }, "write *, " JOINED, .request = GET_REQUEST },
	{ "three times 103 and then a message",
	  { "read=500", HINTS, HINTS, HINTS, A_MESSAGE },
	  "write *, write *, write *, " JOINED,
	  .request = GET_REQUEST },
	{ "103 and then the answer to HEAD", { "read=500", HINTS, "write=" HEAD, "await" }, .request = HEAD_REQUEST },
	{ "103, the rest of the request, and the answer to HEAD",
	  { "read=20", HINTS, "read=500", "write=" HEAD, "await" },
	  .request = HEAD_REQUEST },
	{ "103 amid the word HEAD",
	  { "read=2", HINTS, "recv=2", HINTS, "read=500", "write=" HEAD, "await" },
	  .request = HEAD_REQUEST },
	{ "103 before anything is read", { HINTS, "read=500", "write=" HEAD, "await" }, .request = HEAD_REQUEST },
	{ "HEAD with a body that begins like a GET",
	  { "read=500", CONTINUE, "peer=GET / HTTP/1.1", "read=500", "write=" HEAD, "await", ANOTHER },
	  "write *, write *, " JOINED,
	  .request = HEAD_REQUEST },
	{ "POST with a body that begins like a HEAD",
	  { "read=500", CONTINUE, "peer=HEAD / HTTP/1.1\r\n", "read=500", A_MESSAGE, ANOTHER },
	  "write *, " JOINED ", " JOINED,
	  .request = POST_REQUEST },
	{ "POST with a body that begins like a HEAD, byte by byte",
	  { "read=500", CONTINUE, "peer=HEAD / HTTP/1.1\r\n", "readeach=17", A_MESSAGE, ANOTHER },
	  "write *, " JOINED ", " JOINED,
	  .request = POST_REQUEST },
	{ "POST with a body that begins like a CONNECT: no tunnel",
	  { "read=500", CONTINUE, "peer=CONNECT a:1 HTTP", "read=500", A_MESSAGE, ANOTHER },
	  "write *, " JOINED ", " JOINED,
	  .request = POST_REQUEST },
	{ "an upgrade, after 103",
	  { "read=500", HINTS, "write=" LINE("101 Switching Protocols") "Upgrade: other\r\n\r\n", "await",
	    "peer=" HEAD_REQUEST, "read=500", "write=" HEAD, "await", "write=*200", "await" },
	  .request = "GET / HTTP/1.1\r\nUpgrade: other\r\n\r\n" },
	{ "an upgrade before the request is read whole",
	  { "read=2", "write=" LINE("101 Switching Protocols") "Upgrade: other\r\n\r\n", "await", "read=500",
	    "write=" HEAD, "await", "write=*200", "await" },
	  .request = HEAD_REQUEST },
};
SCENARIO_TESTS(interim, before_the_response);

/* What is read behind a response may be the rest of a body that was answered early, and of several requests in one read
 * only the first is seen. */
#define REFUSED "write=" LINE("413 Too Large") "Content-Length: 2\r\n\r\n", "write=no"

static const struct scenario behind_the_response[] = {
	{ "a body answered early, then a message",
	  { "read=500", REFUSED, "peer=x=1&y=2", "read=7", ANOTHER },
	  "writev iov=2 *, " JOINED,
	  .request = POST_REQUEST },
	{ "a body answered early that begins like a HEAD",
	  { "read=500", REFUSED, "peer=HEAD abc", "read=8", ANOTHER, ANOTHER },
	  "writev iov=2 *, write *, write *, " JOINED,
	  .request = POST_REQUEST },
	{ "a body answered early that begins like a GET, and a HEAD that is not seen for it",
	  { "read=500", REFUSED, "peer=GET abcd", "read=8", "peer=" HEAD_REQUEST, "read=500", "write=" HEAD, ANOTHER },
	  "writev iov=2 *, * bytes=100*, " JOINED,
	  .request = POST_REQUEST },
	{ "a request whose line comes after the response",
	  { "read=2", REFUSED, "read=500", ANOTHER },
	  "writev iov=2 *, " JOINED,
	  .request = HEAD_REQUEST },
	{ "HEAD behind GET in one read",
	  { "read=500", A_MESSAGE, "write=" HEAD, ANOTHER },
	  ANY_CALLS,
	  .request = GET_REQUEST HEAD_REQUEST },
	{ "GET behind HEAD in one read",
	  { "read=500", "write=" HEAD, "await", A_MESSAGE, ANOTHER },
	  ANY_CALLS,
	  .request = HEAD_REQUEST GET_REQUEST },
	{ "HEAD behind GET, both read before the first is answered",
	  { "read=29", "read=500", A_MESSAGE, "write=" HEAD, ANOTHER },
	  ANY_CALLS,
	  .request = GET_REQUEST HEAD_REQUEST },
	{ "HEAD behind GET, cut within its word",
	  { "read=31", A_MESSAGE, "read=500", "write=" HEAD, ANOTHER },
	  ANY_CALLS,
	  .request = GET_REQUEST HEAD_REQUEST },
	{ "both answers in one write",
	  { "read=500", "write=" HEAD, "writev/2=*200", ANOTHER },
	  ANY_CALLS,
	  .request = GET_REQUEST HEAD_REQUEST },
	{ "empty lines before a HEAD, one by one",
	  { "readeach=8", "read=500", "write=" HEAD, "await" },
	  .request = "\r\n\r\n\r\n\r\n" HEAD_REQUEST },
	{ "a proxy's line before a HEAD",
	  { "read=500", "write=" HEAD, ANOTHER },
	  "* bytes=100*, " JOINED,
	  .request = "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\n" HEAD_REQUEST },
};
SCENARIO_TESTS(interim, behind_the_response);

/* Any number of interim responses makes no difference, whatever byte is read behind each. */
static const struct {
	const char *request, *letters, *answer;
	int least; /* how many letters complete the request */
} programs[] = {
	{ HEAD_REQUEST, "A", "alone" },
	{ HEAD_REQUEST, "\n", "alone" },
	{ HEAD_REQUEST, "GET / HTTP/1.1\r\n", "alone" },
	{ HEAD_REQUEST, "CONNECT ", "alone" },
	{ GET_REQUEST, "HEAD ", "joined" },
	{ POST_REQUEST, "CONNECT HEAD ", "joined" },
	{ "CONNE", "CT a:1 HTTP/1.1\r\n\r\n", "joined", 20 },
	{ "HEA", "D / HTTP/1.1\r\n\r\n", "alone", 16 },
};

static void check_program(size_t i, const char *count, const char *hold, const char *join)
{
	struct setup setup = { .args = { INTERIM, count, programs[i].letters, programs[i].answer },
		               .request = programs[i].request,
		               .hold = hold,
		               .join = join };
	char name[128];

	snprintf(name, sizeof name, "%s times, %.6s, %s, hold %s, join %s", count, programs[i].request,
	         programs[i].letters, hold, join);
	run_free(check_same(name, &setup));
}

EACH_TEST(interim, any_number_of_them_is_the_same, ROWS(programs), 60)
{
	static const char *const counts[] = { "0", "1", "3", "4", "5", "9", "40", "300" };

	for (size_t n = 0; n < ROWS(counts); n++) {
		if (natural("the count", counts[n]) >= programs[*i].least) {
			check_program(*i, counts[n], "memory", "header");
			check_program(*i, counts[n], "kernel", "message");
		}
	}
}
