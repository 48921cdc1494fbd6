/* A signal handler writes to the socket on which the very thread that it interrupted has its turn, or jumps away from
 * there.
 *
 * What the thread was sending may or may not be out; the handler's bytes wait until the thread knows, and follow then.
 */
#ifndef ONEWRITE_LATE_H
#define ONEWRITE_LATE_H

#include "emit.h"

/* The handler's call: its bytes are queued, and are said to be written. */
ssize_t late_write(struct msg *m, const struct call *call);
/* Send what handlers wrote meanwhile. The caller has the turn. */
void late_send(struct msg *m);
static inline void late_drain(struct msg *m)
{
	if (atomic_load(&m->late) != NULL)
		late_send(m);
}

/* The turn is the caller's now, after a thread jumped out of it: make the message one that others can go on with. */
void late_recover(struct msg *m);

#endif
