#include "release.h"

#include <errno.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "config.h"
#include "emit.h"
#include "real.h"
#include "trace.h"

enum { BORROWED = 1000 }; /* the helper's own descriptors begin here */

void release_held(struct msg *m, int fd, enum hold_state next)
{
	int saved = errno, error = 0, cancel;
	struct conn *c = conn_find(m->fd);
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel); /* send is a place to be cancelled, but not with a lock in hand */
	error = m->kernel ? emit_push(fd, m) : emit_held(m, fd, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (error == 0 && !m->kernel)
		emit_uncork(m, fd);
	pthread_setcancelstate(cancel, NULL);
	if (error == EBADF && fd != m->fd)
		error = EAGAIN; /* the program closed a range of descriptors, and the helper's with it */
	else if (m->kernel)
		error = 0;
	if (emit_is_final(error)) {
		msg_clear(m);
		m->error = error;
		msg_state(m, FAILED);
	} else if (error == 0) {
		m->kernel = true;
		m->corked = false;
		msg_clear(m);
		if (c != NULL)
			atomic_store_explicit(&c->small, 1, memory_order_relaxed);
		msg_state(m, next);
	} /* else it stays held: the helper tries again */
	errno = saved;
}

/* In the child of a vfork a number may be closed already, or mean something else: its parent's helper sees to what is held. */
static bool is_here(const struct msg *m, int fd)
{
	return !conn_of_parent() || conn_cookie_of(fd) == m->cookie;
}

enum report { NO_ERROR, ANY_ERROR, READ_ERROR /* a read never fails with EPIPE */ };

enum whose { ANYBODYS, KERNELS /* what waits in our memory may stay there */ };

static int release_one(int fd, bool wait, enum report report, enum whose whose, const char *why)
{
	struct conn *c = conn_find(fd);
	int error = 0;
	if (conn_idle(c))
		return 0;
	struct msg *m = conn_try_lock(c, wait);
	if (m == NULL)
		return 0; /* a writer has it, and is sending */
	enum hold_state state = m->state;
	if (state != FAILED && (whose == ANYBODYS || m->kernel)) {
		struct hold_rule rule = hold_decide(config.join, state, RELEASE);
		if (rule.action == EMIT && is_here(m, fd)) {
			trace(fd, state, RELEASE, rule.action, why, m->len - m->sent);
			release_held(m, fd, rule.next);
		}
	}
	if (m->state == FAILED && (report == ANY_ERROR || (report == READ_ERROR && m->error != EPIPE))) {
		error = m->error;
		m->error = 0;
		msg_state(m, IDLE);
	}
	conn_unlock(m);
	return error;
}

void release(int fd, const char *why)
{
	release_one(fd, true, NO_ERROR, ANYBODYS, why);
}

void release_from_kernel(int fd, const char *why)
{
	release_one(fd, true, NO_ERROR, KERNELS, why);
}

int release_or_fail(int fd, const char *why)
{
	return release_one(fd, false, ANY_ERROR, ANYBODYS, why);
}

int release_for_read(int fd)
{
	return release_one(fd, false, READ_ERROR, ANYBODYS, "read");
}

/* Does the kernel send what it holds when this descriptor is closed? Not if the close is a reset, because input is left unread or
 * the program asked for one: then the queue is thrown away. */
static bool fin_follows(int fd)
{
	int unread = 0;
	struct linger linger = { 0, 0 };
	socklen_t len = sizeof linger;
	return libc()->ioctl(fd, FIONREAD, &unread) == 0 && unread == 0 &&
	       libc()->getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 && !(linger.l_onoff && linger.l_linger == 0);
}

/* The last chance. `gone`: this is the socket's end, and its FIN may take along what the kernel holds. */
static void emit_last(struct msg *m, int fd, bool gone, const char *why)
{
	enum hold_state state = m->state;
	if ((state != HEAD && state != BODY && state != REST) || !is_here(m, fd))
		return;
	int saved = errno, error = 0;
	bool push = m->kernel && (m->corked || !(gone && fin_follows(fd))); /* our cork must not outlive the message */
	trace(fd, state, CLOSE, m->kernel && !push ? NOTHING : EMIT, why, m->len - m->sent);
	if (push)
		emit_push(fd, m);
	else if (!m->kernel)
		error = emit_surely(fd, m->buf + m->sent, m->len - m->sent, true, &m->sent);
	if (error != 0 && !gone && !emit_is_final(error)) { /* it has to wait where it is: better late than never */
		errno = saved;
		return;
	}
	if (!push)
		emit_uncork(m, fd);
	msg_clear(m);
	m->kernel = true;
	m->corked = false;
	m->error = error;
	msg_state(m, error != 0 ? FAILED : gone ? IDLE : hold_decide(config.join, state, RELEASE).next);
	errno = saved;
}

