#include "outgoing.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#if __has_include(<sys/single_threaded.h>)
#include <sys/single_threaded.h>
#else /* libc before 2.32 */
enum { __libc_single_threaded = 0 };
#endif

#include "config.h"
#include "incoming.h"
#include "late.h"
#include "lifecycle.h"
#include "look.h"
#include "real.h"
#include "release.h"
#include "trace.h"

/* --- may it be held, and where? ------------------------------------------------------------------------------------------------ */

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
SLOW const char *why_not(struct conn *c, const struct call *call)
{
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
		atomic_store(&c->cookie, conn_cookie_of(call->fd));
		errno = saved;
	}
	if (atomic_load(&c->cookie) == 0)
		return "no-cookie";
	return NULL;
}

/* The same where it was answered before, and nothing happened since. */
static inline bool may_begin(const struct conn *c, const struct call *call)
{
	return atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_TCP &&
	       (atomic_load_explicit(&c->flags, memory_order_relaxed) & (CONN_CORKED | CONN_SHUT | CONN_CONNECTED)) == CONN_CONNECTED &&
	       !(call->flags & MSG_MORE) && atomic_load_explicit(&c->cookie, memory_order_relaxed) != 0;
}

/* Our memory is a place only where nobody can overtake what lies there, and where the kernel would have taken it. */
static bool in_memory(const struct conn *c, int fd)
{
	return config.place == PLACE_MEMORY && conn_is_ours(c, fd) && !conn_has(c, CONN_CROWDED);
}

/* The kernel, or we, may hold some of these bytes: the helper will look in time. False: there is none. */
static inline bool watch(struct msg *m, size_t size)
{
	if (__libc_single_threaded)
		release_make_room(m->fd);
	m->last = now_ns();
	m->last_size = size;
	m->size += size;
	if (m->due == 0)
		m->due = m->last + config.timeout_ns;
	return deadline_watch(&m->deadline, m->due);
}

/* A message begins that is followed. */
static void begin(struct msg *m, const struct conn *c, bool kernel)
{
	m->cookie = c->cookie;
	m->due = m->size = 0;
	m->kernel = kernel;
}

/* May the kernel hold what the action lets it hold? The helper will look at it in time. */
static bool may_hold(struct msg *m, struct conn *c, const struct call *call, enum hold_action action)
{
	if (action != KEEP && action != PASS_MORE && action != JOIN_MORE)
		return true;
	if (m->state == IDLE && action == KEEP && atomic_load(&held_heads) >= HELD_HEADS_MAX)
		return false;
	if (m->state == IDLE) {
		begin(m, c, true);
		m->framing = (struct framing){ 0 }; /* known once the head is whole */
	}
	if (action == KEEP && !(m->kernel && msg_reserve(m, m->len + call->size)))
		return false;
	if (!config.active || !watch(m, call->size))
		return false;
	/* MSG_MORE lasts until the next ACK only: when a full segment of the message is acknowledged, the kernel sends the short one
	 * behind it. So what is longer than a segment goes under a cork; not where other hands could set one of their own meanwhile. */
	if (action != KEEP && !m->corked && m->size > conn_mss(c, call->fd) && conn_is_ours(c, call->fd))
		emit_cork(m);
	return true;
}

/* --- doing --------------------------------------------------------------------------------------------------------------------- */

/* The kernel holds the call's bytes; a copy of the head stays for the recogniser. */
static ssize_t keep(struct msg *m, const struct call *call)
{
	ssize_t r = emit_call_more(call);
	if (r > 0)
		m->sent = m->len += look_copy(m->buf + m->len, (size_t)r, call);
	return r;
}

static ssize_t lead(struct msg *m, const struct call *call)
{
	int error = emit_held(m, call->fd, (call->flags & (MSG_DONTWAIT | MSG_NOSIGNAL)) | MSG_MORE);
	if (error != 0) {
		errno = error;
		return -1;
	}
	ssize_t r = emit_call(call);
	if (r <= 0)
		emit_push(call->fd, m); /* what led must not wait for a follower that does not come */
	return r;
}

static ssize_t flush(struct msg *m, const struct call *call)
{
	int error = emit_held(m, call->fd, call->flags & (MSG_DONTWAIT | MSG_NOSIGNAL));
	if (error == 0 && m->kernel)
		emit_push(call->fd, m);
	errno = error;
	return error == 0 ? 0 : -1;
}

static ssize_t join(struct msg *m, const struct call *call)
{
	return m->sent < m->len ? emit_joined(m, call, false) : emit_call(call);
}

