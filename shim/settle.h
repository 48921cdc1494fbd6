/* What a call left: the books of a message are made from results, never from what was asked. The caller has the turn.
 */
#ifndef ONEWRITE_SETTLE_H
#define ONEWRITE_SETTLE_H

#include <netinet/in.h>
#include <netinet/tcp.h>

#include "config.h"
#include "incoming.h"
#include "look.h"
#include "room.h"
#include "turn.h"

/* What is known of the room for a held head is trusted for as long as heads are held by default: later somebody may
 * have filled the buffer by calls that no hook sees, and the kernel is asked again. */
static inline void settle_room(const struct msg *m, struct conn *c)
{
	if (unlikely(config.timeout_ns > TIMEOUT_DEFAULT_NS) && m->sent < m->len &&
	    now_ns() - m->last_write_at > TIMEOUT_DEFAULT_NS)
		room_unknown(c);
}

/* A message begins that is followed. */
static inline void settle_begin(struct msg *m, const struct conn *c, bool kernel)
{
	m->cookie = atomic_load_explicit(&c->cookie, memory_order_relaxed);
	m->due = m->size = 0;
	m->kernel = kernel;
}

/* The kernel, or we, may hold some of these bytes: the helper will look in time. False: there is none. */
static inline bool settle_watch(struct msg *m, size_t size)
{
	m->last_write_at = now_ns();
	m->last_write_size = size;
	m->size += size;
	if (m->due == 0)
		m->due = m->last_write_at + config.timeout_ns;
	return deadline_watch(&m->deadline, m->due);
}

/* --- what a call left ----------------------------------------------------------------------------- */

/* Bytes lie in our memory, and the program is told that they are written; `next` is the state from now on. False: a
 * signal handler has closed the descriptor meanwhile, and nothing is held. */
bool settle_kept(struct msg *m, struct conn *c, enum hold_state next);
/* A whole head was written: another request is awaited, or a tunnel begins. `m`: the message that it opens, if one is
 * followed. */
void settle_head(struct msg *m, struct conn *c, const struct http_head *h);
/* All of a call's bytes were taken, and the message is in the state `next`. */
void settle_taken(struct msg *m, struct conn *c, enum hold_state next);
/* r of the call's bytes were taken. `next` is the state if those are all of them. */
void settle_result(struct msg *m, struct conn *c, const struct call *call, const struct sight *s, size_t r,
                   enum hold_state next);
/* The call failed with this errno, and none of its bytes was taken. */
void settle_failure(struct msg *m, struct conn *c, int error);
/* What was held went along with bytes that the program itself keeps back, by MSG_MORE among a call's `flags` or by a
 * cork. `before`: the message's state when the call came. It must not stay there for longer than we would have held it,
 * so it goes now if nobody follows it any more. */
void settle_the_programs_more(struct msg *m, const struct conn *c, int flags, enum hold_state before);
/* The message is complete: nothing of it waits, neither under our cork nor for the ACK of a short segment before it. */
void settle_end(struct msg *m, struct conn *c);
/* The call fails with the error that is waiting, which is returned. */
int settle_report(struct msg *m);
/* The signal that goes with such an error. Not in the turn: its handler may jump away. */
void settle_signal(int error, int flags);

#endif
