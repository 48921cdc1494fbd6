/* Included in front of everything that is built for programs of musl's: what the tests use of glibc and musl lacks.
 *
 * Functions that are a single system call are made by its number. Names of glibc's own stand for the usual ones. */
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
#include "by_number.h"

#define _EXECINFO_H 1 /* musl has no execinfo.h, and that of another libc is of no use */

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

/* musl has no functions for contexts, so these fail. */
static inline int no_context(const void *first, const void *second)
{
	(void)first, (void)second;
	errno = ENOSYS;
	return -1;
}

#define pwritev2(...)            pwritev2_by_number(__VA_ARGS__)
#define preadv2(...)             preadv2_by_number(__VA_ARGS__)
#define getcontext(c)            no_context(c, c)
#define setcontext(c)            no_context(c, c)
#define swapcontext(from, to)    no_context(from, to)
#define makecontext(c, begin, n) ((void)no_context(c, (const void *)(begin)))

#ifndef RECORDER /* the recorder defines these names itself */
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

/* Since musl 1.2.4 no program can be linked to sendfile64, but programs that were linked to it before still run. */
static inline __typeof__(sendfile) *sendfile_of_older_programs(void)
{
	void *named = dlsym(RTLD_DEFAULT, "sendfile64");
	return named != NULL ? (__typeof__(sendfile) *)named : sendfile;
}
#define sendfile64(out, in, at, n) sendfile_of_older_programs()(out, in, at, n)
#endif
#define __dprintf_chk(fd, flag, ...)  dprintf(fd, __VA_ARGS__)
#define __vdprintf_chk(fd, flag, ...) vdprintf(fd, __VA_ARGS__)

#endif
