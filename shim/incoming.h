/* What is read: it releases what is held, and shows what the next response answers. */
#ifndef ONEWRITE_INCOMING_H
#define ONEWRITE_INCOMING_H

#include <sys/uio.h>

#include "names.h"
#include "real.h"

/* Nothing is held on this descriptor, and what is read there is not looked at: the first thing that every read asks. */
static inline __attribute__((always_inline)) bool incoming_quiet(int fd)
{
	if ((unsigned)fd >= atomic_load_explicit(&conn_count, memory_order_acquire))
		return likely(atomic_load_explicit(&conn_none_beyond, memory_order_acquire));
	const struct conn *c = conns + fd;
	return !request_awaited(&c->request) && msg_is_idle(atomic_load_explicit(&c->msg, memory_order_acquire));
}

/* Before a read-type call. 0, or the errno it fails with. */
int incoming_before(struct conn *c, int fd);
/* After it: n bytes were read to there. */
void incoming_after(struct conn *c, size_t n, const struct iovec *iov, size_t iovcnt);

/* The program wrote this head: what is awaited of the peer now? An interim response (1xx) answers no request, and
 * what is read behind it is the rest of that request. Behind a final one the next request is awaited, and behind a
 * tunnel's head nothing. */
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
