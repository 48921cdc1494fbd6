/* Writes messages as servers and clients write them, and malformed ones. */
#include "generate.h"

#include <stdarg.h>
#include <string.h>

void put(struct author *a, const char *bytes, size_t n)
{
	struct program *p = a->p;
	if (n > TEXT - p->ntext)
		n = TEXT - p->ntext;
	memcpy(p->text + p->ntext, bytes, n);
	p->ntext += (uint32_t)n;
}

void say(struct author *a, const char *format, ...)
{
	char buf[512];
	va_list ap;
	va_start(ap, format);
	int n = vsnprintf(buf, sizeof buf, format, ap);
	va_end(ap);
	put(a, buf, (size_t)n);
}

const char *pick(struct chance *c, const char *const *words, size_t n)
{
	return words[below(c, (uint32_t)n)];
}

static uint32_t some_size(struct author *a)
{
	switch (below(&a->c, 12)) {
	case 0: return 1;
	case 1: return 1 + below(&a->c, 8);
	case 2:
	case 3: return 1 + below(&a->c, 6000);
	case 4: return one_in(&a->c, 3) ? 1 + below(&a->c, 90000) : 1 + below(&a->c, 20000);
	default: return 1 + below(&a->c, 400);
	}
}

/* Bytes that differ by their place, so that lost, repeated or swapped bytes do not look right by chance. They may begin
 * like a head or a chunk. */
void body(struct author *a, uint32_t n)
{
	static const char *const lures[] = { "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n",
		                             "\r\n\r\n",
		                             "0\r\n\r\n",
		                             "GET / HTTP/1.1\r\n",
		                             "HTTP/1.",
		                             "\n\n",
		                             "POST /x HTTP/1.1\r\nContent-Length: 3\r\n\r\n" };
	struct program *p = a->p;
	uint32_t begin = p->ntext;
	if (one_in(&a->c, 12)) {
		const char *lure = lures[below(&a->c, sizeof lures / sizeof *lures)];
		put(a, lure, strlen(lure) < n ? strlen(lure) : n);
	}
	bool binary = one_in(&a->c, 10);
	while (p->ntext - begin < n && p->ntext < TEXT) {
		uint32_t i = p->ntext;
		p->text[p->ntext++] =
			binary ? (char)chance_next(&a->c)
			       : "abcdefghijklmnopqrstuvwxyz0123456789"[(i * 7 + i / 36 * 5 + i / 1296 * 11) % 36];
	}
}

/* --- messages --------------------------------------------------------------------------------- */

enum { SEAMS = 32 };

static const char *eol(struct author *a, bool bare)
{
	return bare || one_in(&a->c, 40) ? "\n" : "\r\n";
}

static void start_line(struct author *a, bool *request, bool bare)
{
	struct chance *c = &a->c;
	*request = one_in(c, 3);
	if (one_in(c, 2)) { /* the kinds of heads that are held most often */
		say(a, "%s%s", *request ? "POST /form HTTP/1.1" : "HTTP/1.1 200 OK", eol(a, bare));
		return;
	}
	if (one_in(c, 8)) {
		say(a, "%s%s",
		    PICK(a, "HTTP/2 200", "HTTP/1.1200 OK", "http/1.1 200 OK", "HTTP/1.1 2x0 OK", "HTTP/1.",
		         "HTTP/11.1 200 OK", "GET /", "GET  HTTP/1.1", "get / HTTP/1.1", "POST / HTTP/1.1 ",
		         "PRI * HTTP/2.0", "SSH-2.0-x", "HTTP/1.1\t200", "POST /\x7f HTTP/1.1", "ICY 200 OK",
		         "HTTP/1.1 200"),
		    eol(a, bare));
		return;
	}
	if (*request)
		say(a, "%s %s %s%s",
		    PICK(a, "GET", "POST", "POST", "PUT", "PATCH", "HEAD", "DELETE", "OPTIONS", "CONNECT", "M-SEARCH",
		         "PROPFIND"),
		    PICK(a, "/", "/index.html", "*", "http://a.example/b?c", "a.example:443"),
		    PICK(a, "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"), eol(a, bare));
	else
		say(a, "%s %s%s", PICK(a, "HTTP/1.1", "HTTP/1.1", "HTTP/1.1", "HTTP/1.0"),
		    PICK(a, "200 OK", "200 OK", "200 OK", "200 OK", "404 Not Found", "206 Partial Content", "500 ",
		         "100 Continue", "101 Switching Protocols", "103 Early Hints", "204 No Content",
		         "304 Not Modified", "200 Connection established"),
		    eol(a, bare));
}

