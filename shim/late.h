/* A signal handler writes to the socket on which the very thread it interrupted is writing.
 *
 * What the thread was sending may or may not be out; the handler's bytes wait until the thread knows, and follow then. A handler
 * may also leave by siglongjmp: then our hook of that says so, and the thread meets its own lock again. */
#ifndef ONEWRITE_LATE_H
#define ONEWRITE_LATE_H

#include "emit.h"

/* This thread meets its own lock, which it took at stack address `then` and meets at `now`: did it leave without giving it back? Then
 * the lock is as good as taken. */
bool late_is_abandoned(struct msg *m, uintptr_t then, uintptr_t now);
ssize_t late_write(struct msg *m, const struct call *call);
/* Send what handlers wrote meanwhile. Caller has the lock. */
void late_send(struct msg *m);
static inline void late_drain(struct msg *m)
{
	if (atomic_load(&m->late) != NULL)
		late_send(m);
}

#endif
