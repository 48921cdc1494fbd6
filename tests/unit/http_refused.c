/* Proves that the recogniser takes nothing else for a head: no other protocol, no malformed start line, and nothing
 * that is longer than HTTP_HEAD_MAX. */
#include <criterion/criterion.h>
#include <string.h>

#include "http.h"
#include "recognise.h"

/* Nothing that starts so is ever a head, however much of it is there. */
static const struct {
	const char *name, *bytes;
} others[] = {
	{ "HTTP/2 preface", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" },
	{ "HTTP/2 status line", "HTTP/2 200\r\n\r\n" },
	{ "RTSP request", "OPTIONS rtsp://127.0.0.1/media RTSP/1.0\r\nCSeq: 1\r\n\r\n" },
	{ "RTSP response", "RTSP/1.0 200 OK\r\nCSeq: 1\r\n\r\n" },
	{ "ICAP request", "REQMOD icap://127.0.0.1/x ICAP/1.0\r\nHost: x\r\n\r\n" },
	{ "ICAP response", "ICAP/1.0 204 Unmodified\r\n\r\n" },
	{ "SIP request", "INVITE sip:a@127.0.0.1 SIP/2.0\r\nContent-Length: 0\r\n\r\n" },
	{ "SIP response", "SIP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n" },
	{ "Shoutcast response", "ICY 200 OK\r\nicy-name: x\r\n\r\n" },
	{ "SMTP", "EHLO localhost HTTP\r\n\r\n" },
	{ "SSH banner", "SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n\n" },
	{ "TLS hello", "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 / HTTP/1.1\r\n\r\n" },
	{ "last chunk", "0\r\n\r\n" },
	{ "multipart body", "--b\r\nContent-Type: text/plain\r\n\r\nGET / HTTP/1.1\r\n\r\n" },
	{ "HTTP/0.9", "GET /\r\n\r\n" },
	{ "lower-case response", "http/1.1 200 OK\r\n\r\n" },
	{ "method that starts in lower case", "get / HTTP/1.1\r\n\r\n" },
	{ "method of 33 letters", "ABCDEFGHIJKLMNOPQRSTUVWXYZABCDEFG / HTTP/1.1\r\n\r\n" },
	{ "method with a slash", "GET/ / HTTP/1.1\r\n\r\n" },
	{ "no target", "GET  HTTP/1.1\r\n\r\n" },
	{ "two targets", "GET / / HTTP/1.1\r\n\r\n" },
	{ "tab in the target", "GET /\t HTTP/1.1\r\n\r\n" },
	{ "line end in the target", "GET /\r\nA: b HTTP/1.1\r\n\r\n" },
	{ "DEL in the target", "GET /\x7f HTTP/1.1\r\n\r\n" },
	{ "tab before the version", "GET /\tHTTP/1.1\r\n\r\n" },
	{ "no minor version", "GET / HTTP/1.\r\n\r\n" },
	{ "prose behind the version", "GET / HTTP/1.1 is how it starts\r\n\r\n" },
	{ "two-digit minor version", "GET / HTTP/1.10\r\n\r\n" },
	{ "version alone", "HTTP/1.1\r\n\r\n" },
	{ "version and one digit", "HTTP/1.1 2\n\n" },
	{ "status of two digits", "HTTP/1.1 20 OK\r\n\r\n" },
	{ "status of four digits", "HTTP/1.1 2000 OK\r\n\r\n" },
	{ "status below 100", "HTTP/1.1 099 OK\r\n\r\n" },
	{ "status of letters", "HTTP/1.1 abc OK\r\n\r\n" },
	{ "two blanks before the status", "HTTP/1.1  200 OK\r\n\r\n" },
	{ "status line without a status", "HTTP/1.1 OK\nno empty line" },
	{ "minor version of a letter", "HTTP/1.x 200 OK\r\n\r\n" },
};

Test(http, other_protocols_and_malformed_start_lines_are_no_heads)
{
	for (size_t i = 0; i < COUNT(others); i++) {
		const char *name = others[i].name, *bytes = others[i].bytes;
		size_t n = strlen(bytes);
		struct http_head got = { .size = 0 };

		for (size_t cut = 0; cut <= n; cut++) {
			enum http_verdict verdict = look(bytes, cut, 0, METHOD_OTHER, &got);

			cr_expect(verdict != HTTP_HEAD, "%s: its first %zu bytes are taken for a head", name, cut);
			if (verdict == HTTP_MORE)
				verdict = look(bytes, n, cut, METHOD_OTHER, &got);
			expect_verdict(name, "cut at", cut, verdict, HTTP_NO);
		}
	}
}

/* A head of exactly `size` bytes. */
static void long_head(char *bytes, size_t size)
{
	static const char start[] = "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nX-Long: ";

	memset(bytes, 'x', size);
	memcpy(bytes, start, sizeof(start) - 1);
	memcpy(bytes + size - 4, "\r\n\r\n", 4);
}

Test(http, a_head_may_fill_its_limit_and_no_more)
{
	static const struct {
		const char *name;
		size_t size, n, seen;
		enum http_verdict want;
	} looks[] = {
		{ "at the limit", HTTP_HEAD_MAX, HTTP_HEAD_MAX, 0, HTTP_HEAD },
		{ "at the limit, resumed", HTTP_HEAD_MAX, HTTP_HEAD_MAX, HTTP_HEAD_MAX - 1, HTTP_HEAD },
		{ "at the limit, before a body", HTTP_HEAD_MAX, HTTP_HEAD_MAX + 5, 0, HTTP_HEAD },
		{ "at the limit but for its last byte", HTTP_HEAD_MAX, HTTP_HEAD_MAX - 1, 0, HTTP_MORE },
		{ "over the limit", HTTP_HEAD_MAX + 1, HTTP_HEAD_MAX + 1, 0, HTTP_NO },
		{ "over the limit, resumed", HTTP_HEAD_MAX + 1, HTTP_HEAD_MAX + 1, HTTP_HEAD_MAX - 1, HTTP_NO },
		{ "over the limit but for its last byte", HTTP_HEAD_MAX + 1, HTTP_HEAD_MAX, 0, HTTP_NO },
		{ "over the limit but for its last byte, resumed", HTTP_HEAD_MAX + 1, HTTP_HEAD_MAX, 100, HTTP_NO },
	};
	static char bytes[2 * HTTP_HEAD_MAX];
	struct http_head got = { .size = 0 };

	for (size_t i = 0; i < COUNT(looks); i++) {
		long_head(bytes, looks[i].size);
		expect_verdict(looks[i].name, "bytes", looks[i].n,
		               look(bytes, looks[i].n, looks[i].seen, METHOD_OTHER, &got), looks[i].want);
		if (looks[i].want == HTTP_HEAD)
			cr_expect(got.size == looks[i].size, "%s: head of %zu bytes, want %zu", looks[i].name, got.size,
			          looks[i].size);
	}
}

Test(http, a_target_may_not_exceed_the_limit)
{
	static char bytes[HTTP_HEAD_MAX + 100];
	struct http_head got = { .size = 0 };

	memset(bytes, 'x', sizeof(bytes));
	memcpy(bytes, "GET /", 5);
	memcpy(bytes + sizeof(bytes) - 13, " HTTP/1.1\r\n\r\n", 13);
	expect_verdict("long target", "bytes", sizeof(bytes), look(bytes, sizeof(bytes), 0, METHOD_OTHER, &got),
	               HTTP_NO);
}
