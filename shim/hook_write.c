/* Hooks of the calls that write. Bytes that are not HTTP, where nothing is held, go straight to libc; all other calls
 * become a struct call for outgoing(). */
#include <errno.h>
#include <limits.h>
#include <string.h>

#include "lead.h"
#include "outgoing.h"
#include "real.h"
#include "release.h"
#include "rights.h"

/* The bytes of all pieces together; SIZE_MAX: more than that. */
static size_t total(const struct iovec *iov, size_t n)
{
	size_t sum = 0;
	for (size_t i = 0; i < n; i++)
		if (__builtin_add_overflow(sum, iov[i].iov_len, &sum))
			return SIZE_MAX;
	return sum;
}

/* outgoing_way() for a vector. */
static enum way way_of(int fd, const struct iovec *iov, size_t n)
{
	if (n != 0 && (n > IOV_MAX || http_nowhere(iov)))
		return WAY_STRAIGHT;       /* the kernel refuses the call without reading bytes */
	while (n > 0 && iov->iov_len == 0) /* a head may follow empty pieces */
		iov++, n--;
	if (n == 0)
		return conn_idle(conn_find(fd)) ? WAY_STRAIGHT : WAY_IN;
	return outgoing_way(fd, iov->iov_base, iov->iov_len, -1);
}

/* Does the kernel accept this vector? If not, the call is passed on, so that the kernel refuses it. */
static bool fits(const struct iovec *iov, size_t n)
{
	return n <= IOV_MAX && total(iov, n) <= SSIZE_MAX;
}

SLOW ssize_t out_bytes(int fd, const void *buf, size_t n, int flags, int door)
{
	struct iovec iov = { (void *)buf, n };
	return outgoing(&(struct call){ .fd = fd, .flags = flags, .iov = &iov, .iovcnt = 1, .size = n, .door = door });
}

SLOW ssize_t out_unread(int fd, const void *buf, size_t n, int flags, int door)
{
	struct iovec iov = { (void *)buf, n };
	return unread_call(
		&(struct call){ .fd = fd, .flags = flags, .iov = &iov, .iovcnt = 1, .size = n, .door = door });
}

SLOW ssize_t out_iov(int fd, const struct iovec *iov, size_t n, int flags, const struct msghdr *hdr, enum way way)
{
	while (n > 0 && iov->iov_len == 0)
		iov++, n--;
	const struct call call = { .fd = fd,
		                   .flags = flags,
		                   .iov = iov,
		                   .iovcnt = n,
		                   .size = total(iov, n),
		                   .hdr = hdr,
		                   .door = hdr != NULL ? DOOR_SENDMSG : DOOR_WRITEV };
	return way == WAY_UNREAD ? unread_call(&call) : outgoing(&call);
}

#define WRITE(name)                                                                                                  \
	EXPORT ssize_t name(int fd, const void *buf, size_t n)                                                       \
	{                                                                                                            \
		enum way way = outgoing_way(fd, buf, n, 0);                                                          \
		if (likely(way == WAY_STRAIGHT))                                                                     \
			return real.name(fd, buf, n);                                                                \
		return way == WAY_IN ? out_bytes(fd, buf, n, 0, DOOR_WRITE) : out_unread(fd, buf, n, 0, DOOR_WRITE); \
	}
WRITE(write)
WRITE(__write)

SLOW ssize_t look_at_writev(int fd, const struct iovec *iov, int n)
{
	if (n <= 0 || way_of(fd, iov, (size_t)n) == WAY_STRAIGHT || !fits(iov, (size_t)n))
		return libc()->writev(fd, iov, n);
	return out_iov(fd, iov, (size_t)n, 0, NULL, WAY_IN);
}

/* Whether it is passed unread is asked first: most programs that write whole responses do it by this call. */
EXPORT ssize_t writev(int fd, const struct iovec *iov, int n)
{
	if (likely(!once_is_on()) || n <= 0 || n > IOV_MAX || http_nowhere(iov) || http_nowhere(iov->iov_base) ||
	    iov->iov_len < SHORTEST_HEAD || (unsigned)fd >= atomic_load_explicit(&conn_count, memory_order_acquire))
		return look_at_writev(fd, iov, n);
	struct conn *c = conns + fd;
	if (!msg_is_idle(atomic_load_explicit(&c->msg, memory_order_acquire)))
		return look_at_writev(fd, iov, n);
	size_t more = n == 1 ? 0 : n == 2 ? iov[1].iov_len : SIZE_MAX;
	enum way way = unread_way(c, iov->iov_base, iov->iov_len, more, 0);
	if (way == WAY_STRAIGHT)
		return real.writev(fd, iov, n);
	return way == WAY_IN ? look_at_writev(fd, iov, n) : out_iov(fd, iov, (size_t)n, 0, NULL, WAY_UNREAD);
}

