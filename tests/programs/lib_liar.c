/* A preloaded library for tests/preload/clock.c that stands in front of libc and answers falsely: the clock stands
 * still, every wait takes long, no signal has a handler, none can be blocked, and files and process numbers are not
 * what /proc and the kernel say. A library that calls libc itself does not notice. */
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define NEXT(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))

static void take_long(void)
{
	NEXT(nanosleep)(&(struct timespec){ 0, 300000000 }, NULL);
}

int clock_gettime(clockid_t clock, struct timespec *t)
{
	(void)clock;
	*t = (struct timespec){ 1000000, 0 };
	return 0;
}

int nanosleep(const struct timespec *t, struct timespec *left)
{
	take_long();
	return NEXT(nanosleep)(t, left);
}

int poll(struct pollfd *p, nfds_t n, int ms)
{
	take_long();
	return NEXT(poll)(p, n, ms);
}

/* Delays waits that are made by syscall(), such as the library's futex waits, and returns false process numbers. */
long syscall(long number, ...)
{
	long a[6];
	va_list args;

	va_start(args, number);
	for (size_t i = 0; i < 6; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (number == SYS_futex || number == SYS_nanosleep)
		take_long();
	if (number == SYS_getpid || number == SYS_gettid)
		return 1;
	if (number == SYS_tgkill) {
		errno = ESRCH;
		return -1;
	}
	return NEXT(syscall)(number, a[0], a[1], a[2], a[3], a[4], a[5]);
}

pid_t getpid(void)
{
	static pid_t another = 1;

	return another++;
}

pid_t gettid(void)
{
	return getpid();
}

static int nothing(void)
{
	errno = ENOENT;
	return -1;
}

int stat(const char *restrict path, struct stat *restrict s)
{
	(void)path, (void)s;
	return nothing();
}

ssize_t readlink(const char *restrict path, char *restrict buf, size_t n)
{
	(void)path, (void)buf, (void)n;
	return nothing();
}

int sigaction(int signal, const struct sigaction *restrict new, struct sigaction *restrict old)
{
	int r = NEXT(sigaction)(signal, new, old);

	if (old != NULL)
		memset(old, 0, sizeof *old);
	return r;
}

int sigaltstack(const stack_t *restrict new, stack_t *restrict old)
{
	(void)new, (void)old;
	return nothing();
}

int sigprocmask(int how, const sigset_t *restrict new, sigset_t *restrict old)
{
	(void)how, (void)new;
	if (old != NULL)
		sigfillset(old);
	return 0;
}

int pthread_sigmask(int how, const sigset_t *restrict new, sigset_t *restrict old)
{
	return sigprocmask(how, new, old);
}

int raise(int signal)
{
	(void)signal;
	return 0;
}