static ssize_t join_more(struct msg *m, const struct call *call)
{
	return m->sent < m->len ? emit_joined(m, call, true) : emit_call_more(call);
}

static ssize_t pass(struct msg *m, const struct call *call)
{
	(void)m;
	return emit_call(call);
}

static ssize_t pass_more(struct msg *m, const struct call *call)
{
	(void)m;
	return emit_call_more(call);
}

static ssize_t (*const actions[])(struct msg *, const struct call *) = {
	[NOTHING] = pass, [KEEP] = keep, [PASS] = pass, [PASS_MORE] = pass_more,
	[JOIN] = join, [JOIN_MORE] = join_more, [LEAD] = lead, [EMIT] = flush,
};

/* The form of pthread_cleanup_push() that libc itself calls. The macro's is a setjmp, which a siglongjmp out of a handler leaves behind
 * on a stack that is gone; this one is carried out by such a jump as it is when the thread is cancelled. */
extern void _pthread_cleanup_push(struct _pthread_cleanup_buffer *, void (*)(void *), void *);
extern void _pthread_cleanup_pop(struct _pthread_cleanup_buffer *, int);

enum { BEFORE_CALL = 1, IN_CALL }; /* in_call */

/* What the call had sent nobody knows: of so few bytes nothing, if it waited for room (see TAKEN_WHOLE), and then what is held stays held.
 * But if there is room, it was left on its way out, and they are sent: libc's cancellation, like a signal, comes when the call is over.
 * A cancellation that was pending before is met before. */
static void unlock_abandoned(void *m)
{
	struct msg *message = m;
	struct pollfd room = { .fd = message->fd, .events = POLLOUT };
	bool begun = atomic_exchange(&message->in_call, 0) == IN_CALL;
	if (begun && message->sent < message->len && poll(&room, 1, 0) == 1) {
		msg_clear(message);
		msg_state(message, IDLE);
	}
	if (message->state == IDLE)
		emit_uncork(message, message->fd);
	conn_unlock(message);
}

/* The action may block: a signal may come, its handler may write here or jump away, and the thread may be cancelled. */
static ssize_t act_safely(ssize_t (*action)(struct msg *, const struct call *), struct msg *m, const struct call *call)
{
	struct _pthread_cleanup_buffer buffer;
	atomic_store_explicit(&m->in_call, BEFORE_CALL, memory_order_release);
	_pthread_cleanup_push(&buffer, unlock_abandoned, m);
	pthread_testcancel();
	atomic_store_explicit(&m->in_call, IN_CALL, memory_order_release);
	ssize_t r = action(m, call);
	_pthread_cleanup_pop(&buffer, 0);
	atomic_store_explicit(&m->in_call, 0, memory_order_release);
	return r;
}

/* --- what it left -------------------------------------------------------------------------------------------------------------- */

/* A whole head was taken: another request is awaited, or a tunnel begins. */
static inline void head_taken(struct msg *m, struct conn *c)
{
	const struct http_head *h = &m->head;
	m->request = h->request;
	m->sure = h->at_once == AT_ONCE_NO && (h->body == BODY_LENGTH || h->body == BODY_CHUNKED) &&
	          (h->request || request_is_certain(&c->request, METHOD_OTHER));
	if (h->at_once == AT_ONCE_TUNNEL)
		atomic_store(&c->kind, CONN_TUNNEL);
	incoming_awaits(c, h);
}

/* Bytes lie in our memory, and are said to be written. */
static inline void held(struct msg *m, struct conn *c, enum hold_state next)
{
	atomic_store_explicit(&m->read_since, 0, memory_order_relaxed);
	msg_state(m, next);
	/* An epoch began meanwhile, or memory was forbidden? Who did that may have looked for holds before this one was there. */
	if (!in_memory(c, m->fd))
		release_held(m, m->fd, hold_decide(config.join, next, RELEASE).next);
}

/* Hold the call's bytes without a system call. False: our memory is not the place. */
SLOW bool keep_in_memory(struct msg *m, struct conn *c, const struct call *call, const struct sight *s, enum hold_state next)
{
	if (m->state == IDLE) {
		if (!in_memory(c, call->fd) || held_heads >= HELD_HEADS_MAX)
			return false;
		begin(m, c, false);
	}
	if (m->kernel || !config.active || !msg_reserve(m, m->len + call->size) || !watch(m, call->size))
		return false;
	m->len += look_copy(m->buf + m->len, call->size, call);
	m->framing = s->framing;
	if (s->head_done)
		head_taken(m, c);
	if (s->head_done && m->len == m->head.size)
		m->known = m->len;
	held(m, c, next);
	return true;
}

