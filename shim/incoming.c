#include "incoming.h"

#include <errno.h>

#include "release.h"

int incoming_before(struct conn *c, int fd)
{
	if (conn_idle(c))
		return 0;
	int saved = errno, error = release_for_read(fd);
	errno = saved;
	return error;
}

void incoming_after(struct conn *c, size_t n, const struct iovec *iov, size_t iovcnt)
{
	atomic_store_explicit(&c->small, 0, memory_order_relaxed); /* what the peer sends acknowledges what it got */
	struct msg *m = atomic_load(&c->msg);
	if (m != NULL)
		atomic_store_explicit(&m->read_since, 1, memory_order_relaxed);
	for (size_t i = 0; i < iovcnt && n > 0 && request_awaited(&c->request); i++) {
		size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;
		request_follow(&c->request, iov[i].iov_base, part);
		n -= part;
	}
}
