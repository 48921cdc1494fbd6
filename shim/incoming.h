/* What is read: it releases what is held, and shows what the next response answers. */
#ifndef ONEWRITE_INCOMING_H
#define ONEWRITE_INCOMING_H

#include <sys/uio.h>

#include "conn.h"
#include "real.h"

static inline bool incoming_quiet(int fd)
{
	return likely(real.ready) && conn_quiet(fd, true);
}

/* Before a read-type call. 0, or the errno it fails with. */
int incoming_before(struct conn *c, int fd);
/* After it: n bytes were read to there. */
void incoming_after(struct conn *c, size_t n, const struct iovec *iov, size_t iovcnt);

#endif
