#include "emit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <string.h>

#include "real.h"
#include "room.h"

/* A call of JOIN_IOVS pieces or more follows the head in a call of its own: an array for the largest number (1024) does
 * not fit every stack. */
enum { JOIN_IOVS = 64 };
enum { FEW_IOVS = 4 };

ssize_t emit_call(const struct call *c)
{
	switch (c->door) {
	case DOOR_WRITE: return libc()->write(c->fd, c->iov->iov_base, c->iov->iov_len);
	case DOOR_WRITEV: return libc()->writev(c->fd, c->iov, (int)c->iovcnt);
	case DOOR_SEND: return libc()->send(c->fd, c->iov->iov_base, c->iov->iov_len, c->flags);
	case DOOR_SENDTO:
		return libc()->sendto(c->fd, c->iov->iov_base, c->iov->iov_len, c->flags, c->hdr->msg_name,
		                      c->hdr->msg_namelen);
	case DOOR_SENDMSG: return libc()->sendmsg(c->fd, c->hdr, c->flags);
	}
	return -1;
}

static ssize_t transmit(int fd, const struct iovec *iov, size_t n, int flags)
{
	if (flags == 0)
		return libc()->writev(fd, iov, (int)n);
	struct msghdr hdr = { .msg_iov = (struct iovec *)iov, .msg_iovlen = n };
	return libc()->sendmsg(fd, &hdr, flags);
}

ssize_t emit_call_more(const struct call *c)
{
	ssize_t r = c->iovcnt == 1 ? libc()->send(c->fd, c->iov->iov_base, c->iov->iov_len, c->flags | MSG_MORE)
	                           : transmit(c->fd, c->iov, c->iovcnt, c->flags | MSG_MORE);
	return r < 0 && errno == ENOTSOCK ? emit_call(c) : r; /* the number was closed unseen, and is no socket now */
}

bool emit_waits(const struct call *c)
{
	return !(c->flags & MSG_DONTWAIT) && !room_is_nonblocking(c->fd);
}

bool emit_fits(const struct call *c)
{
	return c->iovcnt < JOIN_IOVS && c->size <= EMIT_CALL_MAX - HTTP_HEAD_MAX;
}

/* Send what is held and the call's bytes in one call. `iov` has room for the call's pieces and one more. */
static inline ssize_t joined(struct msg *m, const struct call *c, int flags, struct iovec *iov)
{
	size_t held_bytes = m->len - m->sent, skip = held_bytes == 0;
	iov[0] = (struct iovec){ m->buf + m->sent, held_bytes };
	iov[1] = c->iov[0];
	if (c->iovcnt > 1)
		memcpy(iov + 2, c->iov + 1, (c->iovcnt - 1) * sizeof *iov);
	return transmit(c->fd, iov + skip, c->iovcnt + 1 - skip, flags);
}

static __attribute__((noinline)) ssize_t many_joined(struct msg *m, const struct call *c, int flags)
{
	struct iovec iov[JOIN_IOVS];
	return joined(m, c, flags, iov);
}

/* Keeps the stack frame small for a call of few pieces, as most are: coroutines have small stacks. */
ssize_t emit_joined(struct msg *m, const struct call *c, int flags)
{
	struct iovec iov[FEW_IOVS];
	return likely(c->iovcnt < FEW_IOVS) ? joined(m, c, flags, iov) : many_joined(m, c, flags);
}

/* Note that the turn's owner is in a system call, for threads that wait for the turn and ask whether its owner has left
 * it for good (lock_wait, due.c). Returns the value that out_of_call() takes. */
static uint8_t in_call(struct msg *m)
{
	uint8_t before = atomic_load_explicit(&m->calling, memory_order_relaxed);
	if (before == NOT_CALLING)
		atomic_store_explicit(&m->calling, CALLING_WITHOUT_SIGNALS, memory_order_relaxed);
	return before;
}

static void out_of_call(struct msg *m, uint8_t before)
{
	if (before == NOT_CALLING)
		atomic_store_explicit(&m->calling, NOT_CALLING, memory_order_relaxed);
}