static void closing(int fd, bool wait_for_helper, const char *why)
{
	struct conn *c = conn_find(fd);
	if (conn_unknown(fd) || conn_of_parent())
		return;
	bool alone = conn_is_ours(c, fd);
	struct msg *m = conn_forget(c);
	if (m == NULL)
		return;
	/* The helper sends through a descriptor of its own and needs nobody to wait for it; a reader that is just releasing does. */
	bool locked = msg_try_lock(m, wait_for_helper || !atomic_load(&m->elsewhere));
	if (locked)
		emit_last(m, fd, alone, why);
	conn_abandon(m, locked);
}

void release_closing(int fd, const char *why)
{
	closing(fd, false, why);
}

/* A range may take in the descriptor through which the helper is sending: so here it is waited for. */
void release_closing_range(unsigned first, unsigned last, const char *why)
{
	for (unsigned fd = first, end = atomic_load(&conn_top); fd < end && fd <= last; fd++)
		closing((int)fd, last >= BORROWED, why);
}

void release_ending(int fd, const char *why)
{
	struct conn *c = conn_find(fd);
	if (c == NULL)
		return;
	struct msg *m = conn_idle(c) ? NULL : conn_try_lock(c, true);
	if (m != NULL) {
		emit_last(m, fd, true, why);
		conn_unlock(m);
	}
	conn_set(c, CONN_SHUT);
}

void release_surely(int fd, const char *why)
{
	struct conn *c = conn_find(fd);
	struct msg *m = conn_idle(c) ? NULL : conn_try_lock(c, true);
	if (m != NULL) {
		emit_last(m, fd, false, why);
		conn_unlock(m);
	}
}

void release_aliased(int fd, const char *why)
{
	struct conn *c = conn_find(fd);
	if (c == NULL)
		return;
	conn_set(c, CONN_ALIASED);
	release_surely(fd, why);
}

void release_all(const char *why)
{
	deadline_settle(); /* what the helper is sending for a descriptor that is closed already */
	for (unsigned fd = 0, end = atomic_load(&conn_top); fd < end; fd++)
		release_surely((int)fd, why);
}

void release_for_good(const char *why)
{
	release_all(why);
	for (unsigned fd = 0, end = atomic_load(&conn_top); fd < end; fd++) {
		struct conn *c = conn_find((int)fd);
		struct msg *m = c != NULL ? conn_forget(c) : NULL;
		bool locked = m != NULL && msg_try_lock(m, true);
		if (locked)
			emit_last(m, (int)fd, false, why);
		if (m != NULL)
			conn_abandon(m, locked);
	}
}

/* --- the helper's side ------------------------------------------------------------------------------------------------------------ */

/* A table of descriptors that must grow for a number of ours makes the kernel wait for a grace period of RCU, 10 ms or so, if several
 * threads share it. So it grows when there is no helper yet; failing that the helper sees to it when it has time, and sends
 * through the program's descriptor until then. */
static atomic_bool roomy;

void release_make_room(int fd)
{
	if (atomic_load_explicit(&roomy, memory_order_relaxed))
		return;
	int saved = errno;
	long d = libc()->syscall(SYS_fcntl, fd, F_DUPFD_CLOEXEC, BORROWED);
	if (d >= 0)
		libc()->syscall(SYS_close, d);
	if (d >= 0 || errno == EINVAL) /* above the limit: then a low number has to do, and there is room for it */
		atomic_store(&roomy, true);
	errno = saved;
}

void release_in_child(void)
{
	atomic_store(&roomy, false); /* its table is as long as it needs */
}

/* A descriptor of our own for the instant of an emission: whatever the program does to its number meanwhile, these bytes reach
 * the socket they were written to. High numbers only: the others are the program's, who may need its last one now. -1: none to be had. */
static int borrow(int fd)
{
	return libc()->fcntl(fd, F_DUPFD_CLOEXEC, BORROWED);
}

/* What the kernel holds may be younger than the hold: the bytes that were there at its beginning went out in full segments since.
 * Then the hold goes on until m->due, or, if the kernel holds nothing, until the next write. */
static bool is_young(struct msg *m, int fd, uint64_t now)
{
	int unsent = 0;
	if (m->state != REST || libc()->ioctl(fd, SIOCOUTQNSD, &unsent) != 0)
		return false;
	if (unsent > 0 && ((uint64_t)unsent > m->last_size || now - m->last >= config.timeout_ns))
		return false;
	m->due = unsent > 0 ? m->last + config.timeout_ns : 0;
	return true;
}

