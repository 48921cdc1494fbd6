#include "incoming.h"

#include <errno.h>
#include <string.h>

#include "release.h"

int incoming_before(struct conn *c, int fd)
{
	if (conn_idle(c))
		return 0;
	int saved = errno, error = release_for_read(fd);
	errno = saved;
	return error;
}

/* `asked`: these bytes begin a request for certain, and are not the middle of one that is not known. */
static void know_method(struct conn *c, enum http_method method, bool asked)
{
	c->answers = (uint8_t)method;
	c->asked = asked;
	atomic_store_explicit(&c->watches, 0, memory_order_relaxed); /* until it answers, this connection's reads are quiet */
}

/* Byte by byte at most until the method is clear. What was read of it before is known from its first letter. */
static __attribute__((noinline)) void look_for_method(struct conn *c, const char *p, size_t n)
{
	enum http_method method = METHOD_OTHER;
	enum http_verdict v = HTTP_MORE;
	for (size_t i = 0; i < n && v == HTTP_MORE; i++) {
		if (c->ask_len == 0 && (p[i] == '\r' || p[i] == '\n'))
			continue; /* RFC 9112 section 2.2: empty lines before a request */
		if (c->ask_len == 0)
			c->asks = (uint8_t)p[i];
		char word[] = "CONNECT ";
		if (c->asks != 'C')
			memcpy(word, "HEAD ", 5);
		word[c->ask_len++] = p[i];
		v = http_request_method(word, c->ask_len, &method);
		if (c->ask_len == sizeof word - 1 && v == HTTP_MORE)
			v = HTTP_NO;
	}
	if (v != HTTP_MORE)
		know_method(c, v == HTTP_HEAD ? method : METHOD_OTHER, v == HTTP_HEAD && method != METHOD_OTHER);
}

/* "METHOD SP" */
static bool is_request(const char *p, size_t n)
{
	size_t i = 0;
	while (i < n && p[i] >= 'A' && p[i] <= 'Z')
		i++;
	return i > 0 && i < n && p[i] == ' ';
}

void incoming_after(struct conn *c, size_t n, const struct iovec *iov, size_t iovcnt)
{
	atomic_store_explicit(&c->small, 0, memory_order_relaxed); /* what the peer sends acknowledges what it got */
	struct msg *m = atomic_load(&c->msg);
	if (m != NULL)
		atomic_store_explicit(&m->read_since, 1, memory_order_relaxed);
	if (!conn_has(c, CONN_SERVER))
		atomic_store_explicit(&c->watches, 0, memory_order_relaxed);
	for (size_t i = 0; i < iovcnt && n > 0 && atomic_load_explicit(&c->watches, memory_order_relaxed); i++) {
		size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;
		const char *p = iov[i].iov_base;
		if (c->ask_len == 0 && part > 0 && *p != 'H' && *p != 'C' && *p >= 'A') /* most requests: GET, POST, PUT ... */
			know_method(c, METHOD_OTHER, is_request(p, part));
		else
			look_for_method(c, p, part);
		n -= part;
	}
}
