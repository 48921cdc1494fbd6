/* What we do for ourselves is asked of libc itself: of its own functions, past every library that stands in front of it
 * under the same names. A clock that is set otherwise (faketime), a wait that is stretched, a signal whose handler
 * somebody keeps: that is for the program, whose calls go on by real.h.
 *
 * By the names that everybody calls go: threads, for whoever stands behind us is called in the helper, too, and some (a
 * sanitizer) have to be told of each; memory; and what is said to the program's sockets, which may be somebody's in
 * front of the kernel's.
 *
 * What libc lacks is NULL; libraries of the program's that have it are asked then. */
#ifndef ONEWRITE_OWN_H
#define ONEWRITE_OWN_H

#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/* A moment as the kernel and libc's first clock_gettime() have it: its seconds are a long, whatever libc's time_t is.
 */
struct own_moment {
	long s, ns;
};

struct own {
	long (*syscall)(long number, ...);
	int (*clock_gettime)(clockid_t clock, struct own_moment *now); /* no system call: the vDSO's */
	__typeof__(poll) *poll;
	__typeof__(raise) *raise;
	__typeof__(sigaction) *sigaction;
	__typeof__(sigaltstack) *sigaltstack;
	__typeof__(fstat) *fstat;                                  /* NULL before glibc 2.33 */
	int (*__fxstat)(int version, int fd, struct stat *status); /* what that has instead */
	bool is_glibc; /* else it is musl, or does as musl does (lengths.h, dup3) */
};

/* Neither in every libc, nor declared by each. */
extern int pthread_attr_setsigmask_np(pthread_attr_t *, const sigset_t *);
extern int pthread_attr_setaffinity_np(pthread_attr_t *, size_t, const cpu_set_t *);

/* Before glibc 2.34 only programs with threads have most of them. */
#define THREADS(X)                      \
	X(pthread_atfork)               \
	X(pthread_attr_destroy)         \
	X(pthread_attr_init)            \
	X(pthread_attr_setaffinity_np)  \
	X(pthread_attr_setinheritsched) \
	X(pthread_attr_setschedparam)   \
	X(pthread_attr_setschedpolicy)  \
	X(pthread_attr_setsigmask_np)   \
	X(pthread_attr_setstacksize)    \
	X(pthread_join)                 \
	X(pthread_setaffinity_np)       \
	X(pthread_setcanceltype)        \
	X(pthread_testcancel)           \
	X(pthread_tryjoin_np)
struct threads {
#define X(name) __typeof__(name) *name;
	THREADS(X)
#undef X
	/* libc's first one, whatever its time_t is */
	int (*pthread_clockjoin_np)(pthread_t, void **, clockid_t, const struct own_moment *);
};

#pragma GCC visibility push(hidden)
extern struct own own_functions;
extern struct threads own_threads;
extern bool own_ready;
#pragma GCC visibility pop

/* By who asks first, that is by our constructor, or by a hook that was called before it. */
void own_begin(void);
/* Is there all of struct own? Else we do without: this is no libc that we know. */
bool own_is_whole(void);

static inline const struct own *own(void)
{
	if (__builtin_expect(!__atomic_load_n(&own_ready, __ATOMIC_ACQUIRE), 0))
		own_begin();
	return &own_functions;
}

static inline const struct threads *threads(void)
{
	own();
	return &own_threads;
}

/* A place where the program's thread may be cancelled; none where there are no threads. */
static inline void own_testcancel(void)
{
	own_threads.pthread_testcancel();
}

static inline void own_clock(clockid_t clock, struct own_moment *now)
{
	own_functions.clock_gettime(clock, now);
}

/* Of the process and the thread that really make the call: libc before 2.25 remembers them, and a child in its parent's
 * memory is taken for its parent. */
static inline pid_t own_pid(void)
{
	return (pid_t)own()->syscall(SYS_getpid);
}

/* As pthread_sigmask, which lives elsewhere before glibc 2.32, and takes more of a small stack. sigfillset() leaves
 * libc's own signals out. */
static inline int own_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	return (int)own()->syscall(SYS_rt_sigprocmask, how, set, before, (long)_NSIG / 8);
}

static inline pid_t own_tid(void)
{
	return (pid_t)own()->syscall(SYS_gettid);
}

#endif
