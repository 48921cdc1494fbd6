#include "release.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "config.h"
#include "emit.h"
#include "late.h"
#include "real.h"
#include "room.h"
#include "note.h"
#include "observe.h"
#include "once.h"
#include "task.h"
#include "turn.h"

/* May the last write's own call, on its way in another thread, have the kernel's lock of the socket? A call that waits
 * for room has given that lock up: it sleeps until poll(2) reports room. */
static bool is_on_its_way(const struct msg *m)
{
	struct pollfd room = { .fd = m->fd, .events = POLLOUT };
	if (!m->kernel || !msg_is_flying(m))
		return false;
	int saved = errno;
	if (own()->poll(&room, 1, 0) != 1) {
		errno = saved;
		return false;
	}
	/* false: that thread was cancelled in the call */
	bool lives = !task_has_ended(m->flyer);
	errno = saved;
	return lives;
}

void release_held(struct msg *m, enum hold_state next)
{
	if (is_on_its_way(m))
		return; /* the helper looks again */
	int saved = errno;
	struct conn *c = conn_find(m->fd);
	int error = m->kernel ? (emit_push(m->fd, m), 0) : emit_held(m, m->fd, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (error == 0 && !m->kernel)
		emit_uncork(m, m->fd);
	if (c != NULL)
		room_unknown(c);
	if (emit_is_final(error)) {
		msg_clear(m);
		m->error = error;
		msg_state(m, FAILED);
	} else if (error == 0) {
		msg_gone(m, next);
		if (c != NULL)
			atomic_store_explicit(&c->small, 1, memory_order_relaxed);
	} /* otherwise it stays held, and the helper tries again */
	errno = saved;
}

bool release_is_here(const struct msg *m)
{
	return !(m->out_of_sight || process_is_borrowed()) || conn_cookie_of(m->fd, m->cookie) == m->cookie;
}

bool release_is_our_parents(const struct msg *m)
{
	return atomic_load(&process_lent) && process_is_borrowed() && !release_is_here(m);
}

enum report { NO_ERROR, ANY_ERROR, READ_ERROR };

static bool has_unread(int fd)
{
	int unread = 0;
	return libc()->ioctl(fd, FIONREAD, &unread) == 0 && unread > 0;
}

/* A read never fails with EPIPE, and first gets what has come. */
static bool is_to_report(const struct msg *m, enum report report)
{
	return report == ANY_ERROR || (report == READ_ERROR && m->error != EPIPE && !has_unread(m->fd));
}

enum whose { ANYBODYS, KERNELS /* only what the kernel holds: what lies in our memory may stay there */ };

/* Sends what is held, and returns the errno that is to be reported, or 0. The caller has the turn. */
static int release_one(struct msg *m, enum report report, enum whose whose, enum reason why)
{
	enum hold_state state = m->state;
	int error = 0;
	/* In the state REST the kernel may hold nothing of the message: then it has neither a deadline nor a cork of
	 * ours. */
	bool waits = state != REST || m->due != 0 || m->corked;
	if (state != FAILED && waits && (whose == ANYBODYS || m->kernel)) {
		struct hold_rule rule = hold_decide(config.join, state, RELEASE);
		if (rule.action == EMIT && release_is_here(m)) {
			note(m, m->fd, state, RELEASE, rule.action, why, m->len - m->sent);
			release_held(m, rule.next);
		}
	}
	if (m->state == FAILED && is_to_report(m, report)) {
		error = m->error;
		m->error = 0;
		msg_state(m, IDLE);
	}
	return error;
}

static void release_waiting(int fd, enum whose whose, enum reason why)
{
	struct conn *c = conn_find(fd);
	if (conn_idle(c)) {
		if (unlikely(config.observe) && whose == ANYBODYS)
			observe_released(fd, why);
		return;
	}
	int saved = errno, cancel = turn_uncancellable();
	struct msg *m = turn_take_old(c, fd);
	if (m != NULL) {
		release_one(m, NO_ERROR, whose, why);
		turn_give(m);
	}
	turn_cancellable(cancel);
	errno = saved;
}

void release(int fd, enum reason why)
{
	release_waiting(fd, ANYBODYS, why);
}

void release_from_kernel(int fd)
{
	release_waiting(fd, KERNELS, WHY_OPTIONS);
}

void release_disconnected(int fd)
{
	struct conn *c = conn_find(fd);
	if (c == NULL)
		return;
	conn_disconnected(c);
	conn_unset(c, CONN_SHUT);
	room_unknown(c);
	if (conn_idle(c))
		return;
	int saved = errno, cancel = turn_uncancellable();
	struct msg *m = turn_take_old(c, fd);
	if (m != NULL) {
		emit_uncork(m, fd);
		m->error = 0;
		msg_gone(m, IDLE);
		turn_give(m);
	}
	turn_cancellable(cancel);
	errno = saved;
}

static int release_unless_busy(int fd, enum report report, enum reason why)
{
	struct conn *c = conn_find(fd);
	int error = 0;
	if (conn_idle(c))
		return 0;
	int saved = errno, cancel = turn_uncancellable();
	struct msg *m = turn_try(c);
	if (m != NULL) { /* NULL: the thread that has the turn is sending */
		error = release_one(m, report, ANYBODYS, why);
		turn_give(m);
	}
	turn_cancellable(cancel);
	errno = saved;
	return error;
}

int release_or_fail(int fd)
{
	if (unlikely(config.observe))
		observe_released(fd, WHY_OPTIONS);
	return release_unless_busy(fd, ANY_ERROR, WHY_OPTIONS);
}

int release_for_read(int fd)
{
	return release_unless_busy(fd, READ_ERROR, WHY_READ);
}

/* --- the last chance -------------------------------------------------------------------------- */

/* Does the kernel send what it holds when this descriptor is closed? It does not if the close is a reset, because input
 * is unread or the program asked for one (SO_LINGER): then the send queue is thrown away. */
static bool fin_follows(int fd)
{
	int unread = 0;
	struct linger linger = { 0, 0 };
	socklen_t len = sizeof linger;
	return libc()->ioctl(fd, FIONREAD, &unread) == 0 && unread == 0 &&
	       libc()->getsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, &len) == 0 &&
	       !(linger.l_onoff && linger.l_linger == 0);
}

