#include "lead.h"

#include <errno.h>

#include "outgoing.h"
#include "release.h"
#include "settle.h"
#include "note.h"
#include "observe.h"
#include "vain.h"

/* n bytes come by a call that has no MSG_MORE (0: not known how many), and the message may go on behind them. A cork
 * keeps segments full up to the message's end. */
static void follow_to_the_end(struct msg *m, struct conn *c, size_t n)
{
	struct framing framing_after = m->framing;
	if (!config.active || !settle_watch(m, 0)) {
		emit_uncork(m, m->fd);
		msg_state(m, STREAM);
	} else if (n > 0 && conn_is_ours(c, m->fd) &&
	           (m->size + n > conn_mss(c, m->fd) || framing_skip(&framing_after, n) == FRAMING_INSIDE)) {
		emit_cork(m);
	}
}

/* Sends what is held, in the turn. Returns 0 or the errno; *report is the errno if an earlier call met it, in which
 * case the caller raises its signal. */
static int before(struct msg *m, struct conn *c, size_t n, int flags, struct lead *lead, int *report)
{
	struct hold_rule rule = hold_decide(config.join, m->state, OPAQUE);
	note(m, m->fd, m->state, OPAQUE, rule.action, WHY_LEAD, n);
	msg_write(m);
	settle_room(m, c);
	vain_look_back(m, OPAQUE);
	if (rule.action == REPORT)
		return *report = settle_report(m);
	if (m->state == IDLE)
		return 0;
	int error = emit_held(m, m->fd, MSG_MORE | flags | room_flags(c, m->fd, m->len - m->sent));
	if (error != 0) {
		if (error != EAGAIN)
			settle_failure(m, c, error);
		return error;
	}
	m->kernel = true;
	msg_clear(m);
	if (rule.next == REST)
		follow_to_the_end(m, c, n);
	*lead = (struct lead){ m, m->writes, n, m->state };
	return 0;
}

int lead_before(int fd, size_t n, int flags, struct lead *lead)
{
	struct conn *c = conn_find(fd);
	flags &= MSG_NOSIGNAL | MSG_DONTWAIT;
	*lead = (struct lead){ 0 };
	if (unlikely(config.observe))
		observe_lead(fd, n);
	for (unsigned tries = 0;;) {
		if (conn_idle(c)) {
			if (c == NULL)
				return 0;
			once_missed(&c->unread);
			room_unknown(c); /* now, since the call that follows may never return */
			return 0;
		}
		own_testcancel();
		uint64_t cookie = atomic_load_explicit(&c->cookie, memory_order_relaxed);
		int saved = errno, cancel = turn_uncancellable(), error = 0, report = 0;
		struct msg *m = turn_take_old(c, fd);
		bool ours = m != NULL && !release_is_our_parents(m);
		if (ours && m->out_of_sight)
			outgoing_see_again(m);
		if (ours)
			error = before(m, c, n, flags, lead, &report);
		if (m != NULL)
			turn_give(m);
		room_unknown(c);
		turn_cancellable(cancel);
		settle_signal(report, flags);
		bool again = error == EAGAIN && !(flags & MSG_DONTWAIT) && !room_is_nonblocking(fd);
		if (again)
			error = room_wait(c, cookie, fd, flags, tries++);
		errno = saved;
		if (!again || error != 0)
			return error;
	}
}

/* Before Linux 6.5 a call that writes less than it was asked for leaves its end under MSG_MORE, because there was to be
 * more of it. That end is pushed where the message is over; and where a head that was held may be in the same segment,
 * for the library has made it wait. Any other end is the program's, and waits as it would. */
static void push_short_end(const struct msg *m, struct conn *c, const struct lead *lead, ssize_t result)
{
	if ((size_t)result >= lead->asked)
		return;
	if (m->state == IDLE || (m->state == STREAM && hold_waits(lead->meanwhile) && m->size < conn_mss(c, m->fd)))
		emit_push(m->fd, m);
}

/* Books what the call did. If it wrote nothing, the head that was sent before must not wait for bytes that do not
 * come. */
static void after(struct msg *m, struct conn *c, const struct lead *lead, ssize_t result)
{
	struct hold_rule rule = hold_decide(config.join, m->state, OPAQUE);
	if (result <= 0) {
		struct hold_rule release = hold_decide(config.join, m->state, RELEASE);
		if (release.action == EMIT)
			release_held(m, release.next);
		return;
	}
	m->size += (size_t)result;
	m->last_write_size = (size_t)result;
	m->last_write_at = now_ns();
	if (framing_skip(&m->framing, (uint64_t)result) != FRAMING_INSIDE) {
		settle_end(m, c);
		push_short_end(m, c, lead, result);
		return;
	}
	if (!m->corked)
		atomic_store_explicit(&c->small, 1, memory_order_relaxed);
	if (m->state == lead->meanwhile)
		settle_taken(m, c, rule.next);
	push_short_end(m, c, lead, result);
}

void lead_after(int fd, const struct lead *lead, ssize_t result, int flags)
{
	struct conn *c = conn_find(fd);
	if (c == NULL)
		return;
	int saved = errno;
	room_unknown(c); /* another thread may have asked for it during the call */
	if (lead->m != NULL) {
		int cancel = turn_uncancellable();
		struct msg *m = turn_take_old(c, fd);
		if (m != NULL && m == lead->m && m->writes == lead->number && m->state != IDLE && m->state != FAILED) {
			after(m, c, lead, result);
			settle_the_programs_more(m, c, flags, lead->meanwhile);
		}
		if (m != NULL)
			turn_give(m);
		turn_cancellable(cancel);
	}
	errno = saved;
}

void lead_corked(struct msg *m)
{
	/* Asked also where no descriptor is known to have changed: an option costs a system call anyway. */
	if (process_is_borrowed() && !release_is_here(m))
		return; /* the message is our parent's, of another socket */
	if (m->out_of_sight)
		outgoing_see_again(m);
	if (m->state != FAILED && emit_held(m, m->fd, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL) == 0)
		m->kernel = true;
}
