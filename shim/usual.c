#include "usual.h"

#include <errno.h>

#include "place.h"
#include "settle.h"
#include "note.h"
#include "once.h"

static inline bool usual_head(struct msg *m, struct conn *c, const struct call *call, ssize_t *r)
{
	const struct hold_rule rule = hold_decide(config.join, IDLE, HEAD_WHOLE);
	if (rule.action != KEEP || m->habit.vain != NOT_IN_VAIN ||
	    !look_whole_head(m, request_method(&c->request), call->iov->iov_base, call->size) ||
	    m->head.at_once != AT_ONCE_NO || !crowd_has_room(CROWD_HEADS))
		return false;
	settle_begin(m, c, false);
	if (framing_begin(&m->framing, &m->head) != FRAMING_INSIDE || !settle_watch(m, call->size))
		return false;
	note_usual_kept(m, call->size);
	m->len = call->size;
	settle_head(m, c, &m->head);
	if (!m->request)
		once_end();
	*r = (ssize_t)call->size;
	return settle_kept(m, c, rule.next);
}

/* The call is over, and took so many bytes of what was held. In this order: until the second store all of it counts as
 * sent. */
static inline void end_call(struct msg *m, size_t taken_bytes)
{
	m->sent += taken_bytes;
	atomic_signal_fence(memory_order_seq_cst);
	atomic_store_explicit(&m->calling, NOT_CALLING, memory_order_relaxed);
}

/* The call was cut short, or failed, although there was room. What it leaves over is a matter for the table, if none of
 * the program's bytes are concerned. */
SLOW bool cut_short(struct msg *m, struct conn *c, const struct call *call, size_t held_bytes, ssize_t taken_bytes,
                    int error, enum hold_state next, ssize_t *r)
{
	end_call(m, taken_bytes < 0 ? 0 : (size_t)taken_bytes < held_bytes ? (size_t)taken_bytes : held_bytes);
	room_unknown(c);
	if (taken_bytes < 0) {
		if (error == EAGAIN)
			return false;
		settle_failure(m, c, error);
		*r = -1;
		errno = error;
		return true;
	}
	if ((size_t)taken_bytes < held_bytes)
		return false;
	m->kernel = true;
	*r = taken_bytes - (ssize_t)held_bytes;
	if (*r > 0) {
		settle_result(m, c, call, &(struct sight){ .event = BODY_END }, (size_t)*r, next);
		return true;
	}
	if (emit_waits(call))
		return false;
	settle_failure(m, c, EAGAIN);
	*r = -1;
	errno = EAGAIN;
	return true;
}

/* For a longer body there may not be room, and the table's way would ask the kernel once more. */
enum { USUAL_BODY_MAX = 16384 };

/* The kernel is known to have room for all of it, so the call does not wait. */
static inline bool usual_body(struct msg *m, struct conn *c, const struct call *call, ssize_t *r)
{
	const struct hold_rule rule = hold_decide(config.join, BODY, BODY_END);
	size_t held_bytes = m->len - m->sent;
	settle_room(m, c);
	if (rule.action != JOIN || !framing_is_rest(&m->framing, call->size) || held_bytes == 0 ||
	    call->size > USUAL_BODY_MAX || !room_for(c, call->fd, held_bytes + call->size))
		return false;
	note_usual_joined(m, call->size); /* before the peer has it, which may look into the trace */
	int saved = errno;
	atomic_store_explicit(&m->calling, CALLING, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst); /* a handler that comes earlier may have sent what is held */
	ssize_t taken_bytes = emit_joined(m, call, call->flags);
	int error = errno;
	errno = saved;
	if (unlikely(taken_bytes != (ssize_t)(held_bytes + call->size)))
		return cut_short(m, c, call, held_bytes, taken_bytes, error, rule.next, r);
	end_call(m, held_bytes);
	room_spend(c, held_bytes + call->size);
	settle_taken(m, c, rule.next);
	*r = (ssize_t)call->size;
	return true;
}

/* Bytes of a body are not read: the memory they lie in may be gone (a mapped file that shrank), and that is the
 * kernel's to find out. Once the peer was heard they may be the next head. */
bool usual(const struct call *call, ssize_t *r)
{
	struct conn *c = conn_find(call->fd);
	struct msg *m = c != NULL ? atomic_load_explicit(&c->msg, memory_order_acquire) : NULL;
	if (m == NULL || call->iovcnt != 1 || call->hdr != NULL || call->flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT))
		return false;
	enum hold_state state = atomic_load_explicit(&m->state, memory_order_relaxed);
	if (state == IDLE ? !http_may_open(call->iov->iov_base, call->size) ||
	                            place_of(c, call->fd, 0, call->size) != PLACE_IN_MEMORY
	                  : state != BODY || atomic_load_explicit(&m->read_since, memory_order_relaxed))
		return false;
	if (unlikely(atomic_load_explicit(&process_lent, memory_order_relaxed)) && process_is_borrowed())
		return false;
	own_testcancel();
	int cancel = turn_uncancellable();
	bool done = false;
	if (turn_take_now(c, m)) {
		if (m->state == state && !m->out_of_sight) {
			msg_write(m);
			done = state == IDLE ? usual_head(m, c, call, r) : usual_body(m, c, call, r);
		}
		turn_give(m);
	}
	turn_cancellable(cancel);
	return done;
}
