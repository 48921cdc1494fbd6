#include "incoming.h"

#include <errno.h>

#include "release.h"

/* A value of conn->small: the short segment may have been sent after the bytes had come that are read next. */
enum { BEHIND_THE_PEERS = 2 };

int incoming_before(struct conn *c, int fd)
{
	if (conn_idle(c))
		return 0;
	int saved = errno, error = release_for_read(fd);
	if (atomic_load_explicit(&c->small, memory_order_relaxed))
		atomic_store_explicit(&c->small, BEHIND_THE_PEERS, memory_order_relaxed);
	errno = saved;
	return error;
}

void incoming_after(struct conn *c, size_t n, const struct iovec *iov, size_t iovcnt)
{
	/* Bytes from the peer acknowledge what it got before, but not a segment that was released before this read. */
	bool behind = atomic_load_explicit(&c->small, memory_order_relaxed) == BEHIND_THE_PEERS;
	atomic_store_explicit(&c->small, behind, memory_order_relaxed);
	struct msg *m = atomic_load(&c->msg);
	if (m != NULL)
		atomic_store_explicit(&m->read_since, 1, memory_order_relaxed);
	request_follow_all(&c->request, n, iov, iovcnt);
	names_tell(c);
}
