/* Included in front of all that is built for programs of musl's: what the tests use of glibc that musl has not.
 *
 * Functions that are a system call each are that call, by number. Names of glibc's own are the plain ones. */
#ifndef ONEWRITE_TESTS_MUSL_H
#define ONEWRITE_TESTS_MUSL_H

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/types.h>
#include <ucontext.h>
#include <unistd.h>

#include "headers.h"

#define _EXECINFO_H 1 /* there is none, and another libc's is of no use */

#ifndef RWF_NOWAIT
#define RWF_NOWAIT 8
#endif

#define __SOCKADDR_ARG       struct sockaddr *restrict
#define __CONST_SOCKADDR_ARG const struct sockaddr *

static inline ssize_t pwritev2_by_number(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	return syscall(SYS_pwritev2, fd, iov, n, (long)offset, (long)((uint64_t)offset >> 32), flags);
}

static inline ssize_t preadv2_by_number(int fd, const struct iovec *iov, int n, off_t offset, int flags)
{
	return syscall(SYS_preadv2, fd, iov, n, (long)offset, (long)((uint64_t)offset >> 32), flags);
}

static inline int close_range_by_number(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int execveat_by_number(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return (int)syscall(SYS_execveat, fd, path, argv, envp, flags);
}

/* There are no contexts of the program's own. */
static inline int no_context(const void *first, const void *second)
{
	(void)first, (void)second;
	errno = ENOSYS;
	return -1;
}

#define pwritev2(...)    pwritev2_by_number(__VA_ARGS__)
#define preadv2(...)     preadv2_by_number(__VA_ARGS__)
#define close_range(...) close_range_by_number(__VA_ARGS__)
#define closefrom(first) close_range_by_number((unsigned)(first), ~0U, 0)
#define execveat(...)    execveat_by_number(__VA_ARGS__)
#define getcontext(c)             no_context(c, c)
#define setcontext(c)             no_context(c, c)
#define swapcontext(from, to)     no_context(from, to)
#define makecontext(c, begin, n)  ((void)no_context(c, (const void *)(begin)))

#ifndef RECORDER /* which has these names as well */
#define __write   write
#define __read    read
#define __send    send
#define __recv    recv
#define __connect connect
#define __close   close
#define __dup2    dup2
#define __fcntl   fcntl
#define __fork    fork
#define fcntl64   fcntl
#define __clone   clone
#define __socket  socket
#endif
#define __read_chk(fd, p, n, size)        read(fd, p, n)
#define __recv_chk(fd, p, n, size, flags) recv(fd, p, n, flags)
#define __dprintf_chk(fd, flag, ...)  dprintf(fd, __VA_ARGS__)
#define __vdprintf_chk(fd, flag, ...) vdprintf(fd, __VA_ARGS__)

static inline const char *strerrorname_np(int error)
{
#define NAME(error) case error: return #error;
	switch (error) {
	NAME(EACCES) NAME(EADDRINUSE) NAME(EAFNOSUPPORT) NAME(EAGAIN) NAME(EALREADY) NAME(EBADF) NAME(EBUSY) NAME(ECANCELED) NAME(ECHILD)
	NAME(ECONNABORTED) NAME(ECONNREFUSED) NAME(ECONNRESET) NAME(EDEADLK) NAME(EDESTADDRREQ) NAME(EEXIST) NAME(EFAULT) NAME(EFBIG)
	NAME(EINPROGRESS) NAME(EINTR) NAME(EINVAL) NAME(EIO) NAME(EISCONN) NAME(EISDIR) NAME(EMFILE) NAME(EMSGSIZE) NAME(ENFILE) NAME(ENOBUFS)
	NAME(ENODEV) NAME(ENOENT) NAME(ENOEXEC) NAME(ENOMEM) NAME(ENOPROTOOPT) NAME(ENOSPC) NAME(ENOSYS) NAME(ENOTCONN) NAME(ENOTDIR)
	NAME(ENOTSOCK) NAME(EOPNOTSUPP) NAME(EPERM) NAME(EPIPE) NAME(EPROTO) NAME(ERANGE) NAME(ESPIPE) NAME(ESRCH) NAME(ETIMEDOUT) NAME(E2BIG)
	NAME(EPROTONOSUPPORT) NAME(ENXIO) NAME(ESHUTDOWN) NAME(EHOSTUNREACH) NAME(ENETUNREACH) NAME(EADDRNOTAVAIL) NAME(EXDEV) NAME(EROFS)
	}
#undef NAME
	return error == 0 ? "0" : "E-other";
}

#endif
