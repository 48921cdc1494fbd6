#include "outgoing.h"

#include <errno.h>
#include <sys/syscall.h>

#include "admit.h"
#include "late.h"
#include "place.h"
#include "release.h"
#include "settle.h"
#include "note.h"
#include "observe.h"
#include "usual.h"
#include "vain.h"

static bool adds_more(enum hold_action action)
{
	return action == KEEP || action == PASS_MORE || action == JOIN_MORE;
}

/* Prepares what the rule lets the kernel hold: the message, its deadline and a cork. Returns false if nothing may be
 * held. */
static bool prepare_kernel(struct msg *m, struct conn *c, const struct call *call, struct hold_rule rule)
{
	enum hold_action action = rule.action;
	if (m->state == IDLE && action == KEEP && !crowd_has_room(CROWD_HEADS))
		return false;
	if (m->state == IDLE && (adds_more(action) || rule.next == REST)) {
		settle_begin(m, c, true);
		m->framing = (struct framing){ 0 }; /* known when the head is complete */
	}
	if (!adds_more(action))
		return true;
	if (m->state != REST && action != KEEP && !crowd_has_room(CROWD_RESTS))
		return false;
	if (action == KEEP && !(m->kernel && msg_reserve(m, m->len + call->size)))
		return false;
	if (!config.active || !settle_watch(m, call->size))
		return false;
	/* MSG_MORE lasts until the next ACK only: when a full segment of the message is acknowledged, the kernel sends
	 * the short one behind it. So what is longer than a segment is also put under a cork, unless others have the
	 * socket, who could set a cork of their own meanwhile. */
	if (action != KEEP && !m->corked && m->size > conn_mss(c, call->fd) && conn_is_ours(c, call->fd))
		emit_cork(m);
	return true;
}

/* Holds the call's bytes in memory, without a system call. Returns false if they cannot be held there. */
static bool keep_in_memory(struct msg *m, struct conn *c, const struct call *call, const struct sight *s,
                           enum hold_state next)
{
	if (m->state == IDLE) {
		if (!place_is_memory(c, atomic_load_explicit(&c->flags, memory_order_relaxed), call->fd, call->size) ||
		    !crowd_has_room(CROWD_HEADS))
			return false;
		settle_begin(m, c, false);
	}
	if (m->kernel || !config.active || !room_for(c, call->fd, m->len + call->size) ||
	    !msg_reserve(m, m->len + call->size) || !settle_watch(m, call->size))
		return false;
	m->len += look_copy(m->buf + m->len, call->size, call);
	m->framing = s->framing;
	if (s->head_done)
		settle_head(m, c, &m->head);
	if (s->head_done && m->len == m->head.size)
		m->known = m->len;
	return settle_kept(m, c, next);
}

/* --- what is done without waiting: in the turn ------------------------------------------------ */

struct outcome {
	enum {
		ALL_TAKEN,
		CALL_FOLLOWS, /* What was held is sent, and the kernel was not asked to take the call's own bytes. */
		/* What was held is sent. The kernel was asked for all of the call's own bytes, and took `taken` of
		 * them. */
		CUT_SHORT,
		NO_ROOM, /* no room for what is held */
		REFUSED,
	} what;
	size_t taken_bytes; /* of the call's bytes */
	int error;
};

static struct outcome refused(int error)
{
	return (struct outcome){ error == EAGAIN ? NO_ROOM : REFUSED, 0, error };
}

/* Sends what is held by itself. `more` is MSG_MORE if what follows belongs to it, or 0. */
static struct outcome emit_alone(struct msg *m, struct conn *c, const struct call *call, int more)
{
	size_t held_bytes = m->len - m->sent;
	int flags = (call->flags & (MSG_NOSIGNAL | MSG_DONTWAIT)) | room_flags(c, call->fd, held_bytes);
	int error = emit_held(m, call->fd, flags | more);
	if (held_bytes > 0)
		room_spend(c, held_bytes);
	if (error != 0)
		return refused(error);
	if (m->kernel && !more)
		emit_push(call->fd, m);
	m->kernel = true;
	return (struct outcome){ CALL_FOLLOWS, 0, 0 };
}

