#include "outgoing.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/mman.h>

#include "config.h"
#include "late.h"
#include "pool.h"
#include "real.h"
#include "trace.h"

/* --- looking ---------------------------------------------------------------------------------------------------------------- */

/* What a look at a call's bytes found. */
struct sight {
	enum hold_event event;
	const char *why;       /* for the trace */
	size_t head_bytes;     /* how many of the call's bytes are head */
	bool head_done;        /* `head` is complete with this call */
	struct http_head head;
};

static size_t gather(char *to, size_t room, const struct call *call)
{
	size_t n = 0;
	for (size_t i = 0; i < call->iovcnt && n < room; i++) {
		size_t part = call->iov[i].iov_len < room - n ? call->iov[i].iov_len : room - n;
		memcpy(to + n, call->iov[i].iov_base, part);
		n += part;
	}
	return n;
}

static bool opens(const struct call *call)
{
	const struct iovec *v = call->iov;
	return call->iovcnt > 0 && http_may_open(v->iov_base, v->iov_len) && http_opens(v->iov_base, v->iov_len);
}

/* The call's bytes begin a head, or go on with the one that is held: where does it stand now? */
static void look_at_head(struct msg *m, const struct call *call, enum http_method answers, struct sight *s)
{
	size_t before = m->len;
	const char *p = m->buf;
	size_t n;
	if (before == 0 && call->iovcnt == 1) { /* where it lies: most heads are never copied before it is clear that they are held */
		p = call->iov->iov_base;
		n = call->size;
	} else {
		size_t want = before + call->size;
		if (!msg_reserve(m, want < HTTP_HEAD_MAX ? want : HTTP_HEAD_MAX)) {
			*s = (struct sight){ .event = NOT_OURS, .why = "no-memory" };
			return;
		}
		p = m->buf;
		n = before + gather(m->buf + before, m->cap - before, call);
	}
	if (n > HTTP_HEAD_MAX)
		n = HTTP_HEAD_MAX;
	switch (http_head(p, n, before, answers, &s->head)) {
	case HTTP_NO:
		*s = (struct sight){ .event = NOT_OURS, .why = "not-http" };
		return;
	case HTTP_MORE:
		s->event = before + call->size < HTTP_HEAD_MAX ? HEAD_PART : NOT_OURS;
		s->why = s->event == HEAD_PART ? "head-goes-on" : "head-too-long";
		s->head_bytes = call->size;
		return;
	case HTTP_HEAD:
		break;
	}
	s->head_done = true;
	s->head_bytes = s->head.size - before;
	s->why = http_at_once_name(s->head.at_once);
	if (s->head.body == BODY_NONE)
		s->event = BODY_END;
	else if (s->head.at_once != AT_ONCE_NO)
		s->event = HEAD_NOW;
	else if (s->head_bytes == call->size)
		s->event = HEAD_WHOLE, s->why = "body-to-come";
	else
		s->event = BODY_PART, s->why = "head-and-body";
}

static void look(struct msg *m, const struct conn *c, enum hold_state state, const struct call *call, struct sight *s)
{
	*s = (struct sight){ .event = BODY_PART, .why = "first-body-write" };
	if (call->flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE | MSG_EOR))
		s->event = OPAQUE, s->why = "flags";
	else if (state == IDLE || state == HEAD || (state == BODY && opens(call)))
		look_at_head(m, call, c->answers, s);
}

/* --- may this be held at all? ------------------------------------------------------------------------------------------------ */

/* A socket that was never asked may still be connecting: what it is told now it would not be told then. */
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
	if (config.place == PLACE_KERNEL || !conn_is_ours(c, call->fd))
		return "no-proof";
	if (call->flags & MSG_MORE || conn_has(c, CONN_CORKED))
		return "program-corks";
	if (conn_has(c, CONN_SHUT))
		return "shut";
	if (conn_has(c, CONN_CROWDED))
		return "send-buffer-full";
	if (!is_connected(c, call->fd))
		return "not-connected";
	if (c->cookie == 0 && (c->cookie = conn_cookie_of(call->fd)) == 0)
		return "no-cookie";
	return NULL;
}

/* --- doing ------------------------------------------------------------------------------------------------------------------- */

/* What could not be sent when nobody could be told waits for a call that can be told. */
static void defer_error(struct msg *m, int error)
{
	msg_clear(m);
	m->error = error;
	msg_state(m, FAILED);
}

