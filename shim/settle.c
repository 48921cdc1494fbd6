#include "settle.h"

#include <errno.h>
#include <signal.h>

#include "config.h"
#include "release.h"

void settle_head(struct msg *m, struct conn *c, const struct http_head *h)
{
	if (m != NULL) {
		m->request = h->request;
		m->sure = h->at_once == AT_ONCE_NO && (h->body == BODY_LENGTH || h->body == BODY_CHUNKED) &&
		          (h->request || request_is_certain(&c->request, METHOD_OTHER));
	}
	if (h->at_once == AT_ONCE_TUNNEL)
		atomic_store_explicit(&c->kind, CONN_PASSED_OVER, memory_order_relaxed);
	incoming_awaits(c, h);
}

bool settle_kept(struct msg *m, struct conn *c, enum hold_state next)
{
	atomic_store_explicit(&m->read_since, 0, memory_order_relaxed);
	msg_state(m, next);
	/* A copy of the process may have begun meanwhile, memory may have been forbidden, or the socket shut. The
	 * thread that did so may have looked for holds before this one was visible, so this thread releases it. */
	if (!process_allows_memory(c->epoch) || atomic_load(&c->flags) & (CONN_ALIASED | CONN_SHUT))
		release_held(m, hold_decide(config.join, next, RELEASE).next);
	if (likely(!atomic_load_explicit(&m->detached, memory_order_relaxed)) || m->state != next)
		return true; /* otherwise a handler that closes the descriptor sends what is held */
	msg_gone(m, IDLE);
	return false;
}

void settle_end(struct msg *m, struct conn *c)
{
	emit_uncork(m, m->fd);
	if (config.join == JOIN_MESSAGE && atomic_load_explicit(&c->small, memory_order_relaxed))
		emit_nudge(m->fd);
	atomic_store_explicit(&c->small, 1, memory_order_relaxed);
	msg_gone(m, IDLE);
}

void settle_the_programs_more(struct msg *m, const struct conn *c, int flags, enum hold_state before)
{
	bool waits = flags & MSG_MORE || conn_has(c, CONN_CORKED);
	bool was_held = hold_waits(before) || before == REST;
	if (waits && was_held && (m->state == IDLE || m->state == STREAM))
		emit_push(m->fd, m);
}

void settle_failure(struct msg *m, struct conn *c, int error)
{
	room_unknown(c);
	if (emit_is_final(error)) {
		conn_set(c, CONN_SHUT);
		msg_clear(m);
		msg_state(m, IDLE);
	} else if (m->len > 0 && m->sent == m->len) {
		m->kernel = true; /* what was held is sent, the call's own bytes are not */
	}
	if (m->state == IDLE)
		emit_uncork(m, m->fd);
}

int settle_report(struct msg *m)
{
	int error = m->error;
	m->error = 0;
	msg_state(m, IDLE);
	return error;
}

void settle_signal(int error, int flags)
{
	if (error == EPIPE && !(flags & MSG_NOSIGNAL))
		own()->raise(SIGPIPE);
}

/* The state after the kernel took r of the call's bytes, if those are not all, or the bytes could not be looked at. */
static enum hold_state state_after(struct msg *m, const struct call *call, const struct sight *s, size_t r,
                                   enum hold_state next)
{
	enum hold_state state = m->state;
	size_t followed_bytes;
	if (s->event == OPAQUE)
		return framing_skip(&m->framing, r) == FRAMING_INSIDE ? next : IDLE;
	if (s->in_head && (!s->head_done || r < s->head_bytes))
		/* a part of a head is followed only if there is a copy of it */
		return m->kernel && next != IDLE ? HEAD : IDLE;
	if (s->in_head)
		framing_begin(&m->framing, &m->head);
	enum framing_verdict v = look_follow(&m->framing, call, s->in_head ? s->head_bytes : 0, r, &followed_bytes);
	if (v != FRAMING_INSIDE)
		return IDLE;
	if (state == STREAM || next == STREAM || config.join == JOIN_HEADER)
		return STREAM;
	/* Under our cork the bytes that were taken wait, whatever flags the call had. */
	m->due = next == REST || m->corked ? m->due : 0;
	return REST;
}

void settle_taken(struct msg *m, struct conn *c, enum hold_state next)
{
	if (next == REST || next == STREAM || next == IDLE) {
		m->kernel = true;
		msg_clear(m);
	}
	if (next == STREAM)
		emit_uncork(m, m->fd); /* the message is not followed closely any more, so no cork would be taken off */
	atomic_store_explicit(&m->read_since, 0, memory_order_relaxed);
	if (next == IDLE) {
		settle_end(m, c);
		return;
	}
	if (next == STREAM)
		atomic_store_explicit(&c->small, 1, memory_order_relaxed);
	msg_state(m, next);
}

void settle_result(struct msg *m, struct conn *c, const struct call *call, const struct sight *s, size_t r,
                   enum hold_state next)
{
	if (r < call->size || s->event == OPAQUE)
		next = state_after(m, call, s, r, next);
	else
		m->framing = s->framing;
	if (s->head_done && r >= s->head_bytes)
		settle_head(m, c, &m->head);
	if (s->event == HEAD_ASKS)
		m->due = 0; /* nothing of it waits */
	settle_taken(m, c, next);
}