/* Makes one call, and notes how much of what is held it took. */
SLOW ssize_t call_joined(struct msg *m, const struct call *call, int flags)
{
	bool sure = !(flags & MSG_DONTWAIT);
	size_t held_bytes = m->len - m->sent;
	sigset_t before;
	if (!sure)
		emit_hold_signals(&before);
	atomic_store_explicit(&m->calling, sure ? CALLING : CALLING_WITHOUT_SIGNALS, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	ssize_t r = emit_joined(m, call, flags);
	if (r > 0)
		m->sent += (size_t)r < held_bytes ? (size_t)r : held_bytes;
	if (m->sent == m->len)
		m->kernel = true;
	atomic_store_explicit(&m->calling, NOT_CALLING, memory_order_relaxed);
	int error = errno;
	if (!sure)
		emit_let_signals(&before);
	errno = error; /* a signal handler may have changed it */
	return r;
}

/* Sends what is held and the call's bytes in one system call. A call that may have to wait is left whole to the
 * program's own call: if it were split, the second half might meet another socket under the number, and a signal that
 * ends one half would not end the other. If the kernel takes less than was held, it is asked again for the reason,
 * since the program must not be told 0. */
static struct outcome join(struct msg *m, struct conn *c, const struct call *call, bool more)
{
	size_t held_bytes = m->len - m->sent;
	bool room = emit_fits(call) && room_for(c, call->fd, held_bytes + call->size);
	if (!room && (!emit_fits(call) || emit_waits(call)))
		return emit_alone(m, c, call, MSG_MORE);
	int flags = call->flags | (more ? MSG_MORE : 0) | (room ? 0 : MSG_DONTWAIT);
	for (;;) {
		ssize_t r = call_joined(m, call, flags);
		if (r < 0)
			return refused(errno);
		room_spend(c, (size_t)r);
		if ((size_t)r >= held_bytes) {
			size_t taken_bytes = (size_t)r - held_bytes;
			return (struct outcome){ taken_bytes == call->size ? ALL_TAKEN : CUT_SHORT, taken_bytes, 0 };
		}
		held_bytes -= (size_t)r;
		flags |= MSG_DONTWAIT;
	}
}

static struct outcome act(struct msg *m, struct conn *c, const struct call *call, enum hold_action action)
{
	if (action == LEAD)
		return emit_alone(m, c, call, MSG_MORE);
	if ((action == JOIN || action == JOIN_MORE) && m->sent < m->len)
		return join(m, c, call, action == JOIN_MORE);
	return (struct outcome){ CALL_FOLLOWS, 0, 0 };
}

/* --- the program's own call: without the turn, for it may wait, or never return -------------- */

/* Until the call's result is booked, any thread may go on with the message: nothing of it lies in memory, and what the
 * kernel may hold has a deadline. Returns the state for that time. */
static enum hold_state take_off(struct msg *m, const struct sight *s, enum hold_action action)
{
	if (action != KEEP)
		msg_clear(m);
	if (m->corked && m->due == 0 && !settle_watch(m, 0))
		emit_uncork(m, m->fd);
	if (m->state == IDLE) {
		m->framing = s->framing;
		msg_state(m, action == KEEP ? BODY : action == PASS_MORE ? REST : STREAM);
	}
	return m->state;
}

/* The state after a call during which another thread released the message, which made a stream of it. */
static enum hold_state after_release(enum hold_state next)
{
	return next == HEAD ? IDLE : next == BODY || next == REST ? STREAM : next;
}

struct flight {
	struct msg *m;
	unsigned number;           /* msg.writes of this write */
	enum hold_state before;    /* the message's state when the call came */
	enum hold_state meanwhile; /* the message's state while the call is on its way */
	struct framing framing;    /* the message's framing before the call */
	struct http_head head;     /* what m->head says, if the head is complete with this call */
};

/* Has bytes pushed in time that were sent with MSG_MORE. Perhaps no deadline covers them: the message was released
 * while the call was on its way, or the helper looked at the deadline before the call had sent anything. */
static void see_to_more(struct msg *m, bool released)
{
	bool waits = !released && (hold_waits(m->state) || m->state == REST);
	/* The helper may have ended meanwhile. */
	if (!waits || !(m->due == 0 ? settle_watch(m, 0) : deadline_watch(&m->deadline, m->due)))
		emit_push(m->fd, m);
	else if (m->due <= now_ns()) /* the helper has looked at it during the call, and sent nothing */
		release_held(m, hold_decide(config.join, m->state, RELEASE).next);
}

static void set_off(struct msg *m, unsigned number)
{
	static _Thread_local struct {
		pid_t tid;
		unsigned epoch; /* a forked child's thread has another number */
	} self __attribute__((tls_model("initial-exec")));
	unsigned epoch = atomic_load(&process_epoch);
	if (self.tid == 0 || self.epoch != epoch) {
		self.tid = own_tid();
		/* a vfork's child shares this variable with its parent's thread, which must not take the number for its
		 * own */
		self.epoch = process_is_borrowed() ? epoch - 1 : epoch;
	}
	turn_flights[1] = turn_flights[0];
	turn_flights[0] = (struct turn_flight){ m, number };
	m->flyer = self.tid;
	atomic_store_explicit(&m->flying, number, memory_order_relaxed);
}

/* Books the result of a call that was made without the turn: the kernel took r of its bytes, or none (0) and `error` is
 * the errno. */
static void book(const struct flight *f, struct conn *c, const struct call *call, const struct sight *s,
                 struct hold_rule rule, size_t r, int error)
{
	int cancel = turn_uncancellable();
	struct msg *m = turn_take_old(c, call->fd);
	/* The descriptor was closed, or another write came between. What the call says about the connection still
	 * holds. */
	if (m != f->m || m->writes != f->number) {
		if (s->head_done && r >= s->head_bytes)
			settle_head(NULL, c, &f->head);
	} else {
		bool released = m->state != f->meanwhile;
		enum hold_state next = released ? after_release(rule.next) : rule.next;
		atomic_store_explicit(&m->flying, 0, memory_order_relaxed);
		if (r == 0 && error != 0) {
			if (f->before == IDLE)
				msg_state(m, IDLE);
			settle_failure(m, c, error);
		} else {
			m->framing = f->framing;
			if (rule.action == KEEP)
				m->sent = m->len += look_copy(m->buf + m->len, r, call);
			if (rule.action == KEEP && s->head_done && m->len == m->head.size)
				m->known = m->len;
			settle_result(m, c, call, s, r, next);
			if (rule.action == LEAD && r == 0)
				emit_push(call->fd, m);
			if (adds_more(rule.action))
				see_to_more(m, released);
			if (r > 0)
				settle_the_programs_more(m, c, call->flags, f->before);
		}
	}
	if (m != NULL)
		turn_give(m);
	turn_cancellable(cancel);
}

/* Makes the program's own call. Gives the turn back, and makes the thread cancellable again, before the call. */
SLOW ssize_t fly(struct msg *m, struct conn *c, const struct call *call, const struct sight *s, struct hold_rule rule,
                 int cancel)
{
	int saved = errno;
	bool more = adds_more(rule.action);
	struct flight f = { .m = m, .number = m->writes, .before = m->state, .framing = m->framing };
	if (s->head_done)
		f.head = m->head;
	f.meanwhile = take_off(m, s, rule.action);
	set_off(m, f.number);
	room_spend(c, call->size); /* now, since the thread may never return to say how many bytes were taken */
	turn_give(m);
	turn_cancellable(cancel);
	ssize_t r = more ? emit_call_more(call) : emit_call(call);
	int error = r < 0 ? errno : 0;
	book(&f, c, call, s, rule, r > 0 ? (size_t)r : 0, error);
	turn_flights[0] = turn_flights[1];
	turn_flights[1].m = NULL;
	errno = r < 0 ? error : saved;
	return r;
}

/* --- the flow --------------------------------------------------------------------------------- */

/* What was held before is sent, and the call is looked at again, as the beginning of a message. */
static void after_emission(struct msg *m, struct conn *c)
{
	if (m->sure) /* its body went in a way that no hook saw */
		conn_set(c, CONN_UNSEEN);
	msg_gone(m, IDLE);
}

void outgoing_see_again(struct msg *m)
{
	if (!release_is_here(m)) {
		msg_gone(m, IDLE);
		conn_doubt(m);
	} else {
		m->out_of_sight = false;
		release_held(m, hold_decide(config.join, m->state, RELEASE).next);
	}
	m->out_of_sight = false;
}

enum verdict { AGAIN, WAIT, DONE, REPORTED };

/* Makes one attempt, in the turn: what are these bytes, what does the table say, and what came of it? Gives the turn
 * back. AGAIN: call this once more; WAIT: the same after a wait for room; otherwise *result is the program's. */
static enum verdict attempt(struct msg *m, struct conn *c, const struct call *call, int cancel, ssize_t *result)
{
	int saved = errno;
	struct sight s;
	enum hold_state state = m->state;
	msg_write(m);
	settle_room(m, c);
	look(m, request_method(&c->request), call, &s);
	vain_look_back(m, s.event);
	struct hold_rule rule = vain_rule(m, call, &s);
	if (state == IDLE)
		rule = unread_judge(c, call, &s, rule);
	if (unlikely(config.counts) && state == IDLE && s.event != NOT_OURS && s.event != OPAQUE)
		note_message(call->iov->iov_base);
	if (rule.action == REPORT) {
		*result = -1;
		int error = settle_report(m);
		turn_give(m);
		errno = error;
		return REPORTED;
	}
	if (rule.action == KEEP && keep_in_memory(m, c, call, &s, rule.next)) {
		note(m, call->fd, state, s.event, KEEP, s.why, call->size);
		turn_give(m);
		*result = (ssize_t)call->size;
		errno = saved;
		return DONE;
	}
	if (!prepare_kernel(m, c, call, rule)) {
		if (rule.action == KEEP && deadline_cannot_be_kept())
			note_passed_over(call->fd, WHY_SANDBOX);
		rule = hold_without(rule);
	} else if (state == IDLE && rule.action == KEEP) {
		note_in_kernel(admit_why_in_kernel(c, call->fd));
	}
	note(m, call->fd, state, s.event, rule.action, s.why, call->size);

	struct outcome o = rule.action == EMIT ? emit_alone(m, c, call, 0) : act(m, c, call, rule.action);
	if (rule.action == EMIT && o.what == CALL_FOLLOWS) {
		after_emission(m, c);
		turn_give(m);
		errno = saved;
		return AGAIN;
	}
	if (o.what == NO_ROOM && emit_waits(call)) {
		room_unknown(c);
		turn_give(m);
		return WAIT;
	}
	if (o.what == CALL_FOLLOWS || (o.what == CUT_SHORT && o.taken_bytes == 0 && emit_waits(call))) {
		errno = saved;
		*result = fly(m, c, call, &s, rule, cancel);
		return DONE;
	}
	if (o.what == ALL_TAKEN || o.taken_bytes > 0) {
		settle_result(m, c, call, &s, o.taken_bytes, rule.next);
		settle_the_programs_more(m, c, call->flags, state);
		*result = (ssize_t)o.taken_bytes;
		o.error = saved;
	} else {
		o.error = o.what == REFUSED ? o.error : EAGAIN;
		settle_failure(m, c, o.error);
		*result = -1;
	}
	turn_give(m);
	errno = o.error;
	return DONE;
}

/* Makes the program's call as it is, for it has nothing to do with a message. What it writes is not counted. */
static ssize_t pass(struct conn *c, const struct call *call)
{
	if (c != NULL && call->size > 0)
		atomic_store_explicit(&c->room, 0, memory_order_relaxed);
	return emit_call(call);
}

static bool may_open(const struct call *call)
{
	return config.active && !config.off && look_opens(call);
}

static void note_none_opened(const struct call *call)
{
	if (config.off)
		note_passed_over(call->fd, WHY_SWITCHED_OFF);
	else
		note_opens_nothing(call->fd, call->iov->iov_base, call->iov->iov_len);
}

/* The way of every call that usual() does not make. */
SLOW ssize_t by_table(const struct call *call)
{
	if (unlikely(config.observe))
		return observe_call(call);
	for (unsigned tries = 0;;) {
		struct conn *c = conn_find(call->fd);
		bool idle = conn_idle(c), own_turn;
		if (idle && c != NULL && call->size > 0)
			unread_followed(c, call);
		if (call->size == 0 || (idle && !(may_open(call) && (c = conn_make(call->fd)) != NULL))) {
			if (unlikely(config.notes) && c != NULL && idle && call->size > 0 &&
			    conn_is(call->fd, CONN_TCP))
				note_none_opened(call);
			return pass(c, call);
		}
		enum reason reason = idle && place_of(c, call->fd, call->flags, call->size) == PLACE_NOWHERE
		                             ? admit_why_not(c, call)
		                             : REASONS;
		if (reason != REASONS) {
			note_passed_over(call->fd, reason);
			return pass(c, call);
		}
		own_testcancel();
		uint64_t cookie = atomic_load_explicit(&c->cookie, memory_order_relaxed);
		int saved = errno, cancel = turn_uncancellable();
		struct msg *m = turn_take(c, call->fd, idle, &own_turn);
		enum verdict v = DONE;
		ssize_t r = -1;
		if (own_turn) {
			r = late_write(m, call);
		} else if (m == NULL) {
			turn_cancellable(cancel);
			return pass(c, call);
		} else if (release_is_our_parents(m)) {
			turn_give(m);
			turn_cancellable(cancel);
			return pass(c, call);
		} else if (m->out_of_sight || (m->state == IDLE && !(idle && config.active))) {
			if (m->out_of_sight)
				outgoing_see_again(m);
			turn_give(m);
			errno = saved;
			v = AGAIN; /* also where the library has withdrawn while this thread waited for the turn */
		} else {
			v = attempt(m, c, call, cancel, &r);
		}
		turn_cancellable(cancel);
		if (v == REPORTED) {
			int error = errno;
			settle_signal(error, call->flags);
			errno = error;
		}
		if (v == DONE || v == REPORTED)
			return r;
		int error = v == WAIT ? room_wait(c, cookie, call->fd, call->flags, tries++) : 0;
		errno = error != 0 ? error : saved;
		if (error != 0)
			return -1;
	}
}

/* Hot: the compiler sees that the hooks expect this call to be rare, which is no reason to make it small instead of
 * fast. */
__attribute__((hot)) ssize_t outgoing(const struct call *call)
{
	ssize_t r;
	return usual(call, &r) ? r : by_table(call);
}
