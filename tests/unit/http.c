/* Proves that the recogniser knows what opens a message, where its head ends, and what the head announces. Every head
 * here is looked at whole, cut in two at every byte, and byte by byte; nothing can be read before its first byte or
 * behind its last one. What is no head is in http_refused.c. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "http.h"
#include "page.h"
#include "recognise.h"

static const char *const methods[] = { "OTHER", "HEAD", "CONNECT" };
static const char *const bodies[] = { "NONE", "LENGTH", "CHUNKED", "UNTIL_CLOSE" };

struct row {
	const char *name;
	const char *head;
	enum http_method answers;
	struct http_head want; /* .size is left out: it is the length of `head` */
};

#define RESPONSE(code, ...)                   \
	{                                     \
		.status = code, ##__VA_ARGS__ \
	}
#define REQUEST(...)                           \
	{                                      \
		.request = true, ##__VA_ARGS__ \
	}
#define NO_BODY  .body = BODY_NONE, .at_once = AT_ONCE_NO_BODY
#define BYTES(n) .body = BODY_LENGTH, .length = n
#define CHUNKED  .body = BODY_CHUNKED
#define CLOSE    .body = BODY_UNTIL_CLOSE
#define TUNNEL   .body = BODY_NONE, .at_once = AT_ONCE_TUNNEL

#define OK   "HTTP/1.1 200 OK\r\n"
#define DATE "Date: Sat, 01 Mar 2025 10:00:00 GMT\r\n"

