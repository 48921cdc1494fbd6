/* The libFuzzer target for the pure modules (http.c, framing.c, request.c), run by `make fuzz-http`. It checks that
 * they read nothing outside their input (each write and each read is a buffer of its own, so AddressSanitizer sees it),
 * that they answer the same however the input is split, and that they keep the promises of http.h and request.h.
 *
 * An input is three bytes, and then what a program writes. First byte '0', '1', '2': the program answers a request of
 * another method, a HEAD, or a CONNECT; '3': what follows is a chunked body. The other two bytes say where the writes
 * are cut. So the corpus is plain text.
 *
 * '4' to '7': what follows is what a server reads. '<' stands for a final response, '^' for an interim one, '!' for a
 * tunnel, and '|' for the end of a read. It begins with the connection's first request, unless the byte is '5' or '7'.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "framing.h"
#include "http.h"
#include "request.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n);

#define MUST(truth) ((truth) ? (void)0 : broken(#truth))

static void broken(const char *promise)
{
	fprintf(stderr, "broken promise: %s\n", promise);
	abort();
}

/* The bytes of one write, in a buffer of exactly their size. */
static char *copy(const char *p, size_t n)
{
	char *own = malloc(n ? n : 1);

	MUST(own);
	memcpy(own, p, n);
	return own;
}

static enum http_verdict look(const char *p, size_t n, size_t seen, enum http_method answers, struct http_head *out)
{
	char *own = copy(p, n);
	enum http_verdict verdict = http_head(own, n, seen, answers, out);

	MUST(seen > 0 || http_opens(own, n) || verdict == HTTP_NO);
	MUST(!http_opens(own, n) || http_may_open(own, n));
	free(own);
	return verdict;
}

/* Finds the first empty line the slow way. Returns the offset behind it, or 0. */
static size_t first_empty_line(const char *p, size_t n)
{
	for (size_t i = 2; i < n; i++) {
		if (p[i] == '\n' && (p[i - 1] == '\n' || (p[i - 1] == '\r' && p[i - 2] == '\n')))
			return i + 1;
	}
	return 0;
}

static void check_head(const struct http_head *head, const char *p, size_t n)
{
	MUST(head->size == first_empty_line(p, n));
	MUST(head->size <= HTTP_HEAD_MAX);
	MUST(head->body != BODY_NONE || head->at_once != AT_ONCE_NO);
	MUST(head->at_once != AT_ONCE_NO_BODY || head->body == BODY_NONE);
	MUST((head->length > 0) == (head->body == BODY_LENGTH));
	MUST(head->request ? head->status == 0 : head->status >= 100 && head->status <= 999);
}

static bool equal(const struct http_head *a, const struct http_head *b)
{
	return a->size == b->size && a->request == b->request && a->status == b->status && a->method == b->method &&
	       a->body == b->body && a->at_once == b->at_once && a->length == b->length;
}

static enum http_verdict check_recogniser(const char *p, size_t n, const size_t *ends, size_t writes,
                                          enum http_method answers, struct http_head *whole)
{
	enum http_verdict want = look(p, n, 0, answers, whole), got = HTTP_MORE;
	struct http_head head;
	size_t seen = 0;

	if (want == HTTP_HEAD)
		check_head(whole, p, n);
	if (want == HTTP_MORE)
		MUST(n < HTTP_HEAD_MAX && first_empty_line(p, n) == 0);
	for (size_t i = 0; i < writes && got == HTTP_MORE; i++) {
		got = look(p, ends[i], seen, answers, &head);
		seen = ends[i];
		if (i == 0 && got == HTTP_NO && !http_opens(p, ends[i]))
			return want; /* the first write has to contain the version, so there is nothing to compare */
	}
	MUST(got == want);
	MUST(want != HTTP_HEAD || equal(&head, whole));
	return want;
}

static void check_framing(const char *p, size_t n, const size_t *ends, size_t writes, const struct http_head *head)
{
	enum framing_verdict want, got;
	struct framing whole, split;
	size_t end = 0, at = 0, taken;

	want = framing_begin(&whole, head);
	got = framing_begin(&split, head);
	if (want == FRAMING_INSIDE)
		want = framing_follow(&whole, p, n, &end);
	MUST(end <= n && (want == FRAMING_END || end == n));
	for (size_t i = 0; i < writes && got == FRAMING_INSIDE; i++) {
		char *own = copy(p + at, ends[i] - at);
		struct framing skipped = split;
		bool data = framing_is_data(&split, ends[i] - at);

		got = framing_follow(&split, own, ends[i] - at, &taken);
		MUST(taken <= ends[i] - at);
		MUST(!data ||
		     (taken == ends[i] - at && framing_skip(&skipped, taken) == got && skipped.left == split.left &&
		      skipped.phase == split.phase && skipped.counted == split.counted));
		at += taken;
		free(own);
	}
	MUST(got == want);
	MUST(want == FRAMING_LOST || at == end);
	MUST(split.counted == whole.counted && split.phase == whole.phase);
	MUST(want == FRAMING_LOST || (split.left == whole.left && split.line == whole.line));
	MUST(whole.counted <= n);
}