enum end {
	SOCKET_ENDS, /* the FIN may take along what the kernel holds */
	NAME_ENDS,   /* the socket may live on by another name, so our cork must not stay */
	SOCKET_STAYS,
	WE_LEAVE, /* the socket stays, but the library does not look at it any more, so our cork must not stay */
};

/* Makes one attempt to send what is held. Returns 0 if nothing is held any more, else the errno. The caller has the
 * turn. */
static int emit_last(struct msg *m, enum end end, enum reason why)
{
	enum hold_state state = m->state;
	if ((state != HEAD && state != BODY && state != REST) || !release_is_here(m))
		return 0;
	if (is_on_its_way(m) && !(m->corked && (end == NAME_ENDS || end == WE_LEAVE))) {
		if (end != SOCKET_STAYS)
			msg_gone(m, IDLE);
		return 0;
	}
	bool push = m->kernel && (m->corked || end != SOCKET_ENDS || !fin_follows(m->fd));
	note(m, m->fd, state, CLOSE, m->kernel && !push ? NOTHING : EMIT, why, m->len - m->sent);
	int error = 0;
	if (push)
		emit_push(m->fd, m);
	else if (!m->kernel)
		error = emit_held(m, m->fd, MSG_DONTWAIT | MSG_NOSIGNAL);
	if (error == EAGAIN && end != SOCKET_STAYS && end != WE_LEAVE) {
		room_make(m->fd);
		error = emit_held(m, m->fd, MSG_DONTWAIT | MSG_NOSIGNAL);
	}
	if (error != 0 && !emit_is_final(error))
		return error;
	if (!push)
		emit_uncork(m, m->fd);
	m->error = error;
	msg_gone(m, error != 0                               ? FAILED
	            : end == SOCKET_STAYS || end == WE_LEAVE ? hold_decide(config.join, state, RELEASE).next
	                                                     : IDLE);
	return 0;
}

/* Waits a little for room; only a close has the turn meanwhile. There was none although room was known: bytes were
 * written past the hooks, or the kernel is out of memory for TCP. Returns false when *until is reached (0: the time is
 * set by the first wait; 1: no wait at all). A wait in vain counts for all connections, for one second. */
static bool wait_for_room(int fd, uint64_t *until)
{
	static _Atomic uint64_t in_vain_at;
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	uint64_t now = now_ns(), in_vain = atomic_load(&in_vain_at);
	if (*until == 0)
		*until = in_vain != 0 && now - in_vain < 1000000000u ? now : now + EMIT_LAST_WAIT_NS;
	if (now < *until && (own()->poll(&room, 1, 10) >= 0 || errno == EINTR))
		return true;
	if (*until > 1)
		atomic_store(&in_vain_at, now);
	return false;
}