enum identity { THE_SOCKET, ANOTHER, CANNOT_TELL };

static enum identity identify(const struct msg *m, int d)
{
	uint64_t cookie = d >= 0 ? conn_cookie_of(d) : 0;
	if (cookie == m->cookie)
		return THE_SOCKET;
	if (errno == EBADF && d >= 0 && d != m->fd)
		return CANNOT_TELL; /* what was borrowed went in a range that the program closed */
	return cookie != 0 || errno == EBADF || errno == ENOTSOCK ? ANOTHER : CANNOT_TELL;
}

/* Where the send buffer was full, and meanwhile a closer came who did not wait: nobody will try again. */
static void emit_orphan(struct msg *m, int d)
{
	trace(m->fd, m->state, CLOSE, EMIT, "closed-meanwhile", m->len - m->sent);
	if (m->kernel)
		emit_push(d, m);
	else
		emit_surely(d, m->buf + m->sent, m->len - m->sent, false, &m->sent);
	if (!m->kernel)
		emit_uncork(m, d);
	msg_clear(m);
	m->kernel = true;
	m->corked = false;
	msg_state(m, IDLE);
}

static bool is_detached(const struct msg *m)
{
	struct conn *c = conn_find(m->fd);
	return c == NULL || atomic_load(&c->msg) != m;
}

static bool holds(const struct msg *m)
{
	return m->state == HEAD || m->state == BODY || m->state == REST;
}

static void emit_due(struct msg *m, uint64_t now)
{
	int d = m->fd;
	enum identity who = identify(m, d); /* first: to close a duplicate of a file would end the program's locks on it */
	int own = who == THE_SOCKET && atomic_load(&roomy) ? borrow(d) : -1;
	if (own >= 0) { /* else the program's has to do, and a closer waits */
		d = own;
		who = identify(m, d);
		atomic_store(&m->elsewhere, 1);
	}
	if (who == ANOTHER) { /* closed without our seeing it */
		trace(m->fd, m->state, RELEASE, NOTHING, "socket-gone", m->len - m->sent);
		msg_clear(m);
		msg_state(m, IDLE);
		conn_doubt(m);
	} else if (who == THE_SOCKET && !is_young(m, d, now)) {
		struct hold_rule rule = hold_decide(config.join, m->state, RELEASE);
		trace(m->fd, m->state, RELEASE, rule.action, "deadline", m->len - m->sent);
		release_held(m, d, rule.next);
	} /* else: another look, in a while */
	atomic_store(&m->elsewhere, 0); /* a closer detaches and then looks at this: he waits for us, or we see that he was here */
	if (who == THE_SOCKET && holds(m) && is_detached(m))
		emit_orphan(m, d);
	if (own >= 0)
		libc()->close(own);
}

static uint64_t look_at(struct msg *m, uint64_t now)
{
	if (!lock_try(&m->lock))
		return now + (m->in_call ? config.timeout_ns : 50000);
	bool closed = atomic_load(&m->closed);
	if (!closed && holds(m) && m->due <= now)
		emit_due(m, now);
	if (!closed && holds(m) && m->due != 0) { /* not due yet, or the send buffer is full */
		uint64_t due = m->due > now ? m->due : now + config.timeout_ns;
		lock_give(&m->lock);
		return due;
	}
	if (atomic_load(&m->closed)) {
		msg_free(m);
		return 0;
	}
	if (is_detached(m)) { /* a closer has just detached it, and is about to say so */
		lock_give(&m->lock);
		return now + 1000000;
	}
	if (now - m->last < config.timeout_ns) { /* a busy connection: its next head would have it watched again */
		lock_give(&m->lock);
		return deadline_tick(now + config.timeout_ns);
	}
	atomic_store(&m->deadline.watched, 0); /* nothing to look at any more */
	conn_unlock(m);
	return 0;
}

uint64_t release_due(struct deadline *d, uint64_t now)
{
	struct msg *m = (struct msg *)((char *)d - offsetof(struct msg, deadline));
	int fd = m->fd;
	const struct conn *c = conn_find(fd);
	uint64_t next = look_at(m, now);
	/* Only with the socket itself: to close a duplicate of a file that has its number now would end the program's locks on it. */
	if (!atomic_load(&roomy) && c != NULL && c->cookie != 0 && conn_cookie_of(fd) == c->cookie)
		release_make_room(fd);
	return next;
}
