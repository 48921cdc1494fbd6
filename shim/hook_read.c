/* Who reads waits for the peer, so what is held goes first; and what is read tells which request the next response
 * answers. */
#include <errno.h>

#include "incoming.h"
#include "real.h"
#include "rights.h"

/* Bytes that were only looked at, thrown away, or never part of the stream say nothing about requests. */
#define NOT_STREAM (MSG_PEEK | MSG_TRUNC | MSG_OOB | MSG_ERRQUEUE)

/* A hook: straight on when quiet; else before, the call, after. `bytes` landed in `where`: (vector, count). */
#define SLOW_READ(type, name, params, args, flags, bytes, where)                              \
	SLOW type slow_##name params                                                          \
	{                                                                                     \
		struct conn *c = conn_find(fd);                                               \
		int error = incoming_before(c, fd);                                           \
		if (error != 0) {                                                             \
			errno = error;                                                        \
			return -1;                                                            \
		}                                                                             \
		type r = libc()->name args;                                                   \
		if (r > 0 && c != NULL && !((flags)&NOT_STREAM))                              \
			incoming_after(c, (size_t)(bytes), UNPACK where);                     \
		else if (r < 0 && c != NULL && errno != EAGAIN && errno != EINTR)             \
			conn_unset(c, CONN_CONNECTED); /* the next head asks whether it is */ \
		return r;                                                                     \
	}

#define READ(type, name, params, args, flags, bytes, where)                            \
	SLOW_READ(type, name, params, args, flags, bytes, where)                       \
	EXPORT type name params                                                        \
	{                                                                              \
		return likely(incoming_quiet(fd)) ? real.name args : slow_##name args; \
	}

#define UNPACK(...) __VA_ARGS__
#define ONE(buf, n) (&(struct iovec){ buf, n }, 1)

READ(ssize_t, read, (int fd, void *buf, size_t n), (fd, buf, n), 0, r, ONE(buf, n))
READ(ssize_t, __read, (int fd, void *buf, size_t n), (fd, buf, n), 0, r, ONE(buf, n))
READ(ssize_t, __read_chk, (int fd, void *buf, size_t n, size_t size), (fd, buf, n, size), 0, r, ONE(buf, n))
READ(ssize_t, readv, (int fd, const struct iovec *v, int n), (fd, v, n), 0, r, (v, (size_t)n))
READ(ssize_t, preadv2, (int fd, const struct iovec *v, int n, off_t at, int rwf), (fd, v, n, at, rwf), 0, r,
     (v, (size_t)n))
READ(ssize_t, preadv64v2, (int fd, const struct iovec *v, int n, off64_t at, int rwf), (fd, v, n, at, rwf), 0, r,
     (v, (size_t)n))
READ(ssize_t, recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags), flags, r, ONE(buf, n))
READ(ssize_t, __recv, (int fd, void *buf, size_t n, int flags), (fd, buf, n, flags), flags, r, ONE(buf, n))
READ(ssize_t, __recv_chk, (int fd, void *buf, size_t n, size_t size, int flags), (fd, buf, n, size, flags), flags, r,
     ONE(buf, n))
READ(ssize_t, recvfrom, (int fd, void *buf, size_t n, int flags, struct sockaddr *a, socklen_t *alen),
     (fd, buf, n, flags, a, alen), flags, r, ONE(buf, n))
READ(ssize_t, __recvfrom_chk,
     (int fd, void *buf, size_t n, size_t size, int flags, struct sockaddr *a, socklen_t *alen),
     (fd, buf, n, size, flags, a, alen), flags, r, ONE(buf, n))

/* With these a descriptor may come. Several messages at once are for datagrams; of a stream the first is the one that
 * matters. */
#define RECVMSG(name)                                                                                         \
	SLOW_READ(ssize_t, name, (int fd, struct msghdr *h, int flags), (fd, h, flags), flags, r,             \
	          (h->msg_iov, h->msg_iovlen))                                                                \
	EXPORT ssize_t name(int fd, struct msghdr *h, int flags)                                              \
	{                                                                                                     \
		ssize_t r = likely(incoming_quiet(fd)) ? real.name(fd, h, flags) : slow_##name(fd, h, flags); \
		if (r >= 0)                                                                                   \
			rights_take(h);                                                                       \
		return r;                                                                                     \
	}
#define RECVMMSG(name)                                                                                                \
	SLOW_READ(int, name, (int fd, struct mmsghdr *v, unsigned n, mmsg_flags flags, struct timespec *t),           \
	          (fd, v, n, flags, t), flags, v->msg_len, (v->msg_hdr.msg_iov, v->msg_hdr.msg_iovlen))               \
	EXPORT int name(int fd, struct mmsghdr *v, unsigned n, mmsg_flags flags, struct timespec *t)                  \
	{                                                                                                             \
		int r = likely(incoming_quiet(fd)) ? real.name(fd, v, n, flags, t) : slow_##name(fd, v, n, flags, t); \
		for (int i = 0; i < r; i++)                                                                           \
			rights_take(&v[i].msg_hdr);                                                                   \
		return r;                                                                                             \
	}
RECVMSG(recvmsg)
RECVMMSG(recvmmsg)
#if TWO_TIMES
RECVMSG(__recvmsg64)
RECVMMSG(__recvmmsg64)
#endif