/* NO_MORE: the process, or the socket's sending side, ends with this call. Then a turn that a signal handler of its own
 * thread interrupted leads to nothing, so what is held there goes at once, with what handlers wrote behind it. */
enum writing { GOES_ON, NO_MORE };

/* A handler that shuts the socket down returns into the turn that it interrupted, so a call in that turn still books
 * its result. */
static bool leads_to_nothing(const struct msg *m, enum end end)
{
	return end != SOCKET_ENDS || atomic_load_explicit(&m->calling, memory_order_relaxed) == NOT_CALLING;
}

/* Sends what is held on this descriptor, or gives up when *until is reached (wait_for_room). `lost`: then the bytes are
 * dropped, and the next call reports EIO. */
static void release_last(int fd, enum end end, enum writing writing, bool lost, uint64_t *until, enum reason why)
{
	struct conn *c = conn_find(fd);
	int saved = errno, cancel = turn_uncancellable();
	for (int error = EAGAIN; error != 0 && !conn_idle(c);) {
		bool mine;
		struct msg *m = turn_take(c, fd, false, &mine);
		bool left = m != NULL && mine && writing == NO_MORE && !process_is_borrowed() &&
		            leads_to_nothing(m, end);
		if (m == NULL || (mine && !left))
			break;
		if (left)
			late_recover(m);
		error = emit_last(m, left ? NAME_ENDS : end, why);
		if (!left)
			turn_give(m);
		if (error == 0 || wait_for_room(fd, until))
			continue;
		if (lost && (m = turn_take_old(c, fd)) != NULL) {
			m->error = EIO;
			msg_gone(m, FAILED);
			turn_give(m);
		}
		break;
	}
	turn_cancellable(cancel);
	errno = saved;
}

static enum reason why_it_ends(enum end end)
{
	return end == WE_LEAVE ? WHY_RETIRED : WHY_CLOSE;
}

/* Closes a descriptor on which a signal handler interrupted its own thread's turn. Outside a system call what is held
 * can go now, and the turn finds nothing left. In a call the bytes are with the kernel, or are about to be: then
 * returns false, and the descriptor has to stay until the call is over. */
static bool close_in_handler(struct msg *m, enum end end)
{
	if (atomic_load_explicit(&m->calling, memory_order_relaxed) != NOT_CALLING)
		return false;
	late_recover(m);
	emit_last(m, end, why_it_ends(end));
	return true;
}

/* Sends all that the message and signal handlers hold; afterwards handlers write past it. Returns 0 or an errno. The
 * caller has the turn. */
static int send_last(struct msg *m, int fd, enum end end)
{
	uint64_t until = 0;
	int error;
	while ((error = emit_last(m, end, why_it_ends(end))) != 0 && wait_for_room(fd, &until)) {}
	do
		late_drain(m);
	while (!late_end(m) && late_is_queue(atomic_load(&m->late)));
	return error;
}

/* Takes the message off its connection and ends it. What it holds is sent before, since nobody would find it
 * afterwards: neither a signal handler nor another thread, whose bytes would overtake it. Returns what closing()
 * returns. */
static int end_message(struct conn *c, int fd, enum end end, bool may_be_later)
{
	bool in_handler;
	int error = 0;
	struct msg *m = turn_take(c, fd, false, &in_handler);
	bool locked = m != NULL && !in_handler;
	if (locked)
		error = send_last(m, fd, end);
	struct msg *detached = conn_forget(c, fd);
	if (locked && detached != m) { /* another closer has taken it off, and ends it */
		turn_give(m);
		locked = false;
	}
	if (detached == NULL)
		return error;
	if (detached != m && turn_take_detached(detached)) { /* it came meanwhile, or its turn was not to be had */
		locked = true;
		error = send_last(detached, fd, end);
	}
	if (!locked && lock_is_mine(&detached->lock) && !close_in_handler(detached, end) && may_be_later) {
		detached->close_later = true;
		lock_leave(&detached->lock);
		return RELEASE_LATER;
	}
	turn_end(detached, locked);
	return error;
}

