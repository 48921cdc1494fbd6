/* The functions that the library calls for its own purposes, found in libc itself, past every library that stands in
 * front of libc under the same names. Such a library may set the clock otherwise (faketime), stretch a wait, or keep a
 * signal's handler: that is meant for the program, whose calls go on by real.h.
 *
 * Three kinds of call go by the names that all libraries share. Threads do, because the libraries in front of libc run
 * in the helper, too, and some (a sanitizer) have to be told of each thread. Memory does. And so do the calls on the
 * program's sockets, which may be emulated by a library in front of the kernel.
 *
 * A function that libc lacks is looked for in the other libraries; if none has it, its pointer is NULL. */
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

/* A moment as the kernel and libc's first clock_gettime() know it: its seconds are a long, whatever libc's time_t
 * is. */
struct own_moment {
	long s, ns;
};

struct own {
	long (*syscall)(long number, ...);
	int (*clock_gettime)(clockid_t clock, struct own_moment *now); /* makes no system call: it is the vDSO's */
	__typeof__(poll) *poll;
	__typeof__(raise) *raise;
	__typeof__(sigaction) *sigaction;
	__typeof__(sigaltstack) *sigaltstack;
	__typeof__(fstat) *fstat;                                  /* NULL before glibc 2.33 */
	int (*__fxstat)(int version, int fd, struct stat *status); /* what glibc has before 2.33 instead of fstat */
	bool is_glibc; /* false: it is musl, or behaves like musl (lengths.h, dup3) */
};

/* Not every libc has these, and not every libc that has them declares them. */
extern int pthread_attr_setaffinity_np(pthread_attr_t *, size_t, const cpu_set_t *);

/* Before glibc 2.34 only programs with threads have most of these. */
#define THREADS(X)                      \
	X(pthread_atfork)               \
	X(pthread_attr_destroy)         \
	X(pthread_attr_init)            \
	X(pthread_attr_setaffinity_np)  \
	X(pthread_attr_setinheritsched) \
	X(pthread_attr_setschedparam)   \
	X(pthread_attr_setschedpolicy)  \
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
	/* libc's first one, with a long for the seconds, whatever its time_t is */
	int (*pthread_clockjoin_np)(pthread_t, void **, clockid_t, const struct own_moment *);
};

#pragma GCC visibility push(hidden)
extern struct own own_functions;
extern struct threads own_threads;
extern bool own_ready;
#pragma GCC visibility pop

/* Looks the functions up. Called by own(), the first time in our constructor or in a hook that ran before it. own_ready
 * publishes the tables (stored with release, loaded with acquire). */
void own_begin(void);
/* Does struct own have all that the library needs? If not, this libc is unknown, and the library does nothing. */
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

/* A cancellation point for the program's thread; does nothing where there are no threads. */
static inline void own_testcancel(void)
{
	own_threads.pthread_testcancel();
}

static inline void own_clock(clockid_t clock, struct own_moment *now)
{
	own_functions.clock_gettime(clock, now);
}

/* What a path names. */
struct own_file {
	unsigned long links;
	uid_t owner;
};
/* False: there is nothing of this name, or the question is refused. Takes no descriptor. Changes errno. */
bool own_file(const char *path, struct own_file *f);
/* As fstat(), with any glibc. */
__attribute__((cold)) int own_fstat(int fd, struct stat *status);

/* The number of the process that really makes the call. libc before 2.25 remembers the number, so a child in its
 * parent's memory would get its parent's. */
static inline pid_t own_pid(void)
{
	return (pid_t)own()->syscall(SYS_getpid);
}

/* As pthread_sigmask(), which is in another library before glibc 2.32, and which takes more of a small stack. A set
 * from sigfillset() leaves libc's own signals out. */
static inline int own_sigmask(int how, const sigset_t *set, sigset_t *before)
{
	return (int)own()->syscall(SYS_rt_sigprocmask, how, set, before, (long)_NSIG / 8);
}

static inline pid_t own_tid(void)
{
	return (pid_t)own()->syscall(SYS_gettid);
}

#endif
