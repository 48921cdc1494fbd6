/* Signal handlers that interrupt their own thread in its turn on a message, and write to the same connection or jump
 * away.
 *
 * Whether the bytes that the thread was sending have left is not known to the handler. So the handler's bytes are
 * queued, and the thread sends them before it gives the turn back. */
#ifndef ONEWRITE_LATE_H
#define ONEWRITE_LATE_H

#include "emit.h"

/* msg.late of a message for which nothing is queued any more (late_end). */
#define LATE_NO_MORE ((struct late *)-1)

static inline bool late_is_queue(const struct late *l)
{
	return l != NULL && l != LATE_NO_MORE;
}

/* Queue the bytes of a signal handler's call; the calling thread has the turn. Returns how many were queued, which the
 * program is told are written, or -1 and EAGAIN if there is no room. A call with flags that cannot be kept for later
 * (MSG_OOB, for example), or for which there is no memory, or behind late_end(), is made at once; then its own result
 * is returned. */
ssize_t late_write(struct msg *m, const struct call *call);
/* Send what is held, then what handlers have queued. Waits for room twice 200 ms at most. The caller has the turn. */
void late_send(struct msg *m);
/* The same if anything is queued. */
static inline void late_drain(struct msg *m)
{
	if (atomic_load(&m->late_waits))
		late_send(m);
}

/* From now on handlers write past the message, which has nothing to send any more. False: a handler has queued bytes,
 * or it was called before, and nothing is changed. The caller has the turn, and is about to take the message off its
 * connection, where handlers would not find it. */
bool late_end(struct msg *m);

/* The caller has just got a turn that its former owner left by a jump out of a signal handler. Brings the message into
 * a state with which the caller can go on, and sends what handlers have queued. Leaves errno alone. */
void late_recover(struct msg *m);

#endif
