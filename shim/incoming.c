#include "incoming.h"

#include <errno.h>

#include "outgoing.h"

int incoming_before(struct conn *c, int fd)
{
	if (conn_idle(c))
		return 0;
	int saved = errno, error = outgoing_release_or_fail(fd, "read");
	errno = saved;
	return error == EPIPE ? 0 : error; /* a read never fails with that */
}

/* Byte by byte at most until the method is clear; then this connection's reads are quiet until it answers. */
void incoming_after(struct conn *c, const void *p, ssize_t n)
{
	if (n <= 0 || !atomic_load_explicit(&c->awaits_request, memory_order_relaxed))
		return;
	const char *bytes = p;
	enum http_method method = METHOD_OTHER;
	enum http_verdict v = HTTP_MORE;
	for (ssize_t i = 0; i < n && v == HTTP_MORE; i++) {
		if (c->ask_len == 0 && (bytes[i] == '\r' || bytes[i] == '\n'))
			continue; /* RFC 9112 section 2.2: empty lines before a request */
		c->ask[c->ask_len++] = bytes[i];
		v = http_request_method(c->ask, c->ask_len, &method);
		if (c->ask_len == sizeof c->ask && v == HTTP_MORE)
			v = HTTP_NO;
	}
	if (v == HTTP_MORE)
		return;
	c->answers = v == HTTP_HEAD ? method : METHOD_OTHER;
	atomic_store_explicit(&c->awaits_request, 0, memory_order_relaxed);
}
