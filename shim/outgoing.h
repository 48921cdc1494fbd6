/* The output calls of the program: what their bytes are (look.h), what the policy says (hold.h), and what is done.
 * Start with outgoing.c to see how a response flows. */
#ifndef ONEWRITE_OUTGOING_H
#define ONEWRITE_OUTGOING_H

#include "config.h"
#include "conn.h"
#include "emit.h"
#include "real.h"
#include "room.h"
#include "unread.h"

/* A shorter write to a descriptor that is not known as a TCP socket is not looked at: no head is so short, and programs
 * learn from write() to a pipe whether a few bytes can be read at all (EFAULT). */
enum { SHORTEST_HEAD = 16 };

/* The way of a write of these n bytes, or of one with other pieces behind them (flags -1), which is looked at if they
 * may open a message. The bytes are not read where something is held. */
static inline __attribute__((always_inline)) enum way outgoing_way(int fd, const void *p, size_t n, int flags)
{
	if ((unsigned)fd >= atomic_load_explicit(&conn_count, memory_order_acquire))
		return likely(atomic_load_explicit(&conn_none_beyond, memory_order_acquire)) &&
		                       (n < SHORTEST_HEAD || !http_may_open(p, n))
		               ? WAY_STRAIGHT
		               : WAY_IN;
	struct conn *c = conns + fd;
	if (!msg_is_idle(atomic_load_explicit(&c->msg, memory_order_acquire)))
		return WAY_IN;
	if ((n >= SHORTEST_HEAD || atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_TCP) &&
	    http_may_open(p, n))
		return flags >= 0 && n >= SHORTEST_HEAD && once_is_on() ? unread_way(c, p, n, 0, flags) : WAY_IN;
	/* what is written past the recogniser is looked at only where that is to be counted */
	if (unlikely(config.notes) && n > 0 && atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_TCP)
		return WAY_IN;
	uint16_t room = atomic_load_explicit(&c->room, memory_order_relaxed);
	if (unlikely(room != 0)) {
		if (room == ROOM_FOR_NOTHING)
			return WAY_IN; /* a response may have been passed unread before */
		atomic_store_explicit(&c->room, 0, memory_order_relaxed);
	}
	return WAY_STRAIGHT;
}

/* The helper found another socket under the message's number, and this call of the program is on that number. If the
 * number is the message's socket for this thread, what is held is sent; if not, the socket was closed in a way that no
 * hook saw, and what was held is dropped. The caller has the turn. */
void outgoing_see_again(struct msg *m);

/* Makes an output call of the program whose bytes can be read. Returns what the call is to return, with errno. */
ssize_t outgoing(const struct call *call);

#endif
