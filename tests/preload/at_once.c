/* Proves that a head goes out in the call that wrote it when no body follows it, or when the peer speaks next.
 *
 * The timeout is long; `await` reports whether the peer has everything well before it. */
#include "harness.h"

#define LINE(status)   "HTTP/1.1 " status "\r\nServer: a server\r\n"
#define THEN_A_MESSAGE "write=" HEAD, "write=*200"

static const struct scenario responses[] = {
	{ "100 Continue", { "write=" LINE("100 Continue") "\r\n", "await" } },
	{ "102 Processing", { "write=" LINE("102 Processing") "\r\n", "await" } },
	{ "103 Early Hints", { "write=" LINE("103 Early Hints") "Link: </a.css>; rel=preload\r\n\r\n", "await" } },
	{ "204", { "write=" LINE("204 No Content") "\r\n", "await" } },
	{ "304", { "write=" LINE("304 Not Modified") "\r\n", "await" } },
	{ "304 with the Content-Length of what it spares",
	  { "write=" LINE("304 Not Modified") "Content-Length: 200\r\n\r\n", "await" } },
	{ "Content-Length: 0", { "write=" LINE("302 Found") "Location: /\r\nContent-Length: 0\r\n\r\n", "await" } },
	{ "101 Switching Protocols",
	  { "write=" LINE("101 Switching Protocols") "Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "await" } },
	{ "a tunnel after 101: what looks like a head is left alone",
	  { "write=" LINE("101 Switching Protocols") "Upgrade: other\r\n\r\n", "await", "write=" HEAD, "await",
	    "write=*200", "await" } },
	{ "text/event-stream",
	  { "write=" LINE("200 OK") "Content-Type: text/event-stream\r\n\r\n", "await", "write=data: 1\n\n",
	    "await" } },
	{ "text/event-stream with a charset, oddly spelt",
	  { "write=" LINE(
		    "200 OK") "content-type:Text/Event-Stream; charset=utf-8\r\nTransfer-Encoding: chunked\r\n\r\n",
	    "await" } },
	{ "multipart/x-mixed-replace",
	  { "write=" LINE("200 OK") "Content-Type: multipart/x-mixed-replace; boundary=x\r\n\r\n", "await" } },
	{ "X-Accel-Buffering: no",
	  { "write=" LINE("200 OK") "X-Accel-Buffering: no\r\nContent-Length: 200\r\n\r\n", "await", "write=*200" } },
	{ "send with MSG_NOSIGNAL", { "send+MSG_NOSIGNAL=" LINE("204 No Content") "\r\n", "await" } },
	{ "writev", { "writev/3=" LINE("204 No Content") "\r\n", "await" } },
};
SCENARIO_TESTS(at_once, responses);

static const struct scenario requests[] = {
	{ "GET", { "connect", "write=GET / HTTP/1.1\r\nHost: here\r\n\r\n", "await" } },
	{ "DELETE without a body", { "connect", "write=DELETE /x HTTP/1.1\r\nHost: here\r\n\r\n", "await" } },
	{ "POST with Content-Length: 0", { "connect", "write=POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", "await" } },
	{ "POST with Expect: 100-continue",
	  { "connect", "write=POST / HTTP/1.1\r\nContent-Length: 200\r\nExpect: 100-continue\r\n\r\n", "await",
	    "write=*200" } },
	{ "PUT with expect in other letters",
	  { "connect", "write=PUT / HTTP/1.1\r\ntransfer-encoding: chunked\r\nexpect:100-Continue\r\n\r\n", "await" } },
	{ "GET with Upgrade",
	  { "connect", "write=GET /ws HTTP/1.1\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n", "await" } },
	{ "POST with Upgrade: h2c",
	  { "connect", "write=POST / HTTP/1.1\r\nUpgrade: h2c\r\nContent-Length: 200\r\n\r\n", "await" } },
	{ "CONNECT, and then what looks like a head",
	  { "connect", "write=CONNECT there:443 HTTP/1.1\r\nHost: there\r\n\r\n", "await",
	    "peer=HTTP/1.1 200 OK\r\n\r\n", "read=100", "write=POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n", "await",
	    "write=*200" } },
};

EACH_TEST(at_once, requests, ROWS(requests), 30)
{
	struct scenario s = requests[*i];

	s.clients = -1;
	check_scenario(&s);
}

/* A message without a body whose head comes in several writes: whatever was held of it goes with the write that
 * completes the head. */
static const struct scenario in_pieces[] = {
	{ "GET line by line",
	  { "connect", "write=GET / HTTP/1.1\r\n", "write=Host: here\r\n", "write=\r\n", "await" },
	  "@(writev|sendmsg) iov=* bytes=30* = 30",
	  .clients = -1 },
	{ "204 with a lone final CRLF",
	  { "write=" LINE("204 No Content"), "write=\r\n", "await" },
	  "@(writev|sendmsg) iov=* bytes=45* = 45" },
	{ "204 with a lone final CRLF by send and MSG_NOSIGNAL",
	  { "send+MSG_NOSIGNAL=" LINE("204 No Content"), "send+MSG_NOSIGNAL=\r\n", "await" },
	  "sendmsg iov=* bytes=45 flags=MSG_NOSIGNAL = 45" },
};
SCENARIO_TESTS(at_once, in_pieces);

/* A response is treated by the request that it answers, and the request is recognised by whatever call it is read. The
 * longest of these requests has 30 bytes. */
#define HEAD_REQUEST "HEAD / HTTP/1.1\r\nA: 123456\r\n\r\n"
#define GET_REQUEST  "GET /a HTTP/1.1\r\nA: 12345\r\n\r\n"
#define HEAD_ANSWER  "write=" HEAD, "await"

static const struct scenario answers[] = {
	{ "HEAD by read", { "read=500", HEAD_ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD by readv", { "readv=500", HEAD_ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD by recv", { "recv=500", HEAD_ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD by recv with MSG_DONTWAIT", { "recv+MSG_DONTWAIT=500", HEAD_ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD by recvfrom", { "recvfrom=500", HEAD_ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD by recvmsg", { "recvmsg=500", HEAD_ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD by recvmmsg", { "recvmmsg=500", HEAD_ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD byte by byte", { "readeach=30", HEAD_ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD cut after its first letter", { "recv=1", "recv=29", HEAD_ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD after a look by MSG_PEEK",
	  { "recv+MSG_PEEK=3", "recv+MSG_PEEK=30", "recv=30", HEAD_ANSWER },
	  .request = HEAD_REQUEST },
	{ "CONNECT: a tunnel after the 200, and what looks like a head in it is left alone",
	  { "read=500", "write=" LINE("200 Connection established") "\r\n", "await", "write=" HEAD, "await",
	    "write=*200", "await" },
	  .request = "CONNECT there:443 HTTP/1.1\r\n\r\n" },
	{ "CONNECT byte by byte",
	  { "readeach=30", "write=" LINE("200 OK") "\r\n", "await", "write=" HEAD, "await" },
	  .request = "CONNECT there:443 HTTP/1.1\r\n\r\n" },
};
SCENARIO_TESTS(at_once, answers);

/* A head that went at once does not prevent that the next message is joined. */
#define JOINED "writev iov=2 bytes=300 = 300"

static const struct scenario afterwards[] = {
	{ "a message after 204",
	  { "write=" LINE("204 No Content") "\r\n", "await", THEN_A_MESSAGE },
	  "write *, " JOINED },
	{ "a message after 100 Continue",
	  { "write=" LINE("100 Continue") "\r\n", "await", THEN_A_MESSAGE },
	  "write *, " JOINED },
	{ "GET after HEAD",
	  { "read=500", HEAD_ANSWER, "peer=" GET_REQUEST, "read=500", THEN_A_MESSAGE },
	  "write *, " JOINED,
	  .request = HEAD_REQUEST },
	{ "HEAD after GET",
	  { "read=500", THEN_A_MESSAGE, "peer=" HEAD_REQUEST, "read=500", HEAD_ANSWER },
	  JOINED ", write bytes=100 = 100",
	  .request = GET_REQUEST },
	{ "a refused CONNECT is no tunnel",
	  { "read=500", "write=" LINE("407 Who") "Content-Length: 0\r\n\r\n", "await", "peer=" GET_REQUEST, "read=500",
	    THEN_A_MESSAGE },
	  "write *, " JOINED,
	  .request = "CONNECT there:443 HTTP/1.1\r\n\r\n" },
	{ "Upgrade in a final response is only an advertisement",
	  { "write=" LINE("200 OK") "Upgrade: h2c\r\nContent-Length: 200\r\n\r\n", "write=*200" },
	  "writev iov=2 bytes=*" },
};
SCENARIO_TESTS(at_once, afterwards);
