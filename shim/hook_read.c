/* Hooks of the calls that read. What is held is sent before a read, for the program is about to wait for the peer; and
 * the bytes that were read tell which request the next response answers. */
#include <errno.h>

#include "config.h"
#include "incoming.h"
#include "observe.h"
#include "real.h"
#include "rights.h"

/* With these flags the bytes were only looked at, discarded, or never part of the stream: they tell of no request. */
#define NOT_STREAM (MSG_PEEK | MSG_TRUNC | MSG_OOB | MSG_ERRQUEUE)

/* Defines slow_NAME: the call, with what is to be done before and after it. Of its result r, `bytes` is the number of
 * bytes that were read, and `where` is the vector that they are in: (vector, count). */
#define SLOW_READ(type, name, params, args, flags, bytes, where)                           \
	SLOW type slow_##name params                                                       \
	{                                                                                  \
		struct conn *c = conn_find(fd);                                            \
		if (unlikely(config.observe))                                              \
			observe_released(fd, WHY_READ);                                    \
		int error = incoming_before(c, fd);                                        \
		if (error != 0) {                                                          \
			conn_unset(c, CONN_CONNECTED); /* the next head asks the kernel */ \
			errno = error;                                                     \
			return -1;                                                         \
		}                                                                          \
		type r = libc()->name args;                                                \
		if (unlikely(config.observe) && r > 0 && !((flags)&NOT_STREAM))            \
			observe_read(fd, (size_t)(bytes), UNPACK where);                   \
		if (r > 0 && c != NULL && !((flags)&NOT_STREAM))                           \
			incoming_after(c, (size_t)(bytes), UNPACK where);                  \
		else if (r < 0 && c != NULL && errno != EAGAIN && errno != EINTR)          \
			conn_unset(c, CONN_CONNECTED); /* the next head asks the kernel */ \
		return r;                                                                  \
	}

/* Defines the hook NAME: the call is passed on if there is nothing to do, else slow_NAME makes it. */
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

/* The calls that may receive descriptors. recvmmsg() is meant for datagrams; on a stream only its first message is
 * looked at for requests. */
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