#define SEND(name)                                                               \
	EXPORT ssize_t name(int fd, const void *buf, size_t n, int flags)        \
	{                                                                        \
		enum way way = outgoing_way(fd, buf, n, flags);                  \
		if (likely(way == WAY_STRAIGHT))                                 \
			return real.name(fd, buf, n, flags);                     \
		return way == WAY_IN ? out_bytes(fd, buf, n, flags, DOOR_SEND)   \
		                     : out_unread(fd, buf, n, flags, DOOR_SEND); \
	}
SEND(send)
SEND(__send)

/* A sendto() with an address. It is passed on as sendto(), since sendmsg(2) reports a bad address otherwise. */
SLOW ssize_t out_to(int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr, socklen_t len)
{
	struct iovec iov = { (void *)buf, n };
	struct msghdr to = { .msg_name = (void *)addr, .msg_namelen = len };
	return outgoing(&(struct call){
		.fd = fd, .flags = flags, .iov = &iov, .iovcnt = 1, .size = n, .hdr = &to, .door = DOOR_SENDTO });
}

EXPORT ssize_t sendto(int fd, const void *buf, size_t n, int flags, const struct sockaddr *addr, socklen_t len)
{
	if (likely(outgoing_way(fd, buf, n, -1) == WAY_STRAIGHT))
		return real.sendto(fd, buf, n, flags, addr, len);
	return addr == NULL ? out_bytes(fd, buf, n, flags, DOOR_SEND) : out_to(fd, buf, n, flags, addr, len);
}

#define SENDMSG(name)                                                                              \
	EXPORT ssize_t name(int fd, const struct msghdr *hdr, int flags)                           \
	{                                                                                          \
		if (http_nowhere(hdr))                                                             \
			return libc()->name(fd, hdr, flags);                                       \
		rights_pass(fd, hdr);                                                              \
		size_t n = length_of_iov(hdr);                                                     \
		if (likely(way_of(fd, hdr->msg_iov, n) == WAY_STRAIGHT) || !fits(hdr->msg_iov, n)) \
			return libc()->name(fd, hdr, flags);                                       \
		return out_iov(fd, hdr->msg_iov, n, flags, hdr, WAY_IN);                           \
	}
SENDMSG(sendmsg)
#if TWO_TIMES
SENDMSG(__sendmsg64)
#endif

/* pwritev2() at offset -1 is writev() with flags of its own (RWF_*); at any other offset a socket refuses it. */
#define PWRITEV2(name, off)                                                                        \
	EXPORT ssize_t name(int fd, const struct iovec *iov, int n, off offset, int flags)         \
	{                                                                                          \
		if (offset == -1 && flags == 0 && n > 0 && way_of(fd, iov, (size_t)n) == WAY_IN && \
		    fits(iov, (size_t)n))                                                          \
			return out_iov(fd, iov, (size_t)n, 0, NULL, WAY_IN);                       \
		release_surely(fd);                                                                \
		return libc()->name(fd, iov, n, offset, flags);                                    \
	}
PWRITEV2(pwritev2, off_t)
PWRITEV2(pwritev64v2, off64_t)

/* --- bytes that cannot be joined: what is held goes before the call ---------------------------- */

/* How many bytes a sendmmsg() that returned n has written; -1: it failed. */
static ssize_t sum_of(const struct mmsghdr *v, int n)
{
	ssize_t bytes = n < 0 ? -1 : 0;
	for (int i = 0; i < n; i++)
		bytes += v[i].msg_len;
	return bytes;
}

/* Defines a hook that sends what is held, makes the call, and books its result.
 *   before  a statement that comes first
 *   out     the descriptor that is written to
 *   most    how many bytes the call writes at most; 0: not known
 *   bytes   how many it has written, or -1, given its result r
 *   flags   those of send(2) that the call has: MSG_MORE among them says that the program itself keeps the bytes back
 */