/* The message is complete: nothing of it waits, neither under our cork nor for the ACK of a short segment before it. */
static inline void ended(struct msg *m, struct conn *c)
{
	emit_uncork(m, m->fd);
	if (config.join == JOIN_MESSAGE && atomic_load_explicit(&c->small, memory_order_relaxed))
		emit_nudge(m->fd);
	atomic_store_explicit(&c->small, 1, memory_order_relaxed);
	msg_state(m, IDLE);
}

/* The call failed. */
SLOW void failed(struct msg *m, struct conn *c)
{
	if (errno == EAGAIN)
		conn_set(c, CONN_CROWDED);
	if (emit_is_final(errno)) {
		conn_set(c, CONN_SHUT);
		msg_clear(m);
		msg_state(m, IDLE);
	} else if (m->len > 0 && m->sent == m->len) {
		m->kernel = true; /* what was held is out, the call's own bytes are not */
	}
	if (m->state == IDLE)
		emit_uncork(m, m->fd);
}

/* The state after r of the call's bytes were taken, not all of them, or some that we could not look at. */
SLOW enum hold_state reached(struct msg *m, struct conn *c, const struct call *call, const struct sight *s, size_t r,
                             enum hold_state next)
{
	enum hold_state state = m->state;
	bool in_head = state == IDLE || state == HEAD;
	size_t taken;
	if (r < call->size)
		conn_set(c, CONN_CROWDED);
	if (s->event == OPAQUE)
		return framing_skip(&m->framing, r) == FRAMING_INSIDE ? next : IDLE;
	if (in_head && (!s->head_done || r < s->head_bytes))
		return m->kernel && next != IDLE ? HEAD : IDLE; /* part of a head: followed if we have a copy of it */
	if (in_head)
		framing_begin(&m->framing, &m->head);
	enum framing_verdict v = look_follow(&m->framing, call, in_head ? s->head_bytes : 0, r, &taken);
	if (v != FRAMING_INSIDE)
		return IDLE;
	if (state == STREAM || next == STREAM || config.join == JOIN_HEADER)
		return STREAM;
	m->due = next == REST ? m->due : 0;
	return REST;
}

/* Bytes were taken, by a call that leaves the message in the state `next`. */
static inline void taken(struct msg *m, struct conn *c, enum hold_state next)
{
	if (next == REST || next == STREAM || next == IDLE) {
		m->kernel = true;
		msg_clear(m);
	}
	if (next == STREAM)
		emit_uncork(m, m->fd); /* nobody looks at it any more */
	atomic_store_explicit(&m->read_since, 0, memory_order_relaxed);
	if (next == IDLE) {
		ended(m, c);
		return;
	}
	if (next == STREAM)
		atomic_store_explicit(&c->small, 1, memory_order_relaxed);
	msg_state(m, next);
}

/* The same, where the kernel may have taken some of the call's bytes only. `next` is meant for all of them. */
SLOW void settle(struct msg *m, struct conn *c, const struct call *call, const struct sight *s, size_t r, enum hold_state next)
{
	if (r == call->size)
		conn_unset(c, CONN_CROWDED);
	if (r < call->size || s->event == OPAQUE)
		next = reached(m, c, call, s, r, next);
	else
		m->framing = s->framing;
	if (s->head_done && r >= s->head_bytes)
		head_taken(m, c);
	taken(m, c, next);
}

/* --- the usual message ----------------------------------------------------------------------------------------------------------- */

/* A head by itself and then its body, on a connection about which no question is open: nearly every message is like that. What is done
 * with the two writes is what the table says; but nothing is looked up or built for it, so it takes a third of the instructions. False:
 * this call is not so usual, and nothing was done that counts. Both leave errno alone, unless the call fails. */

static inline bool usual_head(struct msg *m, struct conn *c, const struct call *call, ssize_t *r)
{
	if (!look_whole_head(m, request_method(&c->request), call->iov->iov_base, call->size) || m->head.at_once != AT_ONCE_NO ||
	    held_heads >= HELD_HEADS_MAX)
		return false;
	begin(m, c, false);
	if (framing_begin(&m->framing, &m->head) != FRAMING_INSIDE || !watch(m, call->size))
		return false;
	trace(call->fd, IDLE, HEAD_WHOLE, KEEP, "body-to-come", call->size);
	m->len = call->size;
	head_taken(m, c);
	held(m, c, BODY);
	*r = (ssize_t)call->size;
	return true;
}