static void some_fields(struct author *a, bool bare)
{
	struct chance *c = &a->c;
	for (uint32_t i = below(c, 4); i > 0; i--)
		say(a, "%s%s",
		    PICK(a, "Server: x", "Date: Mon, 23 Nov 2026 02:00:00 GMT", "Content-Type: text/html",
		         "X-Empty:", "Vary: *", "Connection: keep-alive", "Connection: close", "Set-Cookie: a=b; c",
		         "Host: localhost", "Accept: */*", "Upgrade: h2"),
		    eol(a, bare));
	if (one_in(c, 20))
		say(a, "%s%s",
		    PICK(a, "Expect: 100-continue", "Upgrade: websocket", "Connection: Upgrade",
		         "Content-Type: text/event-stream", "Content-Type: multipart/x-mixed-replace; boundary=b",
		         "X-Accel-Buffering: no"),
		    eol(a, bare));
	if (one_in(c, 25))
		say(a, "%s%s",
		    PICK(a, "no colon here", ": no name", " folded", "Bad Name: x", "X:\ty", "X: \x01",
		         "Content-Length", "X: a\rb"),
		    eol(a, bare));
	if (one_in(c, 40)) {
		say(a, "X-Long: ");
		body(a, 15000 + below(c, 8000));
		say(a, "%s", eol(a, bare));
	}
}

static uint32_t chunked_body(struct author *a, uint32_t size, uint32_t *seams, int *nseams)
{
	struct chance *c = &a->c;
	uint32_t left = size;
	bool fine = one_in(c, 2); /* each part of a chunk is a write of its own */
	while (left > 0 && *nseams < SEAMS - 8) {
		uint32_t n = 1 + below(c, left < 3 ? left : left / (1 + below(c, 3)));
		if (n > left)
			n = left;
		say(a, one_in(c, 12) ? "%X;ext=1\r\n" : "%x\r\n", n);
		if (fine)
			seams[(*nseams)++] = a->p->ntext;
		body(a, n);
		if (fine && one_in(c, 2))
			seams[(*nseams)++] = a->p->ntext;
		say(a, "\r\n");
		seams[(*nseams)++] = a->p->ntext;
		left -= n;
	}
	if (!one_in(c, 10)) {
		say(a, "0\r\n");
		if (fine && one_in(c, 3))
			seams[(*nseams)++] = a->p->ntext;
		if (one_in(c, 10))
			say(a, "Trailer: t\r\n");
		say(a, "\r\n");
	}
	return size;
}

static void write_message(struct author *a, struct line *l)
{
	struct chance *c = &a->c;
	struct program *p = a->p;
	uint32_t at = p->ntext, middle, seams[SEAMS], size = some_size(a);
	int nseams = 0;
	bool request, bare = one_in(c, 15);
	if (size > l->budget)
		size = l->budget;
	if (one_in(c, 9)) { /* not HTTP at all */
		body(a, size);
		cut_at_random(a, l, at, p->ntext, below(c, 4));
		return;
	}
	start_line(a, &request, bare);
	some_fields(a, bare);
	uint32_t framing = below(c, 10);
	if (framing < 5)
		say(a, "Content-Length: %u%s",
		    one_in(c, 6)    ? below(c, 2 * size)
		    : one_in(c, 12) ? 0
		                    : size,
		    eol(a, bare));
	else if (framing < 8)
		say(a, "Transfer-Encoding: %s%s",
		    one_in(c, 10) ? PICK(a, "gzip", "gzip, chunked", "Chunked", "chunked, gzip", "x") : "chunked",
		    eol(a, bare));
	else if (one_in(c, 4))
		say(a, "Content-Length: %s%s",
		    PICK(a, "-1", "99999999999999999999", "x", "5, 5", "5, 6", "", "+5", "5\r\nContent-Length: 5",
		         "7\r\nTransfer-Encoding: chunked"),
		    eol(a, bare));
	some_fields(a, bare);
	if (one_in(c, 25)) { /* the head never ends */
		cut_at_random(a, l, at, p->ntext, below(c, 4));
		return;
	}
	say(a, "%s", eol(a, bare));
	middle = p->ntext;
	switch (below(c, 10)) {
	case 0: /* no body after all: the next head follows */ break;
	case 1: /* shorter than announced */ body(a, 1 + below(c, size)); break;
	case 2: /* longer than announced, or not chunked */ body(a, size + below(c, 300)); break;
	default:
		if (framing >= 5 && framing < 8)
			chunked_body(a, size, seams, &nseams);
		else
			body(a, size);
		break;
	}
	cut_message(a, l, at, middle, p->ntext, seams, nseams);
}

struct piece next_piece(struct author *a, struct line *l)
{
	if (l->head == l->tail) {
		l->head = l->tail = 0;
		if (l->budget == 0 || a->p->ntext > TEXT - 64000)
			return (struct piece){ 0, 0 };
		uint32_t before = a->p->ntext;
		write_message(a, l);
		uint32_t n = a->p->ntext - before;
		l->budget -= n < l->budget ? n : l->budget;
	}
	return l->head < l->tail ? l->queue[l->head++] : (struct piece){ 0, 0 };
}