static const struct row heads[] = {
	/* Responses as real servers write them. */
	{ "python http.server",
	  "HTTP/1.0 200 OK\r\nServer: SimpleHTTP/0.6 Python/3.11.2\r\n" DATE
	  "Content-type: text/html\r\nContent-Length: 2000\r\nLast-Modified: Sat, 01 Mar 2025 09:00:00 GMT\r\n\r\n",
	  .want = RESPONSE(200, BYTES(2000)) },
	{ "wsgiref",
	  "HTTP/1.0 200 OK\r\n" DATE "Server: WSGIServer/0.2 CPython/3.11.2\r\n"
	  "Content-Type: text/plain\r\n\r\n",
	  .want = RESPONSE(200, CLOSE) },
	{ "gunicorn",
	  OK "Server: gunicorn\r\n" DATE "Connection: keep-alive\r\nContent-Type: text/plain\r\n"
	     "Content-Length: 13\r\n\r\n",
	  .want = RESPONSE(200, BYTES(13)) },
	{ "uvicorn", OK DATE "server: uvicorn\r\ncontent-type: text/plain\r\ntransfer-encoding: chunked\r\n\r\n",
	  .want = RESPONSE(200, CHUNKED) },
	{ "aiohttp",
	  OK "Content-Type: text/plain; charset=utf-8\r\nContent-Length: 200\r\n" DATE
	     "Server: Python/3.11 aiohttp/3.8.4\r\n\r\n",
	  .want = RESPONSE(200, BYTES(200)) },
	{ "php -S",
	  OK "Host: localhost:8000\r\n" DATE "Connection: close\r\nX-Powered-By: PHP/8.2.28\r\n"
	     "Content-type: text/html; charset=UTF-8\r\n\r\n",
	  .want = RESPONSE(200, CLOSE) },
	{ "JDK HttpServer", OK DATE "Content-length: 200\r\n\r\n", .want = RESPONSE(200, BYTES(200)) },
	{ "JDK HttpServer, chunked", OK DATE "Transfer-encoding: chunked\r\n\r\n", .want = RESPONSE(200, CHUNKED) },
	{ "busybox httpd",
	  OK DATE "Connection: close\r\nContent-type: text/html\r\nETag: \"67c2d3a0\"\r\n"
	          "Accept-Ranges: bytes\r\nContent-Length:\t2000\r\n\r\n",
	  .want = RESPONSE(200, BYTES(2000)) },
	{ "Apache advertising h2c",
	  OK DATE "Server: Apache/2.4.62 (Debian)\r\nUpgrade: h2,h2c\r\n"
	          "Connection: Upgrade, Keep-Alive\r\nContent-Length: 2000\r\nKeep-Alive: timeout=5, max=100\r\n\r\n",
	  .want = RESPONSE(200, BYTES(2000)) },
	{ "nginx redirect",
	  "HTTP/1.1 302 Moved Temporarily\r\nServer: nginx/1.22.1\r\nContent-Type: text/html\r\n"
	  "Content-Length: 145\r\nConnection: keep-alive\r\nLocation: http://localhost/hello\r\n\r\n",
	  .want = RESPONSE(302, BYTES(145)) },
	{ "node http",
	  OK "X-Powered-By: Express\r\n" DATE "Connection: keep-alive\r\nKeep-Alive: timeout=5\r\n"
	     "Transfer-Encoding: chunked\r\n\r\n",
	  .want = RESPONSE(200, CHUNKED) },
	{ "HTTP::Daemon, bare redirect",
	  "HTTP/1.1 302 Found\r\nServer: libwww-perl-daemon/6.14\r\nLocation: /x\r\n"
	  "Content-Length: 0\r\n\r\n",
	  .want = RESPONSE(302, NO_BODY) },
	{ "transmission 409",
	  "HTTP/1.1 409 Conflict\r\nServer: Transmission\r\nX-Transmission-Session-Id: 7iBq\r\n"
	  "Content-Length: 580\r\n\r\n",
	  .want = RESPONSE(409, BYTES(580)) },
	{ "CGI that prints bare LF", "HTTP/1.0 200 OK\nContent-Type: text/plain\n\n", .want = RESPONSE(200, CLOSE) },

	/* Requests as real clients write them. */
	{ "curl GET", "GET /hello HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n\r\n",
	  .want = REQUEST(NO_BODY) },
	{ "http.client POST",
	  "POST /x HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAccept-Encoding: identity\r\n"
	  "Content-Length: 200\r\n\r\n",
	  .want = REQUEST(BYTES(200)) },
	{ "requests JSON",
	  "POST /api HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: python-requests/2.28.1\r\n"
	  "Accept-Encoding: gzip, deflate\r\nAccept: */*\r\nConnection: keep-alive\r\nContent-Length: 17\r\n"
	  "Content-Type: application/json\r\n\r\n",
	  .want = REQUEST(BYTES(17)) },
	{ "requests generator", "POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n",
	  .want = REQUEST(CHUNKED) },
	{ "HttpURLConnection",
	  "POST /x HTTP/1.1\r\nUser-Agent: Java/17.0.14\r\nHost: 127.0.0.1:8080\r\n"
	  "Accept: text/html, image/gif, image/jpeg, *; q=.2, */*; q=.2\r\nConnection: keep-alive\r\n"
	  "Content-type: application/x-www-form-urlencoded\r\nContent-Length: 200\r\n\r\n",
	  .want = REQUEST(BYTES(200)) },
	{ "curl -T",
	  "PUT /x HTTP/1.1\r\nHost: 127.0.0.1\r\nUser-Agent: curl/7.88.1\r\nAccept: */*\r\n"
	  "Content-Length: 200\r\nExpect: 100-continue\r\n\r\n",
	  .want = REQUEST(BYTES(200), .at_once = AT_ONCE_EXPECT) },
	{ "curl -T from a pipe",
	  "PUT /x HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n"
	  "Expect: 100-continue\r\n\r\n",
	  .want = REQUEST(CHUNKED, .at_once = AT_ONCE_EXPECT) },
	{ "curl --http2 POST",
	  "POST /x HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: Upgrade, HTTP2-Settings\r\n"
	  "Upgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQCAAAAAAIAAAAA\r\nContent-Length: 3\r\n\r\n",
	  .want = REQUEST(BYTES(3), .at_once = AT_ONCE_UPGRADE) },
	{ "WebSocket handshake",
	  "GET /ws HTTP/1.1\r\nHost: 127.0.0.1\r\nUpgrade: websocket\r\n"
	  "Connection: Upgrade\r\nSec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n\r\n",
	  .want = REQUEST(.body = BODY_NONE, .at_once = AT_ONCE_UPGRADE) },
	{ "curl -p",
	  "CONNECT 127.0.0.1:8080 HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nUser-Agent: curl/7.88.1\r\n"
	  "Proxy-Connection: Keep-Alive\r\n\r\n",
	  .want = REQUEST(.method = METHOD_CONNECT, TUNNEL) },
	{ "HEAD request", "HEAD / HTTP/1.1\r\nHost: x\r\n\r\n", .want = REQUEST(.method = METHOD_HEAD, NO_BODY) },
	{ "request through a proxy",
	  "POST http://127.0.0.1:8080/x?a=b HTTP/1.1\r\nHost: 127.0.0.1\r\n"
	  "Content-Length: 1\r\n\r\n",
	  .want = REQUEST(BYTES(1)) },
	{ "OPTIONS *", "OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n", .want = REQUEST(NO_BODY) },
	{ "method with a dash", "M-SEARCH * HTTP/1.1\r\nHOST: 239.255.255.250:1900\r\n\r\n", .want = REQUEST(NO_BODY) },
	{ "method of 32 letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEF / HTTP/1.1\r\n\r\n", .want = REQUEST(NO_BODY) },
	{ "target beyond ASCII", "GET /\xc3\xa4\xff HTTP/1.0\r\n\r\n", .want = REQUEST(NO_BODY) },
	{ "request without fields", "GET / HTTP/1.0\r\n\r\n", .want = REQUEST(NO_BODY) },

	/* Where the head ends. */
	{ "status line alone", OK "\r\n", .want = RESPONSE(200, CLOSE) },
	{ "no reason", "HTTP/1.1 200\r\nContent-Length: 5\r\n\r\n", .want = RESPONSE(200, BYTES(5)) },
	{ "no reason, bare LF", "HTTP/1.1 404\n\n", .want = RESPONSE(404, CLOSE) },
	{ "empty reason", "HTTP/1.1 999 \r\n\r\n", .want = RESPONSE(999, CLOSE) },
	{ "bare LF terminator", OK "Content-Length: 5\r\n\n", .want = RESPONSE(200, BYTES(5)) },
	{ "CRLF behind a bare LF", "HTTP/1.1 200 OK\nContent-Length: 5\n\r\n", .want = RESPONSE(200, BYTES(5)) },
	{ "bare LF throughout", "POST / HTTP/1.1\nContent-Length: 5\n\n", .want = REQUEST(BYTES(5)) },
	{ "two CR before LF", OK "A: b\r\n\r\r\nContent-Length: 5\r\n\r\n", .want = RESPONSE(200, BYTES(5)) },

	/* How long the message is: RFC 9112 section 6.3. */
	{ "Content-Length: 0", OK "Content-Length: 0\r\n\r\n", .want = RESPONSE(200, NO_BODY) },
	{ "request with Content-Length: 0", "POST / HTTP/1.1\r\nContent-Length: 0\r\n\r\n", .want = REQUEST(NO_BODY) },
	{ "field name in capitals", OK "CONTENT-LENGTH: 5\r\n\r\n", .want = RESPONSE(200, BYTES(5)) },
	{ "no blank behind the colon", OK "Content-Length:5\r\n\r\n", .want = RESPONSE(200, BYTES(5)) },
	{ "blanks all around", OK "Content-Length \t: \t 5 \t \r\n\r\n", .want = RESPONSE(200, BYTES(5)) },
	{ "folded Content-Length", OK "Content-Length:\r\n 5\r\n\r\n", .want = RESPONSE(200, BYTES(5)) },
	{ "fold of blanks only", OK "Content-Length: 5\r\n \t \r\n\r\n", .want = RESPONSE(200, BYTES(5)) },
	{ "number in a folded comment", OK "X-A: b\r\n Content-Length: 5\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "leading zeros", OK "Content-Length: 000000000000000000000000005\r\n\r\n", .want = RESPONSE(200, BYTES(5)) },
	{ "largest length", OK "Content-Length: 18446744073709551615\r\n\r\n",
	  .want = RESPONSE(200, BYTES(UINT64_MAX)) },
	{ "the same length twice", OK "Content-Length: 5\r\nContent-Length: 5\r\n\r\n",
	  .want = RESPONSE(200, BYTES(5)) },
	{ "the same length in a list", "POST / HTTP/1.1\r\nContent-Length: 5, 5\r\n\r\n", .want = REQUEST(BYTES(5)) },
	{ "longer field name", OK "Content-Length-Of-Day: 5\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "shorter field name", OK "Content-Lengt: 5\r\nContent: 5\r\nC\r\nC:\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "CR for the dash", OK "Content\rLength: 5\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "chunked after gzip", OK "Transfer-Encoding: gzip, Chunked\r\n\r\n", .want = RESPONSE(200, CHUNKED) },
	{ "chunked in a line of its own", OK "Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n\r\n",
	  .want = RESPONSE(200, CHUNKED) },
	{ "chunked and an empty element", OK "Transfer-Encoding: chunked , \r\n\r\n", .want = RESPONSE(200, CHUNKED) },
	{ "folded coding", OK "Transfer-Encoding: gzip,\r\n\tchunked\r\n\r\n", .want = RESPONSE(200, CHUNKED) },
	{ "chunked beats Content-Length",
	  OK "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n"
	     "Content-Length: 6\r\n\r\n",
	  .want = RESPONSE(200, CHUNKED) },
	{ "chunked is not last", OK "Transfer-Encoding: chunked, gzip\r\nContent-Length: 5\r\n\r\n",
	  .want = RESPONSE(200, CLOSE) },
	{ "chunked is not last, by lines", OK "Transfer-Encoding: chunked\r\nTransfer-Encoding: gzip\r\n\r\n",
	  .want = RESPONSE(200, CLOSE) },
	{ "word that starts like chunked", OK "Transfer-Encoding: chunkedx\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "identity is no coding", OK "Transfer-Encoding: identity\r\nContent-Length: 5\r\n\r\n",
	  .want = RESPONSE(200, BYTES(5)) },

	/* Framing that cannot be told: a response lasts until close, a request goes at once. */
	{ "two different lengths", OK "Content-Length: 5\r\nContent-Length: 6\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "a wrong length between two right ones",
	  OK "Content-Length: 5\r\nContent-Length: x\r\nContent-Length: 5\r\n"
	     "\r\n",
	  .want = RESPONSE(200, CLOSE) },
	{ "negative length", OK "Content-Length: -1\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "empty length", OK "Content-Length:\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "two numbers", OK "Content-Length: 5 5\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "length one too large", OK "Content-Length: 18446744073709551616\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "length of 2^65", OK "Content-Length: 36893488147419103232\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "request of two lengths", "POST / HTTP/1.1\r\nContent-Length: 5, 6\r\n\r\n",
	  .want = REQUEST(CLOSE, .at_once = AT_ONCE_UNCLEAR) },
	{ "request with a last coding of gzip", "POST / HTTP/1.1\r\nTransfer-Encoding: gzip\r\n\r\n",
	  .want = REQUEST(CLOSE, .at_once = AT_ONCE_UNCLEAR) },

	/* Statuses and answers without a body. */
	{ "100", "HTTP/1.1 100 Continue\r\n\r\n", .want = RESPONSE(100, NO_BODY) },
	{ "103", "HTTP/1.1 103 Early Hints\r\nLink: </style.css>; rel=preload; as=style\r\n\r\n",
	  .want = RESPONSE(103, NO_BODY) },
	{ "101", "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n",
	  .want = RESPONSE(101, TUNNEL) },
	{ "204", "HTTP/1.1 204 No Content\r\n\r\n", .want = RESPONSE(204, NO_BODY) },
	{ "304 with a length", "HTTP/1.1 304 Not Modified\r\nContent-Length: 2000\r\n\r\n",
	  .want = RESPONSE(304, NO_BODY) },
	{ "204 that claims chunks", "HTTP/1.1 204 No Content\r\nTransfer-Encoding: chunked\r\n\r\n",
	  .want = RESPONSE(204, NO_BODY) },
	{ "answer to HEAD", OK "Content-Length: 2000\r\n\r\n", METHOD_HEAD,
	  RESPONSE(200, NO_BODY, .method = METHOD_HEAD) },
	{ "chunked answer to HEAD", OK "Transfer-Encoding: chunked\r\n\r\n", METHOD_HEAD,
	  RESPONSE(200, NO_BODY, .method = METHOD_HEAD) },
	{ "2xx to CONNECT", "HTTP/1.0 200 Connection established\r\nProxy-agent: tinyproxy/1.11.1\r\n\r\n",
	  METHOD_CONNECT, RESPONSE(200, TUNNEL, .method = METHOD_CONNECT) },
	{ "2xx to CONNECT that claims a length", "HTTP/1.1 201 Yes\r\nContent-Length: 5\r\n\r\n", METHOD_CONNECT,
	  RESPONSE(201, TUNNEL, .method = METHOD_CONNECT) },
	{ "refusal of CONNECT", "HTTP/1.1 403 Forbidden\r\nContent-Length: 5\r\n\r\n", METHOD_CONNECT,
	  RESPONSE(403, BYTES(5), .method = METHOD_CONNECT) },

	/* Streams and conversations. */
	{ "event stream", OK "Content-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n",
	  .want = RESPONSE(200, CHUNKED, .at_once = AT_ONCE_STREAM) },
	{ "event stream with a charset", OK "content-type: Text/Event-Stream ;charset=utf-8\r\n\r\n",
	  .want = RESPONSE(200, CLOSE, .at_once = AT_ONCE_STREAM) },
	{ "camera", "HTTP/1.0 200 OK\r\nContent-Type: multipart/x-mixed-replace;boundary=frame\r\n\r\n",
	  .want = RESPONSE(200, CLOSE, .at_once = AT_ONCE_STREAM) },
	{ "X-Accel-Buffering: no", OK "X-Accel-Buffering: No\r\nContent-Length: 5\r\n\r\n",
	  .want = RESPONSE(200, BYTES(5), .at_once = AT_ONCE_STREAM) },
	{ "X-Accel-Buffering: yes", OK "X-Accel-Buffering: yes\r\nContent-Length: 5\r\n\r\n",
	  .want = RESPONSE(200, BYTES(5)) },
	{ "event stream that answers HEAD", OK "Content-Type: text/event-stream\r\n\r\n", METHOD_HEAD,
	  RESPONSE(200, NO_BODY, .method = METHOD_HEAD) },
	{ "another type of text", OK "Content-Type: text/event-streams\r\n\r\n", .want = RESPONSE(200, CLOSE) },
	{ "stream type in a request", "POST / HTTP/1.1\r\nContent-Type: text/event-stream\r\nContent-Length: 5\r\n\r\n",
	  .want = REQUEST(BYTES(5)) },
	{ "Expect in capitals", "PUT / HTTP/1.1\r\nEXPECT:100-Continue\r\nContent-Length: 5\r\n\r\n",
	  .want = REQUEST(BYTES(5), .at_once = AT_ONCE_EXPECT) },
	{ "Expect in a response", OK "Expect: 100-continue\r\nContent-Length: 5\r\n\r\n",
	  .want = RESPONSE(200, BYTES(5)) },
	{ "Upgrade-Insecure-Requests", "POST / HTTP/1.1\r\nUpgrade-Insecure-Requests: 1\r\nContent-Length: 5\r\n\r\n",
	  .want = REQUEST(BYTES(5)) },
};

/* Bytes written behind a head; they must not change what the head says. */
static const char *const rests[] = {
	"", "x", "\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", "Content-Length: 7\r\n\r\n", " folded\r\n\r\n",
};

static bool opens(const char *bytes, size_t n)
{
	return http_opens(page_place(bytes, n), n);
}

/* Expects the verdict, the size and everything else that the row announces. */
static void expect_row(const struct row *row, const char *how, size_t at, const char *bytes, size_t n, size_t seen)
{
	struct http_head got = { .size = 0 };
	const struct http_head *want = &row->want;
	const char *name = row->name;
	size_t size = strlen(row->head);
	enum http_verdict verdict = look(bytes, n, seen, row->answers, &got);

	expect_verdict(name, how, at, verdict, HTTP_HEAD);
	if (verdict != HTTP_HEAD)
		return;
	cr_expect(got.size == size, "%s, %s %zu: head of %zu bytes, want %zu", name, how, at, got.size, size);
	cr_expect(got.request == want->request, "%s, %s %zu: taken for a %s", name, how, at,
	          got.request ? "request" : "response");
	cr_expect(got.status == want->status, "%s, %s %zu: status %u, want %u", name, how, at, got.status,
	          want->status);
	cr_expect(got.method == want->method, "%s, %s %zu: method %s, want %s", name, how, at, methods[got.method],
	          methods[want->method]);
	cr_expect(got.body == want->body, "%s, %s %zu: body %s, want %s", name, how, at, bodies[got.body],
	          bodies[want->body]);
	cr_expect(got.length == want->length, "%s, %s %zu: length %llu, want %llu", name, how, at,
	          (unsigned long long)got.length, (unsigned long long)want->length);
	cr_expect(got.at_once == want->at_once, "%s, %s %zu: at once '%s', want '%s'", name, how, at,
	          http_at_once_name(got.at_once), http_at_once_name(want->at_once));
}

/* How many bytes of its head the first write needs for the message to be recognised. */
static size_t opening(const struct row *row)
{
	return row->want.request ? (size_t)(strstr(row->head, " HTTP/1.") - row->head) + 8 : 8;
}

Test(http, a_whole_head_is_read_whatever_follows)
{
	for (const struct row *row = heads; row < heads + COUNT(heads); row++) {
		for (size_t r = 0; r < COUNT(rests); r++) {
			char bytes[1024];
			size_t n = (size_t)snprintf(bytes, sizeof(bytes), "%s%s", row->head, rests[r]);

			expect_row(row, "followed by rest", r, bytes, n, 0);
		}
	}
}

Test(http, a_head_cut_in_two_reads_like_a_whole_one)
{
	for (const struct row *row = heads; row < heads + COUNT(heads); row++) {
		size_t n = strlen(row->head);

		for (size_t cut = opening(row); cut < n; cut++)
			expect_row(row, "cut at", cut, row->head, n, cut);
	}
}

Test(http, a_head_byte_by_byte_ends_at_its_last_byte)
{
	for (const struct row *row = heads; row < heads + COUNT(heads); row++) {
		size_t size = strlen(row->head);
		struct http_head got = { .size = 0 };

		for (size_t n = opening(row) + 1; n < size; n++)
			expect_verdict(row->name, "byte", n, look(row->head, n, n - 1, row->answers, &got), HTTP_MORE);
		expect_row(row, "byte", size, row->head, size, size - 1);
	}
}

Test(http, a_head_opens_as_soon_as_its_version_is_there)
{
	for (const struct row *row = heads; row < heads + COUNT(heads); row++) {
		struct http_head got = { .size = 0 };

		for (size_t n = 0; n < strlen(row->head); n++) {
			bool want = n >= opening(row);
			enum http_verdict verdict = look(row->head, n, 0, row->answers, &got);

			cr_expect(opens(row->head, n) == want, "%s: %zu bytes %s a message", row->name, n,
			          want ? "do not open" : "open");
			expect_verdict(row->name, "first write of bytes", n, verdict, want ? HTTP_MORE : HTTP_NO);
			if (want)
				cr_expect(http_may_open(row->head, n), "%s: %zu bytes are turned away", row->name, n);
		}
	}
}

Test(http, a_head_without_a_body_always_has_a_reason_to_go_at_once)
{
	for (const struct row *row = heads; row < heads + COUNT(heads); row++) {
		struct http_head got = { .size = 0 };

		look(row->head, strlen(row->head), 0, row->answers, &got);
		cr_expect(got.body != BODY_NONE || got.at_once != AT_ONCE_NO, "%s: held for no body", row->name);
	}
}

Test(http, the_method_is_known_from_its_first_bytes)
{
	static const struct {
		const char *bytes;
		enum http_verdict want;
		enum http_method method;
	} reads[] = {
		{ "", HTTP_MORE, METHOD_OTHER },
		{ "H", HTTP_MORE, METHOD_OTHER },
		{ "HEAD", HTTP_MORE, METHOD_OTHER },
		{ "HEAD ", HTTP_HEAD, METHOD_HEAD },
		{ "HEAD / HTTP/1.1\r\n", HTTP_HEAD, METHOD_HEAD },
		{ "HEADER / HTTP/1.1\r\n", HTTP_HEAD, METHOD_OTHER },
		{ "head / HTTP/1.1\r\n", HTTP_HEAD, METHOD_OTHER },
		{ "CO", HTTP_MORE, METHOD_OTHER },
		{ "CONNECT", HTTP_MORE, METHOD_OTHER },
		{ "CONNECT ", HTTP_HEAD, METHOD_CONNECT },
		{ "CONNECTS ", HTTP_HEAD, METHOD_OTHER },
		{ "COPY /", HTTP_HEAD, METHOD_OTHER },
		{ "G", HTTP_HEAD, METHOD_OTHER },
		{ "\r\n", HTTP_MORE, METHOD_OTHER },
		{ "\r\nHEAD ", HTTP_HEAD, METHOD_HEAD },
		{ "\nGET ", HTTP_HEAD, METHOD_OTHER },
	};

	for (size_t i = 0; i < COUNT(reads); i++) {
		size_t n = strlen(reads[i].bytes);
		enum http_method method = METHOD_OTHER;
		enum http_verdict got = http_request_method(page_place(reads[i].bytes, n), n, &method);

		cr_expect(got == reads[i].want, "'%s': got %s, want %s", reads[i].bytes, verdicts[got],
		          verdicts[reads[i].want]);
		cr_expect(method == reads[i].method, "'%s': method %s, want %s", reads[i].bytes, methods[method],
		          methods[reads[i].method]);
	}
}

Test(http, every_reason_has_a_word_of_its_own)
{
	for (int a = AT_ONCE_NO; a <= AT_ONCE_UNCLEAR; a++) {
		for (int b = AT_ONCE_NO; b < a; b++) {
			const char *one = http_at_once_name((enum http_at_once)a);
			const char *other = http_at_once_name((enum http_at_once)b);

			cr_expect(strcmp(one, other) != 0, "reasons %d and %d are both called '%s'", a, b, one);
		}
	}
}
