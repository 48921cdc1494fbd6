/* What is read: it releases what is held, and shows what the next response answers. */
#ifndef ONEWRITE_INCOMING_H
#define ONEWRITE_INCOMING_H

#include <sys/types.h>

#include "conn.h"

static inline bool incoming_quiet(const struct conn *c)
{
	return c == NULL || (!atomic_load_explicit(&c->awaits_request, memory_order_relaxed) && conn_idle(c));
}

/* Before a read-type call. 0, or the errno it fails with. */
int incoming_before(struct conn *c, int fd);
/* After it: the first n bytes that were read. */
void incoming_after(struct conn *c, const void *p, ssize_t n);

#endif
