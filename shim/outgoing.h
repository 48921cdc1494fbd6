/* Where an event meets a decision meets an action: the page on which to see how a response flows. */
#ifndef ONEWRITE_OUTGOING_H
#define ONEWRITE_OUTGOING_H

#include "conn.h"
#include "emit.h"

/* The one predicate for "not our business": nothing is held on this descriptor, and these bytes open nothing. */
static inline bool outgoing_quiet(int fd, const void *p, size_t n)
{
	const struct conn *c = conn_find(fd);
	return conn_idle(c) && !(c != NULL && http_may_open(p, n) && http_opens(p, n));
}

/* A write-type call whose bytes we have. */
ssize_t outgoing(const struct call *call);

/* Before a call whose bytes we cannot join (sendfile, ...): what is held goes now, with MSG_MORE. 0, or the errno the call fails
 * with. *led: something went this way; tell outgoing_followed() how the call ended. */
int outgoing_lead(int fd, bool *led);
void outgoing_followed(int fd, ssize_t result);

/* Before a call after which nothing may be held. `why` is for the trace. */
void outgoing_release(int fd, const char *why);
/* ... and which can report an error that waits: 0, or the errno. */
int outgoing_release_or_fail(int fd, const char *why);
/* ... or which takes the descriptor away. */
void outgoing_closing(int fd, const char *why);
void outgoing_closing_range(unsigned first, unsigned last, const char *why);
/* ... or which ends its sending side. */
void outgoing_ending(int fd, const char *why);
/* ... or which copies all descriptors to another process, or ends this one. */
void outgoing_release_all(const char *why, bool last);

/* Another descriptor of the same socket comes to be, or another hand on this one. */
void outgoing_aliased(int fd, const char *why);

/* What the helper does when a deadline falls due. */
uint64_t outgoing_due(struct deadline *d, uint64_t now);

#endif