static inline bool usual_body(struct msg *m, struct conn *c, const struct call *call, ssize_t *r)
{
	if (!framing_is_rest(&m->framing, call->size))
		return false;
	trace(call->fd, BODY, BODY_END, JOIN, "body", call->size);
	*r = act_safely(join, m, call);
	if (*r == (ssize_t)call->size) {
		conn_unset(c, CONN_CROWDED);
		taken(m, c, IDLE);
	} else if (*r >= 0) {
		settle(m, c, call, &(struct sight){ .event = BODY_END }, (size_t)*r, IDLE);
	} else {
		failed(m, c);
	}
	return true;
}

/* may_begin() and in_memory() in one look. */
static inline bool is_usual(const struct conn *c, int fd)
{
	const unsigned answered = CONN_SEEN | CONN_CONNECTED, open = CONN_ALIASED | CONN_CORKED | CONN_SHUT | CONN_CROWDED;
	return atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_TCP &&
	       (atomic_load_explicit(&c->flags, memory_order_relaxed) & (answered | open)) == answered &&
	       atomic_load_explicit(&c->cookie, memory_order_relaxed) != 0 && fd > 2 && c->epoch == atomic_load(&conn_epoch) &&
	       config.place == PLACE_MEMORY;
}

static inline bool usual(const struct call *call, ssize_t *r)
{
	struct conn *c = conn_find(call->fd);
	struct msg *m = c != NULL ? atomic_load_explicit(&c->msg, memory_order_acquire) : NULL;
	if (m == NULL || call->iovcnt != 1 || call->hdr != NULL || call->flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT))
		return false;
	enum hold_state state = atomic_load_explicit(&m->state, memory_order_relaxed);
	bool opens = http_may_open(call->iov->iov_base, call->size);
	if (state == IDLE ? !opens || !is_usual(c, call->fd) : opens || state != BODY)
		return false;
	if (!conn_lock_now(c, m))
		return false;
	bool done = m->state == state && (state == IDLE ? usual_head(m, c, call, r) : usual_body(m, c, call, r));
	conn_unlock(m);
	return done;
}

/* --- the flow -------------------------------------------------------------------------------------------------------------------- */

/* What was there before is out, and this call is looked at now. Gives the lock back. */
SLOW void emitted(struct msg *m)
{
	bool unseen = m->sure && config.place == PLACE_MEMORY; /* its body went by a way that we do not see */
	msg_clear(m);
	msg_state(m, IDLE);
	conn_unlock(m);
	if (unseen) /* takes the locks of all messages: not with one in hand, for another thread may be doing the same */
		lifecycle_unseen_writers("message-fell-short");
}

