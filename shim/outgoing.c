#include "outgoing.h"

#include <errno.h>
#include <sys/syscall.h>

#include "late.h"
#include "place.h"
#include "release.h"
#include "settle.h"
#include "trace.h"
#include "usual.h"
#include "vain.h"

/* --- may it be held? -------------------------------------------------------------------------- */

/* A socket may still be connecting: what the program is told now must be what the kernel would tell it. */
static bool is_connected(struct conn *c, int fd)
{
	if (conn_has(c, CONN_CONNECTED))
		return true;
	struct tcp_info info;
	socklen_t len = sizeof info;
	int saved = errno;
	bool yes = libc()->getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	           (info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_CLOSE_WAIT);
	errno = saved;
	if (yes)
		conn_set(c, CONN_CONNECTED);
	return yes;
}

/* May a message that begins with this call be held? NULL, or why not. */
static const char *why_not(struct conn *c, const struct call *call)
{
	if (conn_has(c, CONN_NAMES))
		names_enter(c);
	if (conn_classify(c, call->fd) != CONN_TCP)
		return "not-tcp";
	if (call->flags & MSG_MORE || conn_has(c, CONN_CORKED))
		return "program-corks";
	if (conn_has(c, CONN_SHUT))
		return "shut";
	if (!is_connected(c, call->fd))
		return "not-connected";
	int saved = errno;
	if (atomic_load(&c->cookie) == 0) {
		atomic_store(&c->cookie, conn_cookie_of(call->fd, 0));
		errno = saved;
	}
	if (atomic_load(&c->cookie) == 0)
		return "no-cookie";
	if (process_is_borrowed()) { /* its own descriptors mean nothing to the helper, who is its parent's */
		atomic_store(&c->cookie, 0);
		return "vfork";
	}
	return NULL;
}

static bool adds_more(enum hold_action action)
{
	return action == KEEP || action == PASS_MORE || action == JOIN_MORE;
}

/* Make ready for what the rule lets the kernel hold: a message, the helper who looks at it in time, a cork. False:
 * nothing may be held. */
static bool prepare_kernel(struct msg *m, struct conn *c, const struct call *call, struct hold_rule rule)
{
	enum hold_action action = rule.action;
	if (m->state == IDLE && action == KEEP && atomic_load(&held_heads) >= HELD_HEADS_MAX)
		return false;
	if (m->state == IDLE && (adds_more(action) || rule.next == REST)) {
		settle_begin(m, c, true);
		m->framing = (struct framing){ 0 }; /* known once the head is whole */
	}
	if (!adds_more(action))
		return true;
	if (m->state != REST && action != KEEP && atomic_load(&held_rests) >= HELD_RESTS_MAX)
		return false;
	if (action == KEEP && !(m->kernel && msg_reserve(m, m->len + call->size)))
		return false;
	if (!config.active || !settle_watch(m, call->size))
		return false;
	/* MSG_MORE lasts until the next ACK only: when a full segment of the message is acknowledged, the kernel sends
	 * the short one behind it. So what is longer than a segment goes under a cork; not where other hands could set
	 * one of their own meanwhile. */
	if (action != KEEP && !m->corked && m->size > conn_mss(c, call->fd) && conn_is_ours(c, call->fd))
		emit_cork(m);
	return true;
}

