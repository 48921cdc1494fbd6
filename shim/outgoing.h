/* Where an event meets a decision meets an action: the page on which to see how a response flows. */
#ifndef ONEWRITE_OUTGOING_H
#define ONEWRITE_OUTGOING_H

#include "conn.h"
#include "emit.h"
#include "real.h"

/* Fewer bytes than these, written to what is no TCP socket as far as we know, are not looked at: no head is so short, and programs
 * learn from write() to a pipe whether a few bytes can be read at all (EFAULT). */
enum { SHORTEST_HEAD = 16 };

/* The one predicate for "not our business": nothing is held on this descriptor, and these bytes cannot open anything. */
static inline bool outgoing_quiet(int fd, const void *p, size_t n)
{
	return likely(real.ready) && conn_quiet(fd, false) &&
	       !((n >= SHORTEST_HEAD || conn_is(fd, CONN_TCP)) && http_may_open(p, n));
}

/* A write-type call whose bytes we have. */
ssize_t outgoing(const struct call *call);

/* Before a call that writes at most n bytes which we cannot join (sendfile, ...): what is held goes now, with MSG_MORE. 0, or the
 * errno the call fails with. *led: a message is in progress: tell outgoing_followed() how the call ended. n is 0 where nobody knows. */
int outgoing_lead(int fd, size_t n, bool *led);
void outgoing_followed(int fd, size_t n, ssize_t result);

/* Before the program corks by itself: what is held goes under its cork; the deadline stays. */
void outgoing_corked(int fd);

#endif