/* Send what is held, never waiting. Caller has the lock. */
static void emit_now(struct msg *m, int fd, enum hold_state next)
{
	int saved = errno;
	int error = emit_held(m, fd, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (emit_is_final(error)) {
		defer_error(m, error);
	} else if (error == 0) {
		msg_clear(m);
		msg_state(m, next);
	} /* else it stays held: the helper tries again */
	errno = saved;
}

/* Hold the call's bytes. False: it cannot be done, nothing is changed. */
static bool keep(struct msg *m, struct conn *c, const struct call *call, enum hold_state next)
{
	if (m->len == 0) {
		m->due = now_ns() + config.timeout_ns;
		m->cookie = c->cookie;
	}
	if (!msg_reserve(m, m->len + call->size) || !deadline_watch(&m->deadline, m->due))
		return false;
	m->len += gather(m->buf + m->len, m->cap - m->len, call);
	msg_state(m, next);
	if (!conn_is_ours(c, call->fd)) /* an epoch began meanwhile: who raised it may have seen no hold here */
		emit_now(m, call->fd, IDLE);
	return true;
}

static void unlock_cancelled(void *m)
{
	((struct msg *)m)->in_call = false;
	conn_unlock(m);
}

/* Run an emission that may block: a signal may come, a signal handler may write here, and the thread may be cancelled. */
static ssize_t may_block(struct msg *m, const struct call *call, ssize_t (*emission)(struct msg *, const struct call *))
{
	ssize_t r;
	m->in_call = true;
	pthread_cleanup_push(unlock_cancelled, m);
	r = emission(m, call);
	pthread_cleanup_pop(0);
	m->in_call = false;
	return r;
}

static ssize_t join(struct msg *m, const struct call *call)
{
	return emit_joined(m, call, false);
}

static ssize_t flush(struct msg *m, const struct call *call)
{
	int error = emit_held(m, call->fd, call->flags & (MSG_DONTWAIT | MSG_NOSIGNAL));
	errno = error;
	return error == 0 ? 0 : -1;
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
		emit_push(call->fd);
	return r;
}

static ssize_t pass(struct msg *m, const struct call *call)
{
	(void)m;
	return emit_call(call);
}

/* How an emission left things: nothing held any more, or what the kernel did not take. */
static void settle(struct msg *m, struct conn *c, const struct call *call, ssize_t r, enum hold_state next)
{
	if (r < 0 && emit_is_final(errno)) {
		conn_set(c, CONN_SHUT);
		msg_clear(m);
		msg_state(m, IDLE);
	} else if (m->sent == m->len) {
		msg_clear(m);
		msg_state(m, next);
	}
	if (r >= 0 && (size_t)r == call->size)
		conn_unset(c, CONN_CROWDED);
	else if (r >= 0 || errno == EAGAIN)
		conn_set(c, CONN_CROWDED);
}

/* A whole head went by, or is held: the next request is awaited, a tunnel begins. */
static void head_accepted(struct conn *c, const struct sight *s)
{
	if (!s->head_done)
		return;
	if (s->head.at_once == AT_ONCE_TUNNEL)
		atomic_store(&c->kind, CONN_TUNNEL);
	if (s->head.request || s->head.status < 200)
		return;
	c->answers = METHOD_OTHER;
	c->ask_len = 0;
	atomic_store(&c->awaits_request, conn_has(c, CONN_SERVER));
}

static ssize_t report(struct msg *m, const struct call *call)
{
	int error = m->error;
	m->error = 0;
	msg_state(m, IDLE);
	if (error == EPIPE && !(call->flags & MSG_NOSIGNAL))
		raise(SIGPIPE);
	errno = error;
	return -1;
}

ssize_t outgoing(const struct call *call)
{
	struct conn *c = conn_find(call->fd);
	int saved = errno;
	if (!config.active || c == NULL || conn_classify(c, call->fd) != CONN_TCP)
		return emit_call(call);
	for (;;) {
		bool mine, begins = opens(call);
		const char *not = begins && conn_idle(c) ? why_not(c, call) : NULL;
		if (not != NULL) {
			trace(call->fd, IDLE, HEAD_PART, PASS, not, call->size);
			ssize_t r = emit_call(call);
			if (r == (ssize_t)call->size)
				conn_unset(c, CONN_CROWDED);
			return r;
		}
		struct msg *m = conn_lock(c, call->fd, begins, &mine);
		if (m == NULL)
			return emit_call(call);
		uintptr_t frame = (uintptr_t)__builtin_frame_address(0);
		if (mine && !late_is_abandoned(m, frame))
			return late_write(m, call);
		m->frame = frame;
		enum hold_state state = m->state;
		if (call->size == 0 || (state == IDLE && !begins)) {
			conn_unlock(m);
			return emit_call(call);
		}

		struct sight sight;
		if (state == FAILED)
			sight = (struct sight){ .event = RELEASE, .why = "late-error" };
		else
			look(m, c, state, call, &sight);
		struct hold_rule rule = hold_decide(config.join, state, sight.event);
		if (rule.action == KEEP && !keep(m, c, call, rule.next))
			rule = (struct hold_rule){ m->len > 0 ? JOIN : PASS, IDLE };
		trace(call->fd, state, sight.event, rule.action, sight.why, call->size);

		ssize_t r = (ssize_t)call->size;
		switch (rule.action) {
		case KEEP:
			break;
		case JOIN:
			r = may_block(m, call, join);
			break;
		case LEAD:
			r = may_block(m, call, lead);
			break;
		case EMIT:
			r = may_block(m, call, flush);
			break;
		case REPORT:
			r = report(m, call);
			break;
		default:
			r = may_block(m, call, pass);
			break;
		}
		if (rule.action == EMIT && r == 0) { /* the head before is out: now look at this call again */
			settle(m, c, call, r, rule.next);
			conn_unset(c, CONN_CROWDED);
			conn_unlock(m);
			continue;
		}
		if (rule.action != KEEP && rule.action != REPORT)
			settle(m, c, call, r, rule.next);
		if (r >= (ssize_t)sight.head_bytes)
			head_accepted(c, &sight);
		int error = errno;
		late_drain(m);
		conn_unlock(m);
		errno = r >= 0 ? saved : error;
		return r;
	}
}

/* --- calls whose bytes are not ours to join ----------------------------------------------------------------------------------- */

int outgoing_lead(int fd, bool *led)
{
	struct conn *c = conn_find(fd);
	bool mine;
	*led = false;
	if (conn_idle(c))
		return 0;
	struct msg *m = conn_lock(c, fd, false, &mine);
	if (m == NULL || mine)
		return 0;
	int error = 0, saved = errno;
	struct hold_rule rule = hold_decide(config.join, m->state, OPAQUE);
	trace(fd, m->state, OPAQUE, rule.action, "lead", m->len - m->sent);
	if (rule.action == LEAD) {
		struct call nothing = { .fd = fd };
		error = emit_held(m, fd, MSG_MORE);
		errno = error;
		settle(m, c, &nothing, error == 0 ? 0 : -1, rule.next);
		*led = error == 0;
	} else if (rule.action == REPORT) {
		struct call nothing = { .fd = fd };
		report(m, &nothing);
		error = errno;
	}
	conn_unlock(m);
	errno = saved;
	return error;
}

void outgoing_followed(int fd, ssize_t result)
{
	if (result <= 0)
		emit_push(fd);
}

/* --- releases ------------------------------------------------------------------------------------------------------------------ */

static int release(int fd, bool wait_brief, bool may_report, const char *why)
{
	struct conn *c = conn_find(fd);
	int error = 0;
	if (conn_idle(c))
		return 0;
	struct msg *m = conn_try_lock(c, wait_brief);
	if (m == NULL)
		return 0; /* a writer has it, and is sending */
	atomic_store(&m->brief, 1);
	enum hold_state state = m->state;
	if (state != FAILED) {
		struct hold_rule rule = hold_decide(config.join, state, RELEASE);
		trace(fd, state, RELEASE, rule.action, why, m->len - m->sent);
		if (rule.action == EMIT)
			emit_now(m, fd, rule.next);
	}
	if (may_report && m->state == FAILED) {
		error = m->error;
		m->error = 0;
		msg_state(m, IDLE);
	}
	conn_unlock(m);
	return error;
}

void outgoing_release(int fd, const char *why)
{
	release(fd, true, false, why);
}

int outgoing_release_or_fail(int fd, const char *why)
{
	return release(fd, false, true, why);
}

void outgoing_aliased(int fd, const char *why)
{
	struct conn *c = conn_find(fd);
	if (c == NULL)
		return;
	conn_set(c, CONN_ALIASED);
	release(fd, true, false, why);
}

static void last_emission(struct msg *m, int fd, const char *why)
{
	if (m->state != HEAD && m->state != BODY)
		return;
	int saved = errno;
	trace(fd, m->state, CLOSE, EMIT, why, m->len - m->sent);
	emit_surely(fd, m->buf + m->sent, m->len - m->sent);
	msg_clear(m);
	msg_state(m, IDLE);
	errno = saved;
}

void outgoing_closing(int fd, const char *why)
{
	struct conn *c = conn_find(fd);
	if (c == NULL)
		return;
	struct msg *m = conn_forget(c);
	if (m == NULL)
		return;
	/* The helper sends through a descriptor of its own and needs nobody to wait for it; a reader that is just releasing does. */
	bool locked = lock_try(&m->lock) || (atomic_load(&m->brief) && lock_take(&m->lock));
	if (locked)
		last_emission(m, fd, why);
	conn_abandon(m, locked);
}

void outgoing_closing_range(unsigned first, unsigned last, const char *why)
{
	for (unsigned page = first >> CONN_PAGE_BITS; page < CONN_PAGES && page <= last >> CONN_PAGE_BITS; page++) {
		unsigned begin = page << CONN_PAGE_BITS;
		if (conn_find((int)begin) == NULL)
			continue;
		for (unsigned fd = begin < first ? first : begin; fd < begin + CONN_PAGE && fd <= last; fd++)
			outgoing_closing((int)fd, why);
	}
}

void outgoing_ending(int fd, const char *why)
{
	struct conn *c = conn_find(fd);
	if (c == NULL)
		return;
	struct msg *m = conn_try_lock(c, true);
	if (m != NULL) {
		last_emission(m, fd, why);
		conn_unlock(m);
	}
	conn_set(c, CONN_SHUT);
}

struct every {
	const char *why;
	bool last;
};

static void release_one(struct conn *c, int fd, void *arg)
{
	const struct every *e = arg;
	if (!e->last) {
		release(fd, true, false, e->why);
		return;
	}
	struct msg *m = conn_try_lock(c, true);
	if (m == NULL)
		return;
	atomic_store(&m->brief, 1);
	last_emission(m, fd, e->why);
	conn_unlock(m);
}

void outgoing_release_all(const char *why, bool last)
{
	struct every e = { why, last };
	if (atomic_load(&held_messages) > 0)
		conn_each(release_one, &e);
}

/* --- the helper's side ------------------------------------------------------------------------------------------------------------ */

/* A descriptor of our own for the instant of an emission: whatever the program does to its number meanwhile, these bytes reach
 * the socket they were written to. High numbers, so that the program gets the ones it expects. -1: none to be had. */
static int borrow(int fd)
{
	int d = libc()->fcntl(fd, F_DUPFD_CLOEXEC, 1000);
	return d >= 0 || errno != EINVAL ? d : libc()->fcntl(fd, F_DUPFD_CLOEXEC, 3);
}

static void emit_due(struct msg *m)
{
	int d = borrow(m->fd);
	bool direct = d < 0 && errno != EBADF; /* no descriptor left: the closer waits instead */
	if (direct) {
		d = m->fd;
		atomic_store(&m->brief, 1);
	}
	if (d < 0 || conn_cookie_of(d) != m->cookie) { /* closed without our seeing it */
		trace(m->fd, m->state, RELEASE, NOTHING, "socket-gone", m->len - m->sent);
		msg_clear(m);
		msg_state(m, IDLE);
	} else {
		struct hold_rule rule = hold_decide(config.join, m->state, RELEASE);
		trace(m->fd, m->state, RELEASE, rule.action, "deadline", m->len - m->sent);
		if (rule.action == EMIT)
			emit_now(m, d, rule.next);
	}
	if (d >= 0 && !direct)
		libc()->close(d);
}

uint64_t outgoing_due(struct deadline *d, uint64_t now)
{
	struct msg *m = (struct msg *)((char *)d - offsetof(struct msg, deadline));
	if (!lock_try(&m->lock))
		return now + (m->in_call ? config.timeout_ns : 50000);
	if (!atomic_load(&m->closed)) {
		if ((m->state == HEAD || m->state == BODY) && m->due > now) {
			uint64_t due = m->due;
			lock_give(&m->lock);
			return due;
		}
		if (m->state == HEAD || m->state == BODY)
			emit_due(m);
	}
	if (atomic_load(&m->closed) || m->state == IDLE) {
		bool closed = atomic_load(&m->closed);
		atomic_store(&m->deadline.watched, 0);
		if (closed) {
			msg_free(m);
			return 0;
		}
		if (conn_retire(m))
			return 0;
		atomic_store(&m->deadline.watched, 1); /* a closer was faster and will say so: look again */
	}
	atomic_store(&m->brief, 0);
	lock_give(&m->lock);
	return now + config.timeout_ns;
}