/* The call fails with the error that is waiting. */
SLOW ssize_t report(struct msg *m, const struct call *call)
{
	int error = m->error;
	m->error = 0;
	msg_state(m, IDLE);
	conn_unlock(m);
	if (error == EPIPE && !(call->flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	errno = error;
	return -1;
}

/* What are these bytes, and what does the table say? */
SLOW ssize_t by_table(const struct call *call)
{
	int saved = errno;
	for (;;) {
		bool mine, opens = look_opens(call), begins = opens && config.active;
		struct conn *c = begins ? conn_make(call->fd) : conn_find(call->fd);
		if (c == NULL || call->size == 0 || (!begins && conn_idle(c)))
			return emit_call(call);
		const char *not = conn_idle(c) && !may_begin(c, call) ? why_not(c, call) : NULL;
		if (not != NULL) {
			trace(call->fd, IDLE, HEAD_PART, PASS, not, call->size);
			return emit_call(call);
		}
		if (call->flags & MSG_DONTWAIT && conn_must_wait(c, call->fd)) {
			errno = EAGAIN;
			return -1;
		}
		struct msg *m = conn_lock(c, call->fd, begins, &mine);
		if (m == NULL)
			return emit_call(call);
		if (mine)
			return late_write(m, call);
		enum hold_state state = m->state;
		if (state == IDLE && !begins) {
			conn_unlock(m);
			return emit_call(call);
		}

		struct sight s;
		look(m, request_method(&c->request), call, opens, &s);
		struct hold_rule rule = hold_decide(config.join, state, s.event);
		if (rule.action == KEEP && keep_in_memory(m, c, call, &s, rule.next)) {
			trace(call->fd, state, s.event, KEEP, s.why, call->size);
			conn_unlock(m);
			errno = saved;
			return (ssize_t)call->size;
		}
		if (!may_hold(m, c, call, rule.action))
			rule = hold_without(rule);
		trace(call->fd, state, s.event, rule.action, s.why, call->size);
		if (rule.action == REPORT)
			return report(m, call);

		ssize_t r = act_safely(actions[rule.action], m, call);
		int error = errno;
		if (r < 0) {
			failed(m, c);
		} else if (rule.action == EMIT) {
			emitted(m);
			errno = saved;
			continue;
		} else {
			settle(m, c, call, &s, (size_t)r, rule.next);
		}
		conn_unlock(m);
		errno = r >= 0 ? saved : error;
		return r;
	}
}

/* hot: the hooks expect other calls than these, which is no reason to make it small instead of fast. */
__attribute__((hot)) ssize_t outgoing(const struct call *call)
{
	ssize_t r;
	return usual(call, &r) ? r : by_table(call);
}

/* --- calls whose bytes are not ours to join ------------------------------------------------------------------------------------- */

static ssize_t hand_over(struct msg *m, const struct call *call)
{
	errno = emit_held(m, call->fd, MSG_MORE);
	return errno == 0 ? 0 : -1;
}

/* n bytes come by a call that has no MSG_MORE, and more may follow. */
static void lead_rest(struct msg *m, struct conn *c, size_t n)
{
	struct framing then = m->framing;
	if (!config.active || !watch(m, n)) {
		emit_uncork(m, m->fd);
		msg_state(m, STREAM);
		return;
	}
	/* More than a segment, or the first of several calls: only the message's last segment is a short one. */
	if (n > 0 && conn_is_ours(c, m->fd) && (m->size > conn_mss(c, m->fd) || framing_skip(&then, n) == FRAMING_INSIDE))
		emit_cork(m);
}

int outgoing_lead(int fd, size_t n, bool *led)
{
	struct conn *c = conn_find(fd);
	bool mine;
	*led = false;
	if (conn_idle(c))
		return 0;
	struct msg *m = conn_lock(c, fd, false, &mine);
	if (m == NULL || mine)
		return 0;
	int saved = errno, error = 0;
	struct hold_rule rule = hold_decide(config.join, m->state, OPAQUE);
	trace(fd, m->state, OPAQUE, rule.action, "lead", n);
	if (rule.action == REPORT) {
		report(m, &(struct call){ .fd = fd });
		return errno;
	}
	if (m->state != IDLE) {
		struct call nothing = { .fd = fd };
		if (act_safely(hand_over, m, &nothing) == 0) {
			*led = m->kernel = true;
			msg_clear(m);
			msg_state(m, rule.next);
			if (rule.next == REST)
				lead_rest(m, c, n);
		} else if (emit_is_final(error = errno)) {
			conn_set(c, CONN_SHUT);
			msg_clear(m);
			msg_state(m, IDLE);
		}
	}
	conn_unlock(m);
	errno = saved;
	return error;
}

void outgoing_corked(int fd)
{
	struct conn *c = conn_find(fd);
	struct msg *m = conn_idle(c) ? NULL : conn_try_lock(c, true);
	if (m != NULL) {
		if (m->state != FAILED && emit_held(m, fd, MSG_MORE | MSG_DONTWAIT | MSG_NOSIGNAL) == 0)
			m->kernel = true;
		conn_unlock(m);
	}
}

void outgoing_followed(int fd, size_t n, ssize_t result)
{
	struct conn *c = conn_find(fd);
	bool mine;
	int saved = errno;
	if (result < 0 ? saved == EAGAIN : (size_t)result < n)
		conn_set(c, CONN_CROWDED);
	struct msg *m = conn_idle(c) ? NULL : conn_lock(c, fd, false, &mine);
	if (m != NULL && !mine) {
		if (!m->kernel) /* another socket's by now: a number's owner may change while a call is blocked */
			;
		else if (result <= 0) /* what led must not wait for a follower that does not come */
			release_held(m, fd, hold_decide(config.join, m->state, RELEASE).next);
		else if (framing_skip(&m->framing, (uint64_t)result) != FRAMING_INSIDE)
			ended(m, c);
		else if (!m->corked)
			atomic_store_explicit(&c->small, 1, memory_order_relaxed);
		conn_unlock(m);
	}
	errno = saved;
}