static void check_request_method(const char *p, size_t n, size_t cut)
{
	enum http_method early = METHOD_OTHER, late = METHOD_OTHER;
	char *own = copy(p, cut);

	if (http_request_method(own, cut, &early) == HTTP_HEAD)
		MUST(http_request_method(p, n, &late) == HTTP_HEAD && late == early);
	free(own);
}

/* --- what is read ----------------------------------------------------------------------------- */

/* A model of request.c that keeps all bytes that were read since the wait began. */
struct reader {
	bool waits, first, hears, certain;
	enum http_method method;
	char bytes[16];
	size_t n;
};

static void model_read(struct reader *m, char c)
{
	static const struct {
		const char *word;
		enum http_method method;
	} words[] = {
		{ "GET ", METHOD_OTHER },     { "HEAD ", METHOD_HEAD },    { "POST ", METHOD_OTHER },
		{ "PUT ", METHOD_OTHER },     { "DELETE ", METHOD_OTHER }, { "CONNECT ", METHOD_CONNECT },
		{ "OPTIONS ", METHOD_OTHER }, { "PATCH ", METHOD_OTHER },
	};

	m->hears = false;
	if (!m->waits || (m->n == 0 && (c == '\r' || c == '\n')))
		return;
	m->bytes[m->n++] = c;
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		size_t size = strlen(words[i].word);

		if (m->n > size || memcmp(m->bytes, words[i].word, m->n) != 0)
			continue;
		if (m->n == size) {
			m->method = words[i].method;
			m->certain = m->first;
			m->waits = false;
		}
		return;
	}
	m->waits = false;
}

/* Tells both of '<', '^' or '!'. */
static void respond(struct request *r, struct reader *m, char what)
{
	switch (what) {
	case '<':
		request_begin(r, false);
		*m = (struct reader){ .waits = true };
		break;
	case '^':
		request_hear(r);
		m->hears = !m->waits;
		break;
	case '!':
		request_end(r);
		*m = (struct reader){ .waits = false };
		break;
	}
}

static size_t until_mark(const char *p, size_t n)
{
	size_t i = 0;

	while (i < n && memchr("<^!|", p[i], 4) == NULL)
		i++;
	return i;
}

static void check_known(const struct request *r, const struct reader *m)
{
	MUST(request_method(r) == m->method);
	MUST(request_awaited(r) == (m->waits || m->hears));
	for (enum http_method method = METHOD_OTHER; method <= METHOD_CONNECT; method++)
		MUST(request_is_certain(r, method) == (m->certain && method == m->method));
}

/* Reads in pieces of `piece` bytes at most. */
static void check_reads(const char *p, size_t n, size_t piece, bool first)
{
	struct {
		uint64_t before;
		struct request r;
		uint64_t behind;
	} in = { .before = 0x5a5a, .behind = 0xa5a5 };
	struct reader m = { .waits = true, .first = first };

	request_begin(&in.r, first);
	while (n > 0) {
		size_t some = until_mark(p, n);

		if (some > piece)
			some = piece;
		if (some > 0) {
			char *own = copy(p, some);

			request_follow(&in.r, own, some);
			for (size_t i = 0; i < some; i++)
				model_read(&m, p[i]);
			free(own);
		} else {
			respond(&in.r, &m, *p);
			some = 1;
		}
		p += some;
		n -= some;
		check_known(&in.r, &m);
		MUST(in.before == 0x5a5a && in.behind == 0xa5a5);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	const struct http_head chunked = { .body = BODY_CHUNKED };
	const char *p = (const char *)data + 3;
	struct http_head head;
	size_t a, b;

	if (n < 3)
		return 0;
	n -= 3;
	a = data[1] * n / 255;
	b = a + data[2] * (n - a) / 255;
	if (data[0] % 8 >= 4) {
		check_reads(p, n, n, data[0] % 2 == 0);
		check_reads(p, n, 1, data[0] % 2 == 0);
		check_reads(p, n, 1 + data[1] % 16, data[0] % 2 == 0);
		return 0;
	}
	check_request_method(p, n, a);
	if (data[0] % 4 == 3) {
		check_framing(p, n, (size_t[]){ a, b, n }, 3, &chunked);
		return 0;
	}
	if (check_recogniser(p, n, (size_t[]){ a, b, n }, 3, (enum http_method)(data[0] % 4), &head) == HTTP_HEAD) {
		p += head.size;
		n -= head.size;
		a = data[1] * n / 255;
		b = a + data[2] * (n - a) / 255;
		check_framing(p, n, (size_t[]){ a, b, n }, 3, &head);
	}
	return 0;
}
