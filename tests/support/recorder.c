/* A preload that stands BEHIND the library under test and records the calls that reach libc, one line per call:
 *
 *	writev fd=5 iov=2 bytes=300 = 300
 *	sendmsg fd=5 iov=2 bytes=300 flags=MSG_NOSIGNAL = -1 EAGAIN
 *
 * The lines are appended to the file RECORDER_LOG. The recorder keeps no descriptor and no memory of its own.
 * RECORDER_FAULTS makes calls on sockets (and mmap, pthread_create) fail, take fewer bytes, or take their time (in ms).
 * Calls are counted from 1; `*` is each call. `cookie` is a getsockopt for SO_COOKIE, which has a count of its own and
 * is counted as a getsockopt as well:
 *
 *	RECORDER_FAULTS=writev:2:short=17,sendmsg:1:errno=EAGAIN,send:1:delay=50,send:1:delay=50+EAGAIN
 *	RECORDER_FAULTS=writev:1:linger=50
 */
#include "headers.h"
#include "recorder.h"

#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

/* --- the log ---------------------------------------------------------------------------------- */

static const char *flag_names(int flags, char *out, size_t size)
{
	static const struct {
		int bit;
		const char *name;
	} names[] = {
		{ MSG_MORE, "MSG_MORE" }, { MSG_NOSIGNAL, "MSG_NOSIGNAL" }, { MSG_DONTWAIT, "MSG_DONTWAIT" },
		{ MSG_OOB, "MSG_OOB" },   { MSG_ZEROCOPY, "MSG_ZEROCOPY" }, { MSG_FASTOPEN, "MSG_FASTOPEN" },
		{ MSG_PEEK, "MSG_PEEK" },
	};
	size_t n = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (flags & names[i].bit) {
			n += (size_t)snprintf(out + n, size - n, "%s%s", n == 0 ? " flags=" : "|", names[i].name);
			flags &= ~names[i].bit;
		}
	if (flags != 0)
		snprintf(out + n, size - n, "%s%#x", n == 0 ? " flags=" : "|", flags);
	return out;
}

/* Opens and closes the log for each line, because the program may close every descriptor that it does not know. */
void record(long result, const char *format, ...)
{
	const char *path = getenv("RECORDER_LOG"), *error;
	int keep = errno;
	char line[240];
	va_list args;
	int n;
	long fd;

	if (path == NULL)
		return;
	va_start(args, format);
	n = vsnprintf(line, sizeof line - 40, format, args);
	va_end(args);
	error = result < 0 ? strerrorname_np(keep) : NULL;
	n += snprintf(line + n, 40, " = %ld%s%s\n", result, error == NULL ? "" : " ", error == NULL ? "" : error);
	fd = REAL(syscall)(SYS_openat, AT_FDCWD, path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0644);
	if (fd >= 0) {
		REAL(syscall)(SYS_write, fd, line, n);
		REAL(syscall)(SYS_close, fd);
	}
	errno = keep;
}

/* --- calls that write ------------------------------------------------------------------------- */

/* The kernel could not read the arguments, or refused their count, so the recorder must not read them. */
static bool unreadable(long r)
{
	return r < 0 && (errno == EFAULT || errno == EINVAL);
}

static size_t iov_bytes(long r, const struct iovec *iov, size_t count)
{
	size_t n = 0;

	for (size_t i = 0; i < count && !unreadable(r); i++)
		n += iov[i].iov_len;
	return n;
}

