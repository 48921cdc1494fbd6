/* Responses that are passed on unread (once.h says when): which calls, and what shows that one was a miss. */
#ifndef ONEWRITE_UNREAD_H
#define ONEWRITE_UNREAD_H

#include <string.h>

#include "config.h"
#include "conn.h"
#include "look.h"
#include "once.h"
#include "real.h"
#include "room.h"

/* How a write of the program goes on. */
enum way {
	WAY_STRAIGHT, /* to libc */
	WAY_UNREAD,   /* to libc as well, but its result is looked at, or it is counted (unread_call) */
	WAY_IN,       /* by outgoing() */
};

/* A response of no more bytes is usually taken at once, and its result is not looked at: to do so for all of them would
 * cost more than what else is asked here. If it is cut short after all, its rest counts as a miss. */
enum { SHORT_RESPONSE = 16383 }; /* one less than a power of two: `|` of two sizes is compared with it */

/* These bytes may open a message, on an idle connection. Do they open a final response, and `alone`, without other
 * pieces behind them, end otherwise than a head, or a part of one? That is looked at if the end lies in one page with
 * the beginning, which was read; and more than the beginning is not read of another page. */
static inline bool unread_is_more_than_a_head(const char *p, size_t n, bool alone)
{
	enum { PAGE = 4096, START = 16 };
	const char *last = p + n - 1;
	bool here = alone && ((uintptr_t)p ^ (uintptr_t)last) < PAGE;
	if (!here && unlikely(((uintptr_t)p & (PAGE - 1)) > PAGE - START))
		return false;
	if (here && last[0] == '\n' && last[-1] == '\r')
		return false;
	return memcmp(p, "HTTP/1.", 7) == 0 && p[9] != '1';
}

/* The responses of this process come whole. May this call on an idle connection, whose first piece are these n bytes,
 * be passed on unread? Looked at (WAY_IN) as ever are the answers to HEAD and CONNECT, and connections that have, or
 * had, more to them than reads and writes by one number (a second one, a cork, an option). `more`: the bytes of the
 * other pieces; `flags`: those of send(2). */
static inline __attribute__((always_inline)) enum way unread_way(struct conn *c, const char *p, size_t n, size_t more,
                                                                 int flags)
{
	uint32_t facts = atomic_load_explicit(&c->facts, memory_order_relaxed) & conn_facts(0xff, 0xff, 0xff, 0);
	if (facts != conn_facts(CONN_TCP, CONN_SEEN | CONN_CONNECTED, 0, 0) ||
	    request_method(&c->request) != METHOD_OTHER || flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT) ||
	    !unread_is_more_than_a_head(p, n, more == 0) || !once_passes())
		return WAY_IN;
	/* before the call, for then the peer may answer at once */
	request_begin(&c->request, false);
	atomic_store_explicit(&c->small, 1, memory_order_relaxed);
	atomic_store_explicit(&c->unread, 1, memory_order_relaxed);
	atomic_store_explicit(&c->room, ROOM_FOR_NOTHING, memory_order_relaxed);
	return unlikely((n | more) > SHORT_RESPONSE || config.notes) ? WAY_UNREAD : WAY_STRAIGHT;
}

/* Makes a call that is passed on unread. */
ssize_t unread_call(const struct call *call);

/* These bytes are written to an idle connection: are they the rest of a response that was passed unread? */
void unread_followed(struct conn *c, const struct call *call);

/* They open a message, and were looked at: does a response come whole? Returns the rule that takes the place of this
 * one. */
struct hold_rule unread_judge(struct conn *c, const struct call *call, const struct sight *s, struct hold_rule rule);

#endif