/* Hold the call's bytes without a system call. False: our memory is not the place. */
static bool keep_in_memory(struct msg *m, struct conn *c, const struct call *call, const struct sight *s,
                           enum hold_state next)
{
	if (m->state == IDLE) {
		unsigned flags = atomic_load_explicit(&c->flags, memory_order_relaxed);
		if (!place_is_memory(c, flags, call->fd, call->size) || held_heads >= HELD_HEADS_MAX)
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

/* --- doing, without waiting: in the turn ------------------------------------------------------ */

struct outcome {
	enum {
		ALL_TAKEN,
		CALL_FOLLOWS, /* what was held is out, and nobody has asked the kernel to take the call's own bytes */
		/* what was held is out, and of the call's own bytes `taken`: the kernel was asked for all of them */
		CUT_SHORT,
		NO_ROOM, /* for what is held */
		REFUSED,
	} what;
	size_t taken; /* of the call's bytes */
	int error;
};

static struct outcome refused(int error)
{
	return (struct outcome){ error == EAGAIN ? NO_ROOM : REFUSED, 0, error };
}

/* What is held, by itself; `more`: what follows belongs to it. */
static struct outcome emit_alone(struct msg *m, struct conn *c, const struct call *call, int more)
{
	size_t held = m->len - m->sent;
	int flags = (call->flags & (MSG_NOSIGNAL | MSG_DONTWAIT)) | room_flags(c, call->fd, held);
	int error = emit_held(m, call->fd, flags | more);
	if (held > 0)
		room_spend(c, held);
	if (error != 0)
		return refused(error);
	if (m->kernel && !more)
		emit_push(call->fd, m);
	m->kernel = true;
	return (struct outcome){ CALL_FOLLOWS, 0, 0 };
}

/* One call, and the note of how much of what is held it took. */
SLOW ssize_t call_joined(struct msg *m, const struct call *call, int flags)
{
	bool sure = !(flags & MSG_DONTWAIT);
	size_t held = m->len - m->sent;
	sigset_t before;
	if (!sure)
		emit_hold_signals(&before);
	atomic_store_explicit(&m->calling, sure ? CALLING : CALLING_WITHOUT_SIGNALS, memory_order_relaxed);
	atomic_signal_fence(memory_order_seq_cst);
	ssize_t r = emit_joined(m, call, flags);
	if (r > 0)
		m->sent += (size_t)r < held ? (size_t)r : held;
	if (m->sent == m->len)
		m->kernel = true;
	atomic_store_explicit(&m->calling, NOT_CALLING, memory_order_relaxed);
	int error = errno;
	if (!sure)
		emit_let_signals(&before);
	errno = error; /* not what a handler left there */
	return r;
}

/* What is held and the call's bytes in one call. A call that may have to wait is the program's own, whole: of two
 * halves the second might meet another socket under the number, and a signal that ends the one would not end the other.
 * Should the kernel take less than was held it is asked again, for its reason: the program must not be told 0. */
static struct outcome join(struct msg *m, struct conn *c, const struct call *call, bool more)
{
	size_t held = m->len - m->sent;
	bool room = emit_fits(call) && room_for(c, call->fd, held + call->size);
	if (!room && (!emit_fits(call) || emit_waits(call)))
		return emit_alone(m, c, call, MSG_MORE);
	int flags = call->flags | (more ? MSG_MORE : 0) | (room ? 0 : MSG_DONTWAIT);
	for (;;) {
		ssize_t r = call_joined(m, call, flags);
		if (r < 0)
			return refused(errno);
		room_spend(c, (size_t)r);
		if ((size_t)r >= held) {
			size_t taken = (size_t)r - held;
			return (struct outcome){ taken == call->size ? ALL_TAKEN : CUT_SHORT, taken, 0 };
		}
		held -= (size_t)r;
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

/* --- the program's own call: without the turn, for it may wait, and its thread may never come back --- */

/* Until its result is booked the message is one that anybody can go on with: nothing of it lies in our memory, and what
 * the kernel may hold has a deadline. */
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

/* Whoever released it meanwhile has made a stream of it. */
static enum hold_state after_release(enum hold_state next)
{
	return next == HEAD ? IDLE : next == BODY || next == REST ? STREAM : next;
}

struct flight {
	struct msg *m;
	unsigned number;           /* of this write */
	enum hold_state before;    /* the message's state when the call came */
	enum hold_state meanwhile; /* while it is on its way */
	struct framing framing;    /* before the call */
	struct http_head head;     /* what it says, if it is whole with this call */
};

/* What went with MSG_MORE may be known to nobody: it was released on its way, or there was nothing to see yet when its
 * deadline came. */
static void see_to_more(struct msg *m, bool released)
{
	bool waits = !released && (hold_waits(m->state) || m->state == REST);
	/* The helper may be gone meanwhile. */
	if (!waits || !(m->due == 0 ? settle_watch(m, 0) : deadline_watch(&m->deadline, m->due)))
		emit_push(m->fd, m);
	else if (m->due <= now_ns()) /* the helper has passed this call by */
		release_held(m, hold_decide(config.join, m->state, RELEASE).next);
}

static void set_off(struct msg *m, unsigned number)
{
	static _Thread_local struct {
		pid_t tid;
		unsigned epoch; /* a forked child's thread has another name */
	} self __attribute__((tls_model("initial-exec")));
	unsigned epoch = atomic_load(&process_epoch);
	if (self.tid == 0 || self.epoch != epoch) {
		self.tid = own_tid();
		self.epoch = process_is_borrowed() ? epoch - 1 : epoch; /* the parent's thread has this variable, too */
	}
	turn_flights[1] = turn_flights[0];
	turn_flights[0] = (struct turn_flight){ m, number };
	m->flyer = self.tid;
	atomic_store_explicit(&m->flying, number, memory_order_relaxed);
}

/* Of `size` bytes r were taken, or none, and that is the errno. */
static void book(const struct flight *f, struct conn *c, const struct call *call, const struct sight *s,
                 struct hold_rule rule, size_t r, int error)
{
	int cancel = turn_uncancellable();
	struct msg *m = turn_take_old(c, call->fd);
	/* closed, or another write came between: what is true of the connection remains */
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

/* Gives the turn back, and the thread its cancellation. */
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
	room_spend(c, call->size); /* now: the thread may not come back to say how many were taken */
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

/* What was there before is out, and this call is looked at now. */
static void emitted(struct msg *m, struct conn *c)
{
	if (m->sure) /* its body went by a way that we do not see */
		conn_set(c, CONN_UNSEEN);
	msg_gone(m, IDLE);
}

/* The helper lost sight of it. Here the number is that socket, and what is held goes; or it is another one, which
 * nobody told us of. */
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

/* One attempt, in the turn: what are these bytes, what does the table say, and what came of it? Gives the turn back,
 * unless it says so. */
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
	if (rule.action == REPORT) {
		*result = -1;
		int error = settle_report(m);
		turn_give(m);
		errno = error;
		return REPORTED;
	}
	if (rule.action == KEEP && keep_in_memory(m, c, call, &s, rule.next)) {
		trace(call->fd, state, s.event, KEEP, s.why, call->size);
		turn_give(m);
		*result = (ssize_t)call->size;
		errno = saved;
		return DONE;
	}
	if (!prepare_kernel(m, c, call, rule))
		rule = hold_without(rule);
	trace(call->fd, state, s.event, rule.action, s.why, call->size);

	struct outcome o = rule.action == EMIT ? emit_alone(m, c, call, 0) : act(m, c, call, rule.action);
	if (rule.action == EMIT && o.what == CALL_FOLLOWS) {
		emitted(m, c);
		turn_give(m);
		errno = saved;
		return AGAIN;
	}
	if (o.what == NO_ROOM && emit_waits(call)) {
		room_unknown(c);
		turn_give(m);
		return WAIT;
	}
	if (o.what == CALL_FOLLOWS || (o.what == CUT_SHORT && o.taken == 0 && emit_waits(call))) {
		errno = saved;
		*result = fly(m, c, call, &s, rule, cancel);
		return DONE;
	}
	if (o.what == ALL_TAKEN || o.taken > 0) {
		settle_result(m, c, call, &s, o.taken, rule.next);
		settle_the_programs_more(m, c, call->flags, state);
		*result = (ssize_t)o.taken;
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

/* A call that has nothing to do with a message is the program's own. Nobody counts what it writes. */
static ssize_t pass(struct conn *c, const struct call *call)
{
	if (c != NULL)
		room_unknown(c);
	return emit_call(call);
}

/* Whatever is not usual. */
SLOW ssize_t by_table(const struct call *call)
{
	for (unsigned tries = 0;;) {
		struct conn *c = conn_find(call->fd);
		bool idle = conn_idle(c), mine;
		if (call->size == 0 ||
		    (idle && !(config.active && look_opens(call) && (c = conn_make(call->fd)) != NULL)))
			return pass(c, call);
		const char *not = idle && place_of(c, call->fd, call->flags, call->size) == PLACE_NOWHERE
		                          ? why_not(c, call)
		                          : NULL;
		if (not != NULL) {
			trace(call->fd, IDLE, HEAD_PART, PASS, not, call->size);
			return pass(c, call);
		}
		own_testcancel();
		uint64_t cookie = atomic_load_explicit(&c->cookie, memory_order_relaxed);
		int saved = errno, cancel = turn_uncancellable();
		struct msg *m = turn_take(c, call->fd, idle, &mine);
		enum verdict v = DONE;
		ssize_t r = -1;
		if (mine) {
			r = late_write(m, call);
		} else if (m == NULL) {
			turn_cancellable(cancel);
			return pass(c, call);
		} else if (atomic_load(&process_lent) && process_is_borrowed() && !release_is_here(m)) {
			turn_give(m); /* it is our parent's */
			turn_cancellable(cancel);
			return pass(c, call);
		} else if (m->out_of_sight || (m->state == IDLE && !idle)) {
			if (m->out_of_sight)
				outgoing_see_again(m);
			turn_give(m);
			errno = saved;
			v = AGAIN;
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
		int error = v == WAIT ? room_wait(call->fd, call->flags, tries++) : 0;
		if (v == WAIT && error == 0 && atomic_load_explicit(&c->cookie, memory_order_relaxed) != cookie)
			error = EBADF; /* closed meanwhile, and the number may be another's */
		errno = error != 0 ? error : saved;
		if (error != 0)
			return -1;
	}
}

/* hot: the hooks expect other calls than these, which is no reason to make it small instead of fast. */
__attribute__((hot)) ssize_t outgoing(const struct call *call)
{
	ssize_t r;
	return usual(call, &r) ? r : by_table(call);
}