/* Puts the first `most` bytes of iov into `cut`, as iovecs; returns how many iovecs. */
static size_t iov_first(const struct iovec *iov, size_t count, size_t most, struct iovec *cut)
{
	size_t i;

	for (i = 0; i < count && i < IOV_MAX && most > 0; i++) {
		cut[i] = iov[i];
		if (cut[i].iov_len > most)
			cut[i].iov_len = most;
		most -= cut[i].iov_len;
	}
	return i;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

EXPORT ssize_t write(int fd, const void *p, size_t n)
{
	long r = INJECT("write", fd, REAL(write)(fd, p, smaller(n, most)));

	record(r, "write fd=%d bytes=%zu", fd, n);
	return r;
}

EXPORT ssize_t writev(int fd, const struct iovec *iov, int count)
{
	struct iovec cut[IOV_MAX];
	long r = INJECT("writev", fd,
	                most == SIZE_MAX ? REAL(writev)(fd, iov, count)
	                                 : REAL(writev)(fd, cut, (int)iov_first(iov, (size_t)count, most, cut)));

	record(r, "writev fd=%d iov=%d bytes=%zu", fd, count, count < 0 ? 0 : iov_bytes(r, iov, (size_t)count));
	return r;
}

EXPORT ssize_t send(int fd, const void *p, size_t n, int flags)
{
	char names[128] = "";
	long r = INJECT("send", fd, REAL(send)(fd, p, smaller(n, most), flags));

	record(r, "send fd=%d bytes=%zu%s", fd, n, flag_names(flags, names, sizeof names));
	return r;
}

EXPORT ssize_t sendto(int fd, const void *p, size_t n, int flags, __CONST_SOCKADDR_ARG to, socklen_t size)
{
	char names[128] = "";
	long r = INJECT("sendto", fd, REAL(sendto)(fd, p, smaller(n, most), flags, to, size));

	record(r, "sendto fd=%d bytes=%zu%s", fd, n, flag_names(flags, names, sizeof names));
	return r;
}

EXPORT ssize_t sendmsg(int fd, const struct msghdr *m, int flags)
{
	char names[128] = "";
	struct iovec cut[IOV_MAX];
	struct msghdr part;
	long r = INJECT("sendmsg", fd,
	                most == SIZE_MAX ? REAL(sendmsg)(fd, m, flags)
	                                 : (part = *m, part.msg_iov = cut,
	                                    part.msg_iovlen = iov_first(m->msg_iov, m->msg_iovlen, most, cut),
	                                    REAL(sendmsg)(fd, &part, flags)));

	part = unreadable(r) ? (struct msghdr){ 0 } : *m;
	record(r, "sendmsg fd=%d iov=%zu bytes=%zu%s", fd, (size_t)part.msg_iovlen,
	       iov_bytes(r, part.msg_iov, part.msg_iovlen), flag_names(flags, names, sizeof names));
	return r;
}

EXPORT int sendmmsg(int fd, struct mmsghdr *m, unsigned count, mmsg_flags flags)
{
	char names[128] = "";
	size_t n = 0;
	long r = INJECT("sendmmsg", fd, REAL(sendmmsg)(fd, m, count, flags));

	for (unsigned i = 0; i < count && !unreadable(r); i++)
		n += iov_bytes(r, m[i].msg_hdr.msg_iov, m[i].msg_hdr.msg_iovlen);
	record(r, "sendmmsg fd=%d messages=%u bytes=%zu%s", fd, count, n, flag_names(flags, names, sizeof names));
	return (int)r;
}

EXPORT ssize_t sendfile(int out, int in, off_t *at, size_t n)
{
	long r = INJECT("sendfile", out, REAL(sendfile)(out, in, at, smaller(n, most)));

	record(r, "sendfile fd=%d bytes=%zu", out, n);
	return r;
}

EXPORT ssize_t sendfile64(int out, int in, off64_t *at, size_t n)
{
	/* newer versions of musl have no sendfile64 */
	__typeof__(sendfile64) *real = REAL(sendfile64) != NULL ? REAL(sendfile64)
	                                                        : (__typeof__(sendfile64) *)REAL(sendfile);
	long r = INJECT("sendfile64", out, real(out, in, at, smaller(n, most)));

	record(r, "sendfile64 fd=%d bytes=%zu", out, n);
	return r;
}

EXPORT ssize_t splice(int in, off64_t *in_at, int out, off64_t *out_at, size_t n, unsigned flags)
{
	long r = INJECT("splice", out, REAL(splice)(in, in_at, out, out_at, smaller(n, most), flags));

	record(r, "splice fd=%d bytes=%zu", out, n);
	return r;
}

__typeof__(write) __write ALIAS_OF(write);
__typeof__(send) __send ALIAS_OF(send);

/* --- calls that read -------------------------------------------------------------------------- */

EXPORT ssize_t read(int fd, void *p, size_t n)
{
	long r = REAL(read)(fd, p, n);

	record(r, "read fd=%d bytes=%zu", fd, n);
	return r;
}

EXPORT ssize_t readv(int fd, const struct iovec *iov, int count)
{
	long r = REAL(readv)(fd, iov, count);

	record(r, "readv fd=%d", fd);
	return r;
}

EXPORT ssize_t recv(int fd, void *p, size_t n, int flags)
{
	char names[128] = "";
	long r = REAL(recv)(fd, p, n, flags);

	record(r, "recv fd=%d bytes=%zu%s", fd, n, flag_names(flags, names, sizeof names));
	return r;
}

EXPORT ssize_t recvfrom(int fd, void *restrict p, size_t n, int flags, __SOCKADDR_ARG from, socklen_t *restrict size)
{
	char names[128] = "";
	long r = REAL(recvfrom)(fd, p, n, flags, from, size);

	record(r, "recvfrom fd=%d bytes=%zu%s", fd, n, flag_names(flags, names, sizeof names));
	return r;
}

#ifdef __GLIBC__ /* a fortifying compiler turns calls into these; they are recorded under the usual names */
extern ssize_t __read_chk(int, void *, size_t, size_t), __recv_chk(int, void *, size_t, size_t, int);
extern ssize_t __recvfrom_chk(int, void *restrict, size_t, size_t, int, __SOCKADDR_ARG, socklen_t *restrict);

EXPORT ssize_t __read_chk(int fd, void *p, size_t n, size_t room)
{
	long r = REAL(__read_chk)(fd, p, n, room);

	record(r, "read fd=%d bytes=%zu", fd, n);
	return r;
}

EXPORT ssize_t __recv_chk(int fd, void *p, size_t n, size_t room, int flags)
{
	char names[128] = "";
	long r = REAL(__recv_chk)(fd, p, n, room, flags);

	record(r, "recv fd=%d bytes=%zu%s", fd, n, flag_names(flags, names, sizeof names));
	return r;
}

EXPORT ssize_t __recvfrom_chk(int fd, void *restrict p, size_t n, size_t room, int flags, __SOCKADDR_ARG from,
                              socklen_t *restrict size)
{
	char names[128] = "";
	long r = REAL(__recvfrom_chk)(fd, p, n, room, flags, from, size);

	record(r, "recvfrom fd=%d bytes=%zu%s", fd, n, flag_names(flags, names, sizeof names));
	return r;
}
#endif

EXPORT ssize_t recvmsg(int fd, struct msghdr *m, int flags)
{
	char names[128] = "";
	long r = REAL(recvmsg)(fd, m, flags);

	record(r, "recvmsg fd=%d%s", fd, flag_names(flags, names, sizeof names));
	return r;
}

EXPORT int recvmmsg(int fd, struct mmsghdr *m, unsigned count, mmsg_flags flags, struct timespec *timeout)
{
	int r = REAL(recvmmsg)(fd, m, count, flags, timeout);

	record(r, "recvmmsg fd=%d", fd);
	return r;
}

__typeof__(read) __read ALIAS_OF(read);

/* --- calls on the descriptor ------------------------------------------------------------------ */

static const char *option_name(int level, int name)
{
	if (level == IPPROTO_TCP)
		return name == TCP_CORK ? "TCP_CORK" : name == TCP_NODELAY ? "TCP_NODELAY" : "TCP_";
	return level == SOL_SOCKET ? "SO_" : "other";
}

static long option_value(const void *p, socklen_t n)
{
	return p != NULL && n >= sizeof(int) ? *(const int *)p : -1;
}

EXPORT int setsockopt(int fd, int level, int name, const void *p, socklen_t n)
{
	int r = (int)INJECT("setsockopt", fd, REAL(setsockopt)(fd, level, name, p, n));

	record(r, "setsockopt fd=%d %s=%ld", fd, option_name(level, name), option_value(p, n));
	return r;
}

EXPORT int getsockopt(int fd, int level, int name, void *restrict p, socklen_t *restrict n)
{
	const struct fault *cookie = level == SOL_SOCKET && name == SO_COOKIE ? fault_of("cookie") : NULL;

	if (cookie != NULL)
		sleep_through(cookie->delay);
	int r = (int)INJECT("getsockopt", fd, REAL(getsockopt)(fd, level, name, p, n));
	if (cookie != NULL && cookie->error != 0) {
		errno = cookie->error;
		r = -1;
	}
	if (r == 0 && level == IPPROTO_TCP && name == TCP_ULP && *n == 0)
		*(char *)p = 'x'; /* imitates an emulator, which writes a byte even into an answer of no bytes */

	record(r, "getsockopt fd=%d %s%d", fd, option_name(level, name), name);
	return r;
}

/* The commands of fcntl that the programs under test use take an int, a pointer or nothing, and each is one word. */
static int fcntl_recorded(__typeof__(fcntl) *real, int fd, int command, void *argument)
{
	int r = (int)INJECT("fcntl", fd, real(fd, command, argument));

	record(r, "%s fd=%d %d", command == F_DUPFD || command == F_DUPFD_CLOEXEC ? "F_DUPFD" : "fcntl", fd, command);
	return r;
}

EXPORT int fcntl(int fd, int command, ...)
{
	va_list args;
	void *argument;

	va_start(args, command);
	argument = va_arg(args, void *);
	va_end(args);
	return fcntl_recorded(REAL(fcntl), fd, command, argument);
}

EXPORT int fcntl64(int fd, int command, ...)
{
	va_list args;
	void *argument;

	va_start(args, command);
	argument = va_arg(args, void *);
	va_end(args);
	return fcntl_recorded(REAL(fcntl64), fd, command, argument);
}

EXPORT int ioctl(int fd, ioctl_request request, ...)
{
	va_list args;
	void *argument;
	int r;

	va_start(args, request);
	argument = va_arg(args, void *);
	va_end(args);
	r = (int)INJECT("ioctl", fd, REAL(ioctl)(fd, request, argument));
	record(r, "ioctl fd=%d %#lx", fd, (unsigned long)(unsigned)request);
	return r;
}

EXPORT int close(int fd)
{
	int r = REAL(close)(fd);

	record(r, "close fd=%d", fd);
	return r;
}

EXPORT int shutdown(int fd, int how)
{
	int r = REAL(shutdown)(fd, how);

	record(r, "shutdown fd=%d how=%d", fd, how);
	return r;
}

EXPORT int dup(int fd)
{
	int r = REAL(dup)(fd);

	record(r, "dup fd=%d", fd);
	return r;
}

EXPORT int dup2(int fd, int to)
{
	int r = REAL(dup2)(fd, to);

	record(r, "dup2 fd=%d to=%d", fd, to);
	return r;
}

EXPORT int dup3(int fd, int to, int flags)
{
	int r = REAL(dup3)(fd, to, flags);

	record(r, "dup3 fd=%d to=%d", fd, to);
	return r;
}

__typeof__(close) __close ALIAS_OF(close);

#if __SIZEOF_POINTER__ == 4 && !defined __x86_64__ /* names for programs with 64-bit time; the steps use no times */
__typeof__(sendmsg) __sendmsg64 ALIAS_OF(sendmsg);
__typeof__(sendmmsg) __sendmmsg64 ALIAS_OF(sendmmsg);
__typeof__(recvmsg) __recvmsg64 ALIAS_OF(recvmsg);
__typeof__(recvmmsg) __recvmmsg64 ALIAS_OF(recvmmsg);
__typeof__(fcntl) __fcntl_time64 ALIAS_OF(fcntl);
__typeof__(setsockopt) __setsockopt64 __attribute__((nothrow, leaf)) ALIAS_OF(setsockopt);
__typeof__(getsockopt) __getsockopt64 __attribute__((nothrow, leaf)) ALIAS_OF(getsockopt);
__typeof__(ioctl) __ioctl_time64 __attribute__((nothrow, leaf)) ALIAS_OF(ioctl);
#endif
