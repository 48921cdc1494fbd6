/* Included in front of everything that is built for programs of glibc 2.31: what the tests use of newer versions. */
#ifndef ONEWRITE_TESTS_OLD_GLIBC_H
#define ONEWRITE_TESTS_OLD_GLIBC_H

#include <features.h>
/* With glibc 2.38 and later, headers replace the functions that read numbers by newer ones. */
#undef __GLIBC_USE_C2X_STRTOL
#undef __GLIBC_USE_C23_STRTOL
#define __GLIBC_USE_C2X_STRTOL 0
#define __GLIBC_USE_C23_STRTOL 0

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "by_number.h"

/* atexit and at_quick_exit are linked into each program from libc_nonshared.a, and this machine's is newer than the
 * program's libc. So the functions behind them are called. */
extern int __cxa_atexit(void (*f)(void *), void *argument, void *object);
extern int __cxa_at_quick_exit(void (*f)(void *), void *object);
#define atexit(f)        __cxa_atexit((void (*)(void *))(f), NULL, NULL)
#define at_quick_exit(f) __cxa_at_quick_exit((void (*)(void *))(f), NULL)

#define _Fork()           ((pid_t)syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L))
#define fstat(fd, status) ((int)syscall(SYS_newfstatat, fd, "", status, AT_EMPTY_PATH))

#endif