/* Returns EIO if bytes are lost that were said to be written, RELEASE_LATER (only if may_be_later), or 0. */
static int closing(int fd, bool may_be_later)
{
	struct conn *c = conn_find(fd);
	if (unlikely(config.observe) && fd >= 0)
		observe_closing((unsigned)fd, (unsigned)fd);
	if (conn_unknown(fd) || config.observe)
		return 0;
	if (process_is_borrowed()) {
		once_end();
		atomic_store(&process_lent, true);
		return 0;
	}
	int saved = errno, cancel = turn_uncancellable();
	note_closed(fd, conn_is(fd, CONN_TCP) && conn_has(c, CONN_SEEN) && conn_has(c, CONN_CONNECTED));
	int error = end_message(c, fd, conn_is_ours(c, fd) ? SOCKET_ENDS : NAME_ENDS, may_be_later);
	turn_cancellable(cancel);
	errno = saved;
	return error > 0 ? EIO : error;
}

int release_closing(int fd)
{
	return closing(fd, false);
}

int release_close(int fd)
{
	return closing(fd, true);
}

void release_closing_range(unsigned first, unsigned last)
{
	if (unlikely(config.observe))
		observe_closing(first, last);
	for (int fd = conn_next(first); fd >= 0 && (unsigned)fd <= last; fd = conn_next((unsigned)fd + 1))
		release_closing(fd);
}

/* The look for what is held must come after the flag that forbids holds is set (TSan does not know fences). */
static void look_after_flag(void)
{
#ifndef __SANITIZE_THREAD__
	atomic_thread_fence(memory_order_seq_cst);
#endif
}

void release_ending(int fd)
{
	struct conn *c = conn_find(fd);
	uint64_t until = 0;
	if (c != NULL)
		conn_set(c, CONN_SHUT); /* first, so that what another thread is about to hold now is sent, too */
	look_after_flag();
	if (unlikely(config.observe))
		observe_released(fd, WHY_SHUTDOWN);
	release_last(fd, SOCKET_ENDS, NO_MORE, true, &until, WHY_SHUTDOWN);
}

static void release_in_time(int fd, enum reason why)
{
	struct conn *c = conn_find(fd);
	uint64_t until = 0;
	if (c != NULL) {
		once_missed(&c->unread);
		room_unknown(c);
	}
	if (unlikely(config.observe))
		observe_released(fd, why);
	release_last(fd, SOCKET_STAYS, GOES_ON, false, &until, why);
}

void release_surely(int fd)
{
	release_in_time(fd, WHY_OTHER_WRITE);
}

void release_aliased(int fd)
{
	struct conn *c = conn_find(fd);
	if (unlikely(config.observe))
		observe_released(fd, WHY_DUP);
	if (c == NULL)
		return;
	if (conn_has(c, CONN_CORKED))
		release(fd, WHY_DUP);
	conn_set(c, CONN_ALIASED);
	look_after_flag();
	release_in_time(fd, WHY_DUP);
}

void release_corked(void)
{
	for (int fd = conn_next(0); fd >= 0; fd = conn_next((unsigned)fd + 1)) {
		const struct conn *c = conn_find(fd);
		if (c != NULL && conn_has(c, CONN_CORKED))
			release(fd, WHY_FORK);
	}
}

/* Sends first what needs no wait, on every connection, and then waits for the rest. */
__attribute__((cold)) static void release_every(enum end end, enum writing writing, enum reason why)
{
	uint64_t no_wait = 1, until = 0;
	if (unlikely(config.observe))
		observe_released_all(why);
	for (int fd = conn_next(0); fd >= 0; fd = conn_next((unsigned)fd + 1))
		release_last(fd, end, writing, false, &no_wait, why);
	for (int fd = conn_next(0); fd >= 0; fd = conn_next((unsigned)fd + 1))
		release_last(fd, end, writing, false, &until, why);
}

void release_all(enum reason why)
{
	release_every(SOCKET_STAYS, GOES_ON, why);
}

void release_at_the_end(void)
{
	release_every(SOCKET_STAYS, NO_MORE, WHY_EXIT);
}

void release_before_exec(void)
{
	release_every(WE_LEAVE, NO_MORE, WHY_EXEC);
}

void release_for_good(void)
{
	release_every(WE_LEAVE, GOES_ON, WHY_RETIRED);
	for (int fd = conn_next(0); fd >= 0; fd = conn_next((unsigned)fd + 1)) {
		struct conn *c = conn_find(fd);
		if (c != NULL && end_message(c, fd, WE_LEAVE, false) != 0)
			libc()->shutdown(fd, SHUT_WR); /* bytes are lost, so none may follow; the next write fails */
	}
}
