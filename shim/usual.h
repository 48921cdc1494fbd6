/* The usual message: a head by itself and then its body, on a connection about which no question is open. Nearly every message is like
 * that. What is done with the two writes is what the table says; but nothing is looked up or built for it. */
#ifndef ONEWRITE_USUAL_H
#define ONEWRITE_USUAL_H

#include "conn.h"
#include "emit.h"

/* May a message begin here, as far as was asked before, and nothing happened since? False: somebody has to ask. */
static inline bool usual_may_begin(const struct conn *c, int flags)
{
	return atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_TCP &&
	       (atomic_load_explicit(&c->flags, memory_order_relaxed) & (CONN_CORKED | CONN_SHUT | CONN_CONNECTED)) == CONN_CONNECTED &&
	       !(flags & MSG_MORE) && atomic_load_explicit(&c->cookie, memory_order_relaxed) != 0;
}

/* False: this call is not so usual, and nothing was done that counts. errno is left alone, unless the call fails. */
bool usual(const struct call *call, ssize_t *r);

#endif
