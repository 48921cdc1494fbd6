#include "vain.h"

#include <linux/sockios.h>

#include "config.h"
#include "real.h"

/* A pause is a fifth of the timeout. A program that goes on after a pause was waiting for something, so it writes in
 * pieces that are to be sent at once. */
enum { PAUSES_IN_A_TIMEOUT = 5 };

/* Has the peer taken everything but a segment that is not full? If not, it is the peer that the program waits for, and
 * the kernel adds what comes next to what it has. */
static bool peer_is_ready(const struct msg *m)
{
	int unsent = 0;
	return libc()->ioctl(m->fd, SIOCOUTQNSD, &unsent) == 0 && (size_t)unsent < conn_mss(conn_find(m->fd), m->fd);
}

static bool has_paused(const struct msg *m)
{
	return m->state == REST && m->due != 0 &&
	       now_ns() - m->last_write_at >= config.timeout_ns / PAUSES_IN_A_TIMEOUT && peer_is_ready(m);
}

static void learn(struct msg *m, enum vain vain)
{
	bool kept = m->len >= m->head.size || m->known == m->head.size;
	uint16_t kind = kept ? habit_kind(m->buf, &m->head) : m->habit.current;
	if (kind != 0)
		habit_begin(&m->habit, kind, vain);
}

void vain_met_the_deadline(struct msg *m)
{
	if (m->state == BODY)
		learn(m, HEAD_IN_VAIN);
	else if (m->state == REST && peer_is_ready(m))
		learn(m, MORE_IN_VAIN);
}

/* The kind of the message whose head is complete with this call, or was before. */
static uint16_t kind_of(const struct msg *m, const struct call *call, const struct sight *s)
{
	bool in_place = s->head_done && m->len == 0 && call->iov->iov_len >= m->head.size;
	return habit_kind(in_place ? (const char *)call->iov->iov_base : m->buf, &m->head);
}

struct hold_rule vain_rule(struct msg *m, const struct call *call, struct sight *s)
{
	enum hold_state state = m->state;
	bool begins = s->event == BODY_PART && state != STREAM && state != REST;
	struct hold_rule rule = hold_decide(config.join, state, s->event);
	if (state == IDLE)
		m->habit.unheld = false;
	if (has_paused(m) && rule.action == PASS_MORE) {
		learn(m, MORE_IN_VAIN);
		s->why = WHY_PAUSE;
		return hold_without(rule);
	}
	if (state == IDLE && rule.action == PASS_MORE)
		m->habit.current = kind_of(m, call, s);
	if (!habit_any(&m->habit) || !(begins || (s->event == HEAD_WHOLE && s->head_done)))
		return rule;
	enum vain vain = habit_says(&m->habit, kind_of(m, call, s));
	if (vain == NOT_IN_VAIN || (s->event == HEAD_WHOLE && vain == MORE_IN_VAIN))
		return rule;
	m->habit.unheld = true;
	m->habit.since = m->last_write_at = now_ns();
	s->why = WHY_IN_VAIN;
	if (s->event == HEAD_WHOLE)
		s->event = HEAD_NOW;
	rule = hold_decide(config.join, state, s->event);
	return s->event == HEAD_NOW ? rule : hold_without(rule);
}

/* Would the message have been joined? A held head would, if its body came within the timeout; gathered pieces would, if
 * the message's end came within the timeout, and no pause was between them. */
void vain_look_back(struct msg *m, enum hold_event event)
{
	if (!m->habit.unheld || m->state != STREAM)
		return;
	uint64_t now = now_ns();
	bool goes_on = m->habit.vain == MORE_IN_VAIN && event != BODY_END;
	m->habit.unheld = goes_on && now - m->last_write_at < config.timeout_ns / PAUSES_IN_A_TIMEOUT;
	m->last_write_at = now;
	if (!goes_on && now - m->habit.since < config.timeout_ns)
		habit_end(&m->habit);
}
