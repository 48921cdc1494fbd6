#include "emit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <string.h>

#include "real.h"

enum {
	JOIN_IOVS = 64,        /* more than this go after the head, not with it: an array for 1024 does not fit every stack */
	TAKEN_WHOLE = 16384,   /* no more bytes than these go into one buffer of the kernel's: it takes all of them, or none */
};
#define LAST_WAIT_NS          200000000u   /* for a peer that does not read, when the program itself never waits */
#define LAST_WAIT_BLOCKING_NS 30000000000u /* ... and when it would wait for ever */
#define CALL_MAX 0x7ffff000u /* the most bytes that one system call takes, see write(2) */

ssize_t emit_call(const struct call *c)
{
	switch (c->door) {
	case DOOR_WRITE:
		return libc()->write(c->fd, c->iov->iov_base, c->iov->iov_len);
	case DOOR_WRITEV:
		return libc()->writev(c->fd, c->iov, (int)c->iovcnt);
	case DOOR_SEND:
		return libc()->send(c->fd, c->iov->iov_base, c->iov->iov_len, c->flags);
	case DOOR_SENDMSG:
		return libc()->sendmsg(c->fd, c->hdr, c->flags);
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
	return r < 0 && errno == ENOTSOCK ? emit_call(c) : r; /* closed and reused behind our back */
}

static bool is_nonblocking(int fd)
{
	return (libc()->fcntl(fd, F_GETFL) & O_NONBLOCK) != 0;
}

static bool waits(const struct call *c)
{
	return !(c->flags & MSG_DONTWAIT) && !is_nonblocking(c->fd);
}

/* The call's bytes from `from` on, as many pieces as there are. */
static size_t rest_of(const struct call *c, size_t from, struct iovec *rest)
{
	size_t i = 0, n = 0;
	while (i < c->iovcnt && from >= c->iov[i].iov_len)
		from -= c->iov[i++].iov_len;
	for (; i < c->iovcnt; i++, from = 0)
		rest[n++] = (struct iovec){ (char *)c->iov[i].iov_base + from, c->iov[i].iov_len - from };
	return n;
}

/* A call that waits may be left in the middle, by pthread_cancel or a jump out of a signal handler, and then nobody learns how much
 * it had sent: so the head goes without waiting, what is waited for is the program's own. */
static ssize_t joined_long(struct msg *m, const struct call *c, struct iovec *iov, int flags)
{
	size_t held = m->len - m->sent, taken = 0;
	int cancel, error, saved = errno;
	iov[0] = (struct iovec){ m->buf + m->sent, held };
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	ssize_t r = transmit(c->fd, iov, c->iovcnt + 1, flags | MSG_DONTWAIT);
	error = errno;
	if (r > 0) {
		taken = (size_t)r > held ? (size_t)r - held : 0;
		m->sent += (size_t)r - taken;
	}
	pthread_setcancelstate(cancel, NULL);
	if (taken == c->size || (r < 0 && error != EAGAIN))
		return r < 0 ? (errno = error, -1) : (ssize_t)taken;
	if (!waits(c))
		return taken == 0 ? (errno = EAGAIN, -1) : (ssize_t)taken;
	if ((error = emit_held(m, c->fd, c->flags | MSG_MORE)) != 0)
		return (errno = error, -1);
	r = transmit(c->fd, iov, rest_of(c, taken, iov), flags | (taken > 0 ? MSG_NOSIGNAL : 0));
	if (r < 0 && taken == 0)
		return -1;
	errno = saved;
	return (ssize_t)taken + (r > 0 ? r : 0);
}

ssize_t emit_joined(struct msg *m, const struct call *c, bool more)
{
	int flags = c->flags | (more ? MSG_MORE : 0);
	if (c->iovcnt >= JOIN_IOVS || c->size > CALL_MAX - HTTP_HEAD_MAX) {
		int error = emit_held(m, c->fd, c->flags | MSG_MORE);
		if (error != 0) {
			errno = error;
			return -1;
		}
		m->kernel = true;
		return more ? emit_call_more(c) : emit_call(c);
	}
	struct iovec iov[JOIN_IOVS];
	iov[1] = c->iov[0];
	if (c->iovcnt > 1)
		memcpy(iov + 2, c->iov + 1, (c->iovcnt - 1) * sizeof *iov);
	if (c->size > TAKEN_WHOLE)
		return joined_long(m, c, iov, flags);
	/* Should the kernel take less than was held it is asked again, without waiting, for its reason: the program must not
	 * be told 0, and what it may be told is why its own bytes did not go. */
	for (int again = 0;; again = MSG_DONTWAIT) {
		size_t held = m->len - m->sent;
		iov[0] = (struct iovec){ m->buf + m->sent, held };
		size_t skip = held == 0;
		ssize_t r = transmit(c->fd, iov + skip, c->iovcnt + 1 - skip, flags | again);
		if (r < 0) {
			if (errno == EAGAIN && again && waits(c))
				errno = EINTR; /* a call that waits was cut short: by a signal */
			return -1;
		}
		if ((size_t)r > held || c->size == 0) {
			m->sent = m->len;
			return r - (ssize_t)held;
		}
		m->sent += (size_t)r;
	}
}

int emit_held(struct msg *m, int fd, int flags)
{
	while (m->sent < m->len) {
		ssize_t r = libc()->send(fd, m->buf + m->sent, m->len - m->sent, flags);
		if (r < 0)
			return errno;
		m->sent += (size_t)r;
	}
	return 0;
}

/* A send buffer that is full and small is made larger; one that has grown by itself would be made smaller by that. */
static void make_room(int fd)
{
	static const int room = 1 << 17; /* the kernel doubles what it is asked for */
	int size = 0;
	socklen_t len = sizeof size;
	if (libc()->getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == 0 && size < 2 * room)
		libc()->setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}

static int send_surely(int fd, const char *p, size_t n, bool patient, size_t *sent)
{
	bool waits = patient && !is_nonblocking(fd), full = false;
	uint64_t until = now_ns() + (waits ? LAST_WAIT_BLOCKING_NS : LAST_WAIT_NS);
	while (n > 0) {
		ssize_t r = libc()->send(fd, p, n, MSG_DONTWAIT | MSG_NOSIGNAL);
		if (r > 0) {
			p += r;
			n -= (size_t)r;
			*sent += (size_t)r;
			continue;
		}
		if (emit_is_final(errno) || now_ns() >= until)
			return errno;
		struct pollfd writable = { .fd = fd, .events = POLLOUT };
		if (full || waits)
			poll(&writable, 1, 10);
		else /* the program's own write would have been refused, but its bytes were taken: make room, then wait a little */
			make_room(fd);
		full = true;
	}
	return 0;
}

int emit_surely(int fd, const char *p, size_t n, bool patient, size_t *sent)
{
	int saved = errno, cancel;
	if (n == 0)
		return 0;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	int error = send_surely(fd, p, n, patient, sent);
	pthread_setcancelstate(cancel, NULL);
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
	if (!m->corked)
		set(m->fd, TCP_CORK, 1);
	m->corked = true;
}

void emit_uncork(struct msg *m, int fd)
{
	if (m->corked)
		emit_push(fd, m);
	m->corked = false;
}

/* TCP_NODELAY sends what is there even under a cork, tcp(7). */
static int flush_by_nodelay(int fd, bool only_with_nagle)
{
	int nodelay = 0, saved = errno, error = 0;
	socklen_t len = sizeof nodelay;
	if (libc()->getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &len) == 0 && !(nodelay && only_with_nagle)) {
		error = set(fd, TCP_NODELAY, 1);
		if (!nodelay)
			set(fd, TCP_NODELAY, 0);
	}
	errno = saved;
	return error;
}

/* A cork may be the program's: set by this process, or, where other hands are on the socket, by anybody. Then it stays. */
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

int emit_push(int fd, const struct msg *m)
{
	int saved = errno;
	bool stays = corked_by_others(fd, m);
	errno = saved;
	return stays ? flush_by_nodelay(fd, false) : set(fd, TCP_CORK, 0);
}

void emit_nudge(int fd)
{
	flush_by_nodelay(fd, true);
}

/* Any other is of one call only: a full buffer, a signal, a route that is away (IP_RECVERR). */
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
	case ENOTSOCK:
		return true;
	}
	return false;
}
