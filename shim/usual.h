/* The usual message: a head in one write and its body in the next, on a connection about which all is known. Nearly
 * every message is like that. The two writes go the way that the table (hold.c) says; this is a shorter path to the
 * same result. */
#ifndef ONEWRITE_USUAL_H
#define ONEWRITE_USUAL_H

#include "conn.h"
#include "emit.h"

/* May a message begin here? Answers from what is known already. False: the kernel has to be asked first, or none may
 * begin. */
static inline bool usual_may_begin(const struct conn *c, int flags)
{
	return atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_TCP &&
	       (atomic_load_explicit(&c->flags, memory_order_relaxed) & (CONN_CORKED | CONN_SHUT | CONN_CONNECTED)) ==
	               CONN_CONNECTED &&
	       !(flags & MSG_MORE) && atomic_load_explicit(&c->cookie, memory_order_relaxed) != 0;
}

/* True: the call is done, and *r is its result. False: it is not the usual one, and nothing was done. errno is left
 * alone, unless the call fails. */
bool usual(const struct call *call, ssize_t *r);

#endif
