/* Makes up for the differences between the headers of glibc and those of another libc (musl): types in prototypes, and
 * functions that musl does not declare.
 *
 * musl has the names that end in 64 as macros only, but its library exports them for programs that were built against
 * another libc. For such programs there are hooks of these names, too. */
#ifndef ONEWRITE_HEADERS_H
#define ONEWRITE_HEADERS_H

#include <aio.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <sys/sendfile.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef STATX_TYPE /* musl before 1.2.4 has no struct statx: take the kernel's */
#include <linux/stat.h>
#endif

/* System calls that the headers may be too old to know; their numbers are the same on all architectures but alpha and
 * mips. */
#ifndef SYS_close_range
#define SYS_close_range 436
#endif
#ifndef SYS_pidfd_getfd
#define SYS_pidfd_getfd 438
#endif

#ifdef __GLIBC__

typedef unsigned long ioctl_request;
typedef int mmsg_flags;
#define LIO_LIST(cb) struct cb *const list[restrict]

#if !__GLIBC_PREREQ(2, 34) /* older ones do not have all of these functions */
extern int close_range(unsigned first, unsigned last, int flags);
extern void closefrom(int first);
extern int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);
extern pid_t _Fork(void);
#endif

#else

typedef int ioctl_request;
typedef unsigned mmsg_flags;
#define LIO_LIST(cb) struct cb *restrict const *restrict list

#undef off64_t
typedef off_t off64_t;

#undef aio_write64
#undef fcntl64
#undef freopen64
#undef lio_listio64
#undef sendfile64
extern __typeof__(aio_write) aio_write64;
extern __typeof__(fcntl) fcntl64;
extern __typeof__(freopen) freopen64;
extern __typeof__(lio_listio) lio_listio64;
extern __typeof__(sendfile) sendfile64;
#undef aiocb64
#define aiocb64 aiocb

extern ssize_t preadv2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
extern ssize_t pwritev2(int fd, const struct iovec *iov, int n, off_t offset, int flags);
extern __typeof__(preadv2) preadv64v2;
extern __typeof__(pwritev2) pwritev64v2;

extern int close_range(unsigned first, unsigned last, int flags);
extern void closefrom(int first);
extern int execveat(int fd, const char *path, char *const argv[], char *const envp[], int flags);

/* musl has no dlmopen(), but a program that was built with glibc may refer to it. */
typedef long Lmid_t;
extern void *dlmopen(Lmid_t space, const char *file, int mode);
#ifndef LM_ID_BASE
#define LM_ID_BASE 0
#endif
#ifndef RTLD_DEEPBIND
#define RTLD_DEEPBIND 8
#endif

#endif
#endif
