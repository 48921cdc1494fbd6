/* The functions behind this library: for each hook a pointer to the next definition of its name, which is libc's, or
 * that of another preload.
 *
 * It can be used before our constructor (the constructors of other libraries call write(), too) and after our
 * destructor. */
#ifndef ONEWRITE_REAL_H
#define ONEWRITE_REAL_H

#include <aio.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <pty.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <threads.h>
#include <unistd.h>
#include <wordexp.h>

#include "doors.h"
#include "headers.h"
#include "old.h"
#include "own.h"

#define likely(x)   __builtin_expect(!!(x), 1)
#define unlikely(x) __builtin_expect(!!(x), 0)

/* Exported by libc or liburing, but not declared by every header. */
extern __typeof__(write) __write;
extern __typeof__(read) __read;
extern __typeof__(send) __send;
extern __typeof__(recv) __recv;
extern __typeof__(sendmmsg) __sendmmsg;
extern __typeof__(socket) __socket;
extern __typeof__(connect) __connect;
extern __typeof__(close) __close;
extern __typeof__(dup2) __dup2;
extern __typeof__(fcntl) __fcntl;
extern __typeof__(fork) __fork;
struct __user_cap_header_struct;
struct __user_cap_data_struct;
extern int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data);
extern __typeof__(clone) __clone;
extern __typeof__(posix_spawn) pidfd_spawn; /* in fact its pid_t * is an int *, for the descriptor */
extern __typeof__(posix_spawn) pidfd_spawnp;
extern int pidfd_getfd(int pidfd, int fd, unsigned flags);
extern ssize_t __read_chk(int fd, void *buf, size_t n, size_t buflen);
extern ssize_t __recv_chk(int fd, void *buf, size_t n, size_t buflen, int flags);
extern ssize_t __recvfrom_chk(int fd, void *buf, size_t n, size_t buflen, int flags, struct sockaddr *addr,
                              socklen_t *addrlen);
extern int __dprintf_chk(int fd, int flag, const char *format, ...);
extern int __vdprintf_chk(int fd, int flag, const char *format, va_list ap);
extern void __longjmp_chk(struct __jmp_buf_tag env[1], int value) __attribute__((noreturn));
#if TWO_TIMES /* only the kernel reads what these take, whatever its size */
extern __typeof__(sendmsg) __sendmsg64;
extern __typeof__(sendmmsg) __sendmmsg64;
extern __typeof__(recvmsg) __recvmsg64;
extern __typeof__(recvmmsg) __recvmmsg64;
extern __typeof__(fcntl) __fcntl_time64;
extern __typeof__(ioctl) __ioctl_time64;
extern __typeof__(setsockopt) __setsockopt64;
extern __typeof__(getsockopt) __getsockopt64;
extern __typeof__(prctl) __prctl_time64;
#endif
extern void backtrace_symbols_fd(void *const *addresses, int n, int fd);
extern void __backtrace_symbols_fd(void *const *addresses, int n, int fd);
struct io_uring;
struct io_uring_params;
extern int io_uring_setup(unsigned entries, struct io_uring_params *p);
extern int io_uring_queue_init(unsigned entries, struct io_uring *ring, unsigned flags);
extern int io_uring_queue_init_params(unsigned entries, struct io_uring *ring, struct io_uring_params *p);
extern int io_uring_queue_init_mem(unsigned entries, struct io_uring *ring, struct io_uring_params *p, void *buf,
                                   size_t size);

struct real {
	bool ready;
#define HOOK(name) __typeof__(name) *name;
#include "hooks.def"
#undef HOOK
#define X(of, name, version) __typeof__(of) *name;
	OLD_VERSIONS(X)
#undef X
};

extern struct real real __attribute__((visibility("hidden"))); /* -fvisibility does not apply to declarations */
void real_init(void); /* called by the first hook, if that comes before our constructor */
/* Called by the constructor. Returns true if a library of the program has functions of its own by some of these names.
 * Calls of such a function go to that library, as if this one were not there. */
bool real_init_all(void);
/* From here on the doors lead past the hooks. */
void real_stand_aside(void);
/* Looks for a name once more, in libraries that came by dlopen() since; stores the function in *where. Returns false if
 * there is none. */
bool real_found_late(void **where, const char *name);

/* The table of these functions. One that is found nowhere (libc is old, or another one; liburing is not loaded) is
 * real_absent, which fails with ENOSYS. `ready` is stored with release and read with acquire. */
static inline const struct real *libc(void)
{
	if (unlikely(!__atomic_load_n(&real.ready, __ATOMIC_ACQUIRE)))
		real_init();
	return &real;
}

long real_absent(void);

/* Is the function missing? It may have come with a library by dlopen() since, which is looked up. */
#define LACKS_AS(of, name) ((void *)libc()->name == (void *)real_absent && !real_found_late((void **)&real.name, #of))
#define LACKS(name)        LACKS_AS(name, name)

/* The second half of a hook. Every hook is a few instructions for calls that do not concern the library, and a call of
 * such a function for the others, so the first half needs no registers saved. */
#define SLOW static __attribute__((noinline))

/* The hooks define these functions. Where there are doors (doors.h), those have the names, and the hooks are called
 * hook_NAME. */
#define HIDDEN __attribute__((visibility("hidden")))
#if DOORS
#define EXPORT HIDDEN
#define HOOK(name)                                                  \
	extern __typeof__(name) name __asm__("hook_" #name) HIDDEN; \
	extern HIDDEN void *slot_##name;
#include "hooks.def"
#undef HOOK
#define X(of, name, version)                                      \
	extern __typeof__(of) name __asm__("hook_" #name) HIDDEN; \
	extern HIDDEN void *slot_##name;
OLD_VERSIONS(X)
#undef X
#else
#define EXPORT __attribute__((visibility("default")))
#endif

#endif
