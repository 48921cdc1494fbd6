/* What the library does at reads: before one it releases what is held, and afterwards it learns from the bytes which
 * request the next response answers. */
#ifndef ONEWRITE_INCOMING_H
#define ONEWRITE_INCOMING_H

#include <sys/uio.h>

#include "names.h"
#include "real.h"

/* Nothing is held on this descriptor, and no bytes from the peer are awaited: the read can be passed on at once. Every
 * read asks this first. */
static inline __attribute__((always_inline)) bool incoming_quiet(int fd)
{
	if ((unsigned)fd >= atomic_load_explicit(&conn_count, memory_order_acquire))
		return likely(atomic_load_explicit(&conn_none_beyond, memory_order_acquire));
	const struct conn *c = conns + fd;
	return !request_awaited(&c->request) && msg_is_idle(atomic_load_explicit(&c->msg, memory_order_acquire));
}

/* Called before a read: releases what is held, unless another thread has the turn. Takes the turn itself. Returns 0, or
 * the errno that the read must fail with (an error that sending held bytes has met). Leaves errno alone. */
int incoming_before(struct conn *c, int fd);
/* Called after it: n bytes were read into this vector. Needs no lock. */
void incoming_after(struct conn *c, size_t n, const struct iovec *iov, size_t iovcnt);

/* The program has written this head: note what is awaited from the peer now. After a final response that is the next
 * request, and after the head of a tunnel nothing. An interim response (1xx) answers no request, so what is read after
 * it belongs to the same request: only that the peer is heard is awaited, as after a request. Needs no lock. */
static inline void incoming_awaits(struct conn *c, const struct http_head *h)
{
	if (unlikely(h->at_once == AT_ONCE_TUNNEL))
		request_end(&c->request);
	else if (likely(!h->request && h->status >= 200))
		request_begin(&c->request, false);
	else
		request_hear(&c->request);
	names_tell(c);
}

#endif
