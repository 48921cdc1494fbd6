/* Calls whose bytes the library cannot join: sendfile, splice, stdio inside libc, and whatever the program writes under
 * its own cork. What is held is sent before them. */
#ifndef ONEWRITE_LEAD_H
#define ONEWRITE_LEAD_H

#include <sys/types.h>

#include "conn.h"

/* What lead_before() leaves for lead_after(): the message, and the number of the write (msg.writes), for which the
 * call's result is to be booked. `m` is NULL where nothing is to be booked. */
struct lead {
	struct msg *m;
	unsigned number;
	size_t asked;              /* how many bytes the call writes at most; 0: not known */
	enum hold_state meanwhile; /* the message's state while the call is on its way */
};

/* Called before a call that writes at most n bytes (0: not known). Sends what is held, with MSG_MORE, and waits for
 * room, or raises SIGPIPE, where the call would: `flags` are its own, of send(2). Returns 0, or the errno that the call
 * fails with. */
int lead_before(int fd, size_t n, int flags, struct lead *lead);
/* Called after it. The call wrote `result` bytes, or failed; `flags` has MSG_MORE if the call was told that more
 * follows. Leaves errno alone. */
void lead_after(int fd, const struct lead *lead, ssize_t result, int flags);

/* Called before the program sets TCP_CORK: sends what is held with MSG_MORE, so that it goes on under the program's
 * cork; its deadline stays. The caller has the turn. */
void lead_corked(struct msg *m);

#endif
