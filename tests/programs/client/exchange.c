/* One exchange: a request, in the pieces that were asked for, and the response, decoded and measured. */
#include <err.h>

#include "client.h"

/* The next head is at c->bytes + c->used when this returns its size. 0: closed before the first byte. */
static size_t take_head(struct connection *c)
{
	size_t size;

	while (!(size = head_size(c->bytes + c->used, c->have - c->used)))
		if (!more(c)) {
			if (c->have == c->used)
				return 0;
			errx(1, "%s: the connection ended inside a head", c->path);
		}
	if (size < 12 || strncmp(c->bytes + c->used, "HTTP/1.", 7))
		errx(1, "%s: the response does not begin with HTTP/1.", c->path);
	return size;
}

#define UNTIL_CLOSE UINT64_MAX

static void take_body(struct connection *c, uint64_t n, struct exchange *x)
{
	bool until_close = n == UNTIL_CLOSE;

	while (n > 0) {
		size_t here = c->have - c->used;

		if (here == 0) {
			if (!more(c)) {
				if (until_close)
					return;
				errx(1, "%s: the connection ended %zu bytes into the body", c->path, x->body);
			}
			continue;
		}
		if (here > n)
			here = (size_t)n;
		if (!x->body_us)
			x->body_us = now_us() - c->started;
		x->sum = sum_more(x->sum, c->bytes + c->used, here);
		x->body += here;
		x->wire += here;
		c->used += here;
		n -= here;
	}
}

/* A line, without its CRLF; it stays where it is until the next call. */
static const char *take_line(struct connection *c, struct exchange *x)
{
	char *line, *end;

	while (!(end = memmem(c->bytes + c->used, c->have - c->used, "\r\n", 2)))
		if (!more(c))
			errx(1, "%s: the connection ended inside a chunk", c->path);
	*end = '\0';
	line = c->bytes + c->used;
	x->wire += (size_t)(end + 2 - line);
	c->used += (size_t)(end + 2 - line);
	return line;
}

static void take_chunks(struct connection *c, struct exchange *x)
{
	for (;;) {
		char *end;
		const char *line = take_line(c, x);
		uint64_t size = strtoull(line, &end, 16);

		if (end == line)
			errx(1, "%s: '%.20s' is no chunk size", c->path, line);
		if (size == 0)
			break;
		take_body(c, size, x);
		if (*take_line(c, x))
			errx(1, "%s: a chunk is longer than it said", c->path);
	}
	while (*take_line(c, x))
		; /* trailers */
}

static size_t write_head(char *out, size_t room, const char *path)
{
	bool to_proxy = !strcmp(opt.method, "CONNECT");
	char length[64] = "";
	int n;

	if (opt.body_size > 0)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n%s", opt.body_size,
		         opt.expect ? "Expect: 100-continue\r\n" : "");
	n = snprintf(out, room, "%s %s HTTP/1.1\r\nHost: %s:%s\r\n%s%s\r\n", opt.method, path,
	             to_proxy ? path : opt.host, opt.port, length, opt.fields);
	if (n < 0 || (size_t)n >= room)
		errx(1, "%s: the request's head is too long", path);
	return (size_t)n;
}

/* False: the connection was closed before any answer. */
static bool send_request(struct connection *c, struct exchange *x)
{
	char head[16384];
	size_t size = write_head(head, sizeof(head), c->path);

	if (opt.expect) {
		if (!put(c, head, size))
			return false;
		size = take_head(c);
		if (size == 0)
			return false;
		if (strncmp(c->bytes + c->used + 9, "100", 3))
			return true; /* a final answer: no body wanted */
		x->continue_us = now_us() - c->started;
		x->interim += size;
		c->used += size;
		return put(c, opt.body, opt.body_size);
	}
	if (opt.pieces) {
		for (char *line = head; line < head + size;) {
			size_t n = (size_t)(strchr(line, '\n') + 1 - line);

			if (!put(c, line, n))
				return false;
			line += n;
		}
		return put(c, opt.body, opt.body_size);
	}
	if (opt.body_size <= sizeof(head) - size) { /* one write, so that nothing of ours is measured */
		memcpy(head + size, opt.body, opt.body_size);
		return put(c, head, size + opt.body_size);
	}
	return put(c, head, size) && put(c, opt.body, opt.body_size);
}

static unsigned count_segments(const struct connection *c)
{
	return opt.connections > 0 ? 0 : segments_in(c->fd); /* a load has no use for it, and no time */
}

/* False: the server had closed the kept-alive connection; nothing was received. */
static bool try_exchange(struct connection *c, struct exchange *x)
{
	const char *head;
	bool keep;
	unsigned before;
	size_t size;

	*x = (struct exchange){ .sum = SUM_START };
	c->first = 0;
	c->started = now_us();
	if (c->fd < 0)
		dial(c);
	before = count_segments(c);
	c->started = now_us();
	if (!send_request(c, x))
		return false;
	for (;;) { /* past the interim answers */
		size = take_head(c);
		if (size == 0)
			return false;
		head = c->bytes + c->used;
		x->status = (unsigned)atoi(head + 9);
		if (x->status >= 200 || x->status == 101)
			break;
		x->interim += size;
		c->used += size;
	}
	x->head = size;
	keep = !opt.close && !head_field_is(head, size, "Connection", "close") &&
	       (head[7] != '0' || head_field_is(head, size, "Connection", "keep-alive"));
	c->used += size;
	if (x->status == 101 || !strcmp(opt.method, "CONNECT")) {
		keep = false; /* a tunnel from here on */
	} else if (!strcmp(opt.method, "HEAD") || x->status == 204 || x->status == 304) {
		;
	} else if (head_field_is(head, size, "Transfer-Encoding", "chunked")) {
		take_chunks(c, x);
	} else if (head_field(head, size, "Content-Length")) {
		take_body(c, head_length(head, size), x);
	} else {
		keep = false;
		take_body(c, UNTIL_CLOSE, x);
	}
	x->last_us = now_us() - c->started;
	x->first_us = c->first - c->started;
	x->segments = count_segments(c) - before;
	x->port = c->port;
	c->served++;
	if (keep && c->used != c->have)
		errx(1, "%s: %zu bytes came behind the response", c->path, c->have - c->used);
	if (!keep)
		hang_up(c);
	return true;
}

struct exchange exchange(struct connection *c, const char *path)
{
	struct exchange x;

	c->path = path;
	while (!try_exchange(c, &x)) {
		if (c->served == 0)
			errx(1, "%s: the connection was closed without an answer", path);
		hang_up(c);
	}
	return x;
}
