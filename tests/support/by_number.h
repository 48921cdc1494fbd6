/* What the tests use of newer glibc versions, for programs of a libc that lacks it: functions that are a single system
 * call are made by its number. */
#ifndef ONEWRITE_TESTS_BY_NUMBER_H
#define ONEWRITE_TESTS_BY_NUMBER_H

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static inline int close_range_by_number(unsigned first, unsigned last, int flags)
{
	return (int)syscall(SYS_close_range, first, last, flags);
}

static inline int execveat_by_number(int fd, const char *path, char *const argv[], char *const envp[], int flags)
{
	return (int)syscall(SYS_execveat, fd, path, argv, envp, flags);
}

#define close_range(...) close_range_by_number(__VA_ARGS__)
#define closefrom(first) close_range_by_number((unsigned)(first), ~0U, 0)
#define execveat(...)    execveat_by_number(__VA_ARGS__)
#define pidfd_getfd(...) ((int)syscall(SYS_pidfd_getfd, __VA_ARGS__))

static inline const char *name_of(int error)
{
#define NAME(error) \
	case error: return #error;
	switch (error) {
		NAME(EACCES)
		NAME(EADDRINUSE)
		NAME(EAFNOSUPPORT)
		NAME(EAGAIN)
		NAME(EALREADY)
		NAME(EBADF)
		NAME(EBUSY)
		NAME(ECANCELED)
		NAME(ECHILD)
		NAME(ECONNABORTED)
		NAME(ECONNREFUSED)
		NAME(ECONNRESET)
		NAME(EDEADLK)
		NAME(EDESTADDRREQ)
		NAME(EEXIST)
		NAME(EFAULT)
		NAME(EFBIG)
		NAME(EINPROGRESS)
		NAME(EINTR)
		NAME(EINVAL)
		NAME(EIO)
		NAME(EISCONN)
		NAME(EISDIR)
		NAME(EMFILE)
		NAME(EMSGSIZE)
		NAME(ENFILE)
		NAME(ENOBUFS)
		NAME(ENODEV)
		NAME(ENOENT)
		NAME(ENOEXEC)
		NAME(ENOMEM)
		NAME(ENOPROTOOPT)
		NAME(ENOSPC)
		NAME(ENOSYS)
		NAME(ENOTCONN)
		NAME(ENOTDIR)
		NAME(ENOTSOCK)
		NAME(EOPNOTSUPP)
		NAME(EPERM)
		NAME(EPIPE)
		NAME(EPROTO)
		NAME(ERANGE)
		NAME(ESPIPE)
		NAME(ESRCH)
		NAME(ETIMEDOUT)
		NAME(E2BIG)
		NAME(EPROTONOSUPPORT)
		NAME(ENXIO)
		NAME(ESHUTDOWN)
		NAME(EHOSTUNREACH)
		NAME(ENETUNREACH)
		NAME(EADDRNOTAVAIL)
		NAME(EXDEV)
		NAME(EROFS)
	}
#undef NAME
	return error == 0 ? "0" : "E-other";
}
#define strerrorname_np(error) name_of(error)

#endif
