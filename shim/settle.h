/* Books the results of calls: what a message's fields say is made from what the kernel took, never from what was asked.
 * The caller has the turn. */
#ifndef ONEWRITE_SETTLE_H
#define ONEWRITE_SETTLE_H

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "config.h"
#include "incoming.h"
#include "look.h"
#include "room.h"
#include "turn.h"

/* What is known of the room for a held head is trusted for the default timeout. If heads are held for longer than that,
 * calls that no hook saw may have filled the buffer meanwhile, and the kernel is asked again. */
static inline void settle_room(const struct msg *m, struct conn *c)
{
	if (unlikely(config.timeout_ns > TIMEOUT_DEFAULT_NS) && m->sent < m->len &&
	    now_ns() - m->last_write_at > TIMEOUT_DEFAULT_NS)
		room_unknown(c);
}

/* Begins a message that is followed. `kernel`: it is held by the kernel, not in memory. */
static inline void settle_begin(struct msg *m, const struct conn *c, bool kernel)
{
	m->cookie = atomic_load_explicit(&c->cookie, memory_order_relaxed);
	m->due = m->size = 0;
	m->kernel = kernel;
}

/* These `size` bytes may be held, by the kernel or in memory, so the helper has to look in time. Returns false if there
 * is no helper and none can be started. */
static inline bool settle_watch(struct msg *m, size_t size)
{
	m->last_write_at = now_ns();
	m->last_write_size = size;
	m->size += size;
	if (m->due == 0)
		m->due = m->last_write_at + config.timeout_ns;
	return deadline_watch(&m->deadline, m->due);
}

/* --- what a call left ------------------------------------------------------------------------- */

/* The call's bytes lie in memory, and the program will be told that they are written; `next` is the state from now on.
 * Returns false if a signal handler has closed the descriptor meanwhile: then nothing is held. */
bool settle_kept(struct msg *m, struct conn *c, enum hold_state next);
/* A whole head was written: another request is awaited, or a tunnel begins. `m` is the message that the head opens, or
 * NULL if it is not followed. */
void settle_head(struct msg *m, struct conn *c, const struct http_head *h);
/* The kernel took all bytes of a call, and the message is in the state `next`. */
void settle_taken(struct msg *m, struct conn *c, enum hold_state next);
/* The kernel took r of the call's bytes. `next` is the state if those are all of them. */
void settle_result(struct msg *m, struct conn *c, const struct call *call, const struct sight *s, size_t r,
                   enum hold_state next);
/* The call failed with this errno, and the kernel took none of its bytes. */
void settle_failure(struct msg *m, struct conn *c, int error);
/* What was held went along with bytes that the program itself keeps back, by MSG_MORE in the call's `flags` or by its
 * own cork. It must not be kept there for longer than the library would have held it, so it is pushed now if the
 * message is not followed any more. `before` is the message's state when the call came. */
void settle_the_programs_more(struct msg *m, const struct conn *c, int flags, enum hold_state before);
/* The message is complete: nothing of it may wait, neither under our cork nor for the ACK of a short segment before
 * it. */
void settle_end(struct msg *m, struct conn *c);
/* The call fails with the error that an earlier one left. Returns that errno, and clears it. */
int settle_report(struct msg *m);
/* Raises the signal that belongs to such an error. Not to be called in the turn: its handler may jump away. */
void settle_signal(int error, int flags);

#endif
