/* Where an event meets a decision meets an action: the page on which to see how a response flows. */
#ifndef ONEWRITE_OUTGOING_H
#define ONEWRITE_OUTGOING_H

#include "conn.h"
#include "emit.h"
#include "real.h"
#include "room.h"

/* Fewer bytes than these, written to what is no TCP socket as far as we know, are not looked at: no head is so short,
 * and programs learn from write() to a pipe whether a few bytes can be read at all (EFAULT). */
enum { SHORTEST_HEAD = 16 };

/* The one predicate for "not our business": nothing is held on this descriptor, and these bytes cannot open anything.
 * They are not read where something is held. */
static inline __attribute__((always_inline)) bool outgoing_quiet(int fd, const void *p, size_t n)
{
	if ((unsigned)fd >= atomic_load_explicit(&conn_count, memory_order_acquire))
		return likely(atomic_load_explicit(&conn_none_beyond, memory_order_acquire)) &&
		       (n < SHORTEST_HEAD || !http_may_open(p, n));
	struct conn *c = conns + fd;
	if (!msg_is_idle(atomic_load_explicit(&c->msg, memory_order_acquire)))
		return false;
	if ((n >= SHORTEST_HEAD || atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_TCP) &&
	    http_may_open(p, n))
		return false;
	room_unknown(c);
	return true;
}

/* What is held on a number that the helper lost sight of goes, or has no socket any more. The caller, whose call is on
 * this number, has the turn. */
void outgoing_see_again(struct msg *m);

/* A write-type call whose bytes we have. */
ssize_t outgoing(const struct call *call);

#endif
