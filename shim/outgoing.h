/* Where an event meets a decision meets an action: the page on which to see how a response flows. */
#ifndef ONEWRITE_OUTGOING_H
#define ONEWRITE_OUTGOING_H

#include "conn.h"
#include "emit.h"
#include "real.h"

/* The one predicate for "not our business": nothing is held on this descriptor, and these bytes cannot open anything. */
static inline bool outgoing_quiet(int fd, const void *p, size_t n)
{
	return likely(real.ready) && conn_quiet(fd, false) && !http_may_open(p, n);
}

/* A write-type call whose bytes we have. */
ssize_t outgoing(const struct call *call);

/* Before a call that writes at most n bytes which we cannot join (sendfile, ...): what is held goes now, with MSG_MORE. 0, or the
 * errno the call fails with. *led: a message is in progress: tell outgoing_followed() how the call ended. */
int outgoing_lead(int fd, size_t n, bool *led);
void outgoing_followed(int fd, ssize_t result);

/* Before the program corks by itself: what is held goes under its cork; the deadline stays. */
void outgoing_corked(int fd);

#endif