#define LED(type, name, params, args, before, out, most, bytes, flags)   \
	EXPORT type name params                                          \
	{                                                                \
		struct lead lead;                                        \
		before;                                                  \
		int error = lead_before(out, most, (int)(flags), &lead); \
		if (error != 0) {                                        \
			errno = error;                                   \
			return -1;                                       \
		}                                                        \
		type r = libc()->name args;                              \
		lead_after(out, &lead, bytes, (int)(flags));             \
		return r;                                                \
	}

#define NOTHING_BEFORE (void)0

LED(int, sendmmsg, (int fd, struct mmsghdr *v, unsigned n, mmsg_flags flags), (fd, v, n, flags),
    rights_pass_several(fd, v, n), fd, 0, sum_of(v, r), flags)
LED(int, __sendmmsg, (int fd, struct mmsghdr *v, unsigned n, mmsg_flags flags), (fd, v, n, flags),
    rights_pass_several(fd, v, n), fd, 0, sum_of(v, r), flags)
#if TWO_TIMES
LED(int, __sendmmsg64, (int fd, struct mmsghdr *v, unsigned n, mmsg_flags flags), (fd, v, n, flags),
    rights_pass_several(fd, v, n), fd, 0, sum_of(v, r), flags)
#endif
LED(ssize_t, sendfile, (int fd, int in, off_t *at, size_t n), (fd, in, at, n), NOTHING_BEFORE, fd, n, r, 0)
LED(ssize_t, sendfile64, (int fd, int in, off64_t *at, size_t n), (fd, in, at, n), NOTHING_BEFORE, fd, n, r, 0)
LED(ssize_t, splice, (int in, off64_t *in_at, int fd, off64_t *at, size_t n, unsigned flags),
    (in, in_at, fd, at, n, flags), release(in, WHY_OTHER_WRITE), fd, n, r, (flags & SPLICE_F_MORE) ? MSG_MORE : 0)
LED(int, vdprintf, (int fd, const char *format, va_list ap), (fd, format, ap), NOTHING_BEFORE, fd, 0, r, 0)
LED(int, __vdprintf_chk, (int fd, int flag, const char *format, va_list ap), (fd, flag, format, ap), NOTHING_BEFORE, fd,
    0, r, 0)

EXPORT int dprintf(int fd, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int r = vdprintf(fd, format, ap);
	va_end(ap);
	return r;
}

EXPORT int __dprintf_chk(int fd, int flag, const char *format, ...)
{
	va_list ap;
	va_start(ap, format);
	int r = __vdprintf_chk(fd, flag, format, ap);
	va_end(ap);
	return r;
}

/* These functions return nothing that could be booked. */
#define BACKTRACE(name)                                         \
	EXPORT void name(void *const *addresses, int n, int fd) \
	{                                                       \
		if (LACKS(name))                                \
			return;                                 \
		release_surely(fd);                             \
		libc()->name(addresses, n, fd);                 \
	}
BACKTRACE(backtrace_symbols_fd)
BACKTRACE(__backtrace_symbols_fd)

#define AIO_WRITE(name, cb)                        \
	EXPORT int name(struct cb *a)              \
	{                                          \
		if (LACKS(name))                   \
			return (int)real_absent(); \
		release_aliased(a->aio_fildes);    \
		return libc()->name(a);            \
	}
AIO_WRITE(aio_write, aiocb)
AIO_WRITE(aio_write64, aiocb64)

#define LIO_LISTIO(of, name, cb)                                                    \
	EXPORT int name(int mode, LIO_LIST(cb), int n, struct sigevent *restrict s) \
	{                                                                           \
		if (LACKS_AS(of, name))                                             \
			return (int)real_absent();                                  \
		for (int i = 0; i < n; i++)                                         \
			if (list[i] != NULL)                                        \
				release_aliased(list[i]->aio_fildes);               \
		return libc()->name(mode, list, n, s);                              \
	}
LIO_LISTIO(lio_listio, lio_listio, aiocb)
LIO_LISTIO(lio_listio64, lio_listio64, aiocb64)
#define OLD_LIO(name)   LIO_LISTIO(lio_listio, name, aiocb)
#define OLD_LIO64(name) LIO_LISTIO(lio_listio64, name, aiocb64)
OLD_lio_listio(OLD_LIO)
OLD_lio_listio64(OLD_LIO64)
