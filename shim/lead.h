/* Calls whose bytes are not ours to join: sendfile, splice, stdio inside libc, and the program's own cork. What is held
 * goes before. */
#ifndef ONEWRITE_LEAD_H
#define ONEWRITE_LEAD_H

#include <sys/types.h>

#include "conn.h"

/* Between the two calls below: on which message, and by which write, its result is to be booked. `m` is NULL where
 * nothing is. */
struct lead {
	struct msg *m;
	unsigned number;
	enum hold_state meanwhile; /* the message's state while the call is on its way */
};

/* Before a call that writes at most n bytes (0: nobody knows): what is held goes, with MSG_MORE, and waits for room
 * where the call would. 0, or the errno that the call fails with. */
int lead_before(int fd, size_t n, struct lead *lead);
/* After it: it wrote `result` bytes, or failed; MSG_MORE is among `flags` if it was told that more follows. Leaves
 * errno alone. */
void lead_after(int fd, const struct lead *lead, ssize_t result, int flags);

/* Before the program corks by itself: what is held goes under its cork, and the deadline stays. The caller has the
 * turn. */
void lead_corked(struct msg *m);

#endif
