/* May the bytes of a call be held on this connection, and where? Answers from what is known already, and changes
 * nothing. */
#ifndef ONEWRITE_PLACE_H
#define ONEWRITE_PLACE_H

#include "conn.h"
#include "real.h"
#include "room.h"

enum place {
	PLACE_NOWHERE,   /* no message may begin here, or the kernel has to be asked first */
	PLACE_IN_KERNEL, /* under MSG_MORE or a cork */
	PLACE_IN_MEMORY, /* in the message's buffer */
};

/* What the flags of a connection (enum conn_flags) say: a message may begin where those of PLACE_OPEN_MASK are
 * PLACE_OPEN. The program's memory is a place only where nothing can overtake what lies there (the connection was born
 * in this process, has no second name, and no process shares it): where those of PLACE_OWN_MASK are PLACE_OWN. */
enum {
	PLACE_OPEN_MASK = CONN_CORKED | CONN_SHUT | CONN_CONNECTED,
	PLACE_OPEN = CONN_CONNECTED,
	PLACE_OWN_MASK = CONN_SEEN | CONN_ALIASED | CONN_UNSEEN,
	PLACE_OWN = CONN_SEEN,
};

/* May n bytes of a message that begins now be kept in memory? Apart from the connection's flags: is the number above
 * the standard ones, does no process share our memory, and does the send buffer have room? */
static inline bool place_is_memory(struct conn *c, unsigned flags, int fd, size_t n)
{
	return (flags & PLACE_OWN_MASK) == PLACE_OWN && fd > 2 && process_allows_memory(c->epoch) && room_for(c, fd, n);
}

/* Where a call that opens a message may leave its n bytes. `call_flags`: those of the call (MSG_MORE, ...). */
static inline enum place place_of(struct conn *c, int fd, int call_flags, size_t n)
{
	unsigned flags = atomic_load_explicit(&c->flags, memory_order_relaxed);
	if (atomic_load_explicit(&c->kind, memory_order_relaxed) != CONN_TCP ||
	    (flags & PLACE_OPEN_MASK) != PLACE_OPEN || call_flags & MSG_MORE ||
	    atomic_load_explicit(&c->cookie, memory_order_relaxed) == 0)
		return PLACE_NOWHERE;
	return place_is_memory(c, flags, fd, n) ? PLACE_IN_MEMORY : PLACE_IN_KERNEL;
}

#endif