int emit_held(struct msg *m, int fd, int flags)
{
	sigset_t before;
	int error = 0;
	if (m->sent == m->len)
		return 0;
	emit_hold_signals(&before);
	uint8_t calling = in_call(m);
	while (m->sent < m->len && error == 0) {
		ssize_t r = libc()->send(fd, m->buf + m->sent, m->len - m->sent, flags);
		error = r < 0 ? errno : 0;
		m->sent += r > 0 ? (size_t)r : 0;
	}
	out_of_call(m, calling);
	emit_let_signals(&before);
	return error;
}

int emit_surely(int fd, const char *p, size_t n, size_t *sent)
{
	int saved = errno, error = 0;
	uint64_t until = 0;
	for (bool made = false; n > 0 && error == 0;) {
		ssize_t r = libc()->send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r >= 0) {
			p += r;
			n -= (size_t)r;
			*sent += (size_t)r;
			continue;
		}
		struct pollfd room = { .fd = fd, .events = POLLOUT };
		until = until != 0 ? until : now_ns() + EMIT_LAST_WAIT_NS;
		if (emit_is_final(errno) || now_ns() >= until)
			error = errno;
		else if (made)
			own()->poll(&room, 1, 10);
		else
			room_make(fd);
		made = true;
	}
	errno = saved;
	return error;
}

/* 0, or the errno. */
static int set(int fd, int option, int value)
{
	int saved = errno;
	int error = libc()->setsockopt(fd, IPPROTO_TCP, option, &value, sizeof value) == 0 ? 0 : errno;
	errno = saved;
	return error;
}

void emit_cork(struct msg *m)
{
	bool corked = m->corked;
	m->corked = true; /* first: if a signal handler jumps away here, a later owner of the turn uncorks */
	if (!corked)
		set(m->fd, TCP_CORK, 1);
}

void emit_uncork(struct msg *m, int fd)
{
	if (m->corked)
		emit_push(fd, m);
	m->corked = false;
}

/* Send what the kernel has by setting TCP_NODELAY, which works even under a cork (tcp(7)), and restore the option.
 * `only_with_nagle`: do nothing if it is set already. Returns 0, or an errno. */
static int flush_by_nodelay(int fd, bool only_with_nagle)
{
	int nodelay = 0, saved = errno, error = 0;
	socklen_t len = sizeof nodelay;
	sigset_t before;
	emit_hold_signals(&before);
	if (libc()->getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len) == 0 && !(nodelay && only_with_nagle)) {
		error = set(fd, TCP_NODELAY, 1);
		if (!nodelay)
			set(fd, TCP_NODELAY, 0);
	}
	emit_let_signals(&before);
	errno = saved;
	return error;
}

/* Is the socket under a cork that the library has not set? This process may have set it or, if the socket is shared,
 * another one. May change errno. */
static bool corked_by_others(int fd, const struct msg *m)
{
	const struct conn *c = conn_find(m->fd);
	int cork = 0;
	socklen_t len = sizeof cork;
	if (c != NULL && conn_has(c, CONN_CORKED))
		return true;
	if (m->corked || (c != NULL && conn_is_ours(c, m->fd)))
		return false;
	return libc()->getsockopt(fd, IPPROTO_TCP, TCP_CORK, &cork, &len) == 0 && cork;
}

/* Has no other process the socket? If one has, it may set an option while the library sets it and sets it back. For a
 * message that was taken off its connection, conn_forget() has noted the answer in m->shared. */
static bool is_ours(const struct msg *m)
{
	const struct conn *c = conn_find(m->fd);
	return c != NULL && atomic_load(&c->msg) == m ? conn_is_ours(c, m->fd) : !atomic_load(&m->shared);
}

int emit_push(int fd, const struct msg *m)
{
	int saved = errno;
	bool stays = corked_by_others(fd, m);
	errno = saved;
	if (!stays)
		return set(fd, TCP_CORK, 0);
	return is_ours(m) ? flush_by_nodelay(fd, false) : 0;
}

void emit_nudge(int fd)
{
	const struct conn *c = conn_find(fd);
	if (c != NULL && conn_is_ours(c, fd))
		flush_by_nodelay(fd, true);
}

/* Any other error concerns one call only: a full buffer, a signal, a route that is down (IP_RECVERR). */
bool emit_is_final(int error)
{
	switch (error) {
	case EPIPE:
	case ECONNRESET:
	case ECONNABORTED:
	case ECONNREFUSED:
	case ENOTCONN:
	case ETIMEDOUT:
	case EBADF:
	case ENOTSOCK: return true;
	}
	return false;
}
