/* The faults of the recorder, and its functions for what a library that holds bytes needs: memory, threads, dlopen. */
#include "recorder.h"

#include <limits.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static struct fault faults[32];

static const struct {
	const char *name;
	int value;
} errors[] = {
	{ "EAGAIN", EAGAIN },
	{ "EINTR", EINTR },
	{ "EPIPE", EPIPE },
	{ "ECONNRESET", ECONNRESET },
	{ "ENOBUFS", ENOBUFS },
	{ "ENOMEM", ENOMEM },
	{ "EMFILE", EMFILE },
	{ "EPERM", EPERM },
	{ "EINVAL", EINVAL },
	{ "EBADF", EBADF },
	{ "ENOPROTOOPT", ENOPROTOOPT },
	{ "EIO", EIO },
	{ "ETIMEDOUT", ETIMEDOUT },
};

static void fault_add(struct fault *f, const char *text)
{
	char nth[8], what[8], value[16];

	if (sscanf(text, "%15[^:]:%7[^:]:%7[^=]=%15[^,]", f->call, nth, what, value) != 4)
		abort();
	f->nth = atoi(nth);
	f->most = strcmp(what, "short") == 0 ? strtoul(value, NULL, 10) : SIZE_MAX;
	f->delay = strcmp(what, "delay") == 0 ? atol(value) : 0;
	f->linger = strcmp(what, "linger") == 0 ? atol(value) : 0;
	for (size_t i = 0; i < sizeof errors / sizeof *errors; i++)
		if (strcmp(value + strspn(value, "0123456789+"), errors[i].name) == 0)
			f->error = errors[i].value;
	if (f->most == SIZE_MAX && f->error == 0 && f->delay == 0 && f->linger == 0)
		abort();
}

static __attribute__((constructor(101))) void faults_read(void)
{
	const char *text = getenv("RECORDER_FAULTS");

	for (size_t i = 0; text != NULL && *text != '\0' && i < sizeof faults / sizeof *faults; i++) {
		fault_add(&faults[i], text);
		text = strchr(text, ',');
		text = text == NULL ? NULL : text + 1;
	}
}

bool is_socket(int fd)
{
	int type, keep = errno;
	socklen_t n = sizeof type;
	bool yes = REAL(syscall)(SYS_getsockopt, fd, SOL_SOCKET, SO_TYPE, &type, &n) == 0;

	errno = keep;
	return yes;
}

const struct fault *fault_of(const char *call)
{
	const struct fault *found = NULL;

	for (struct fault *f = faults; f < faults + 32 && f->call[0] != '\0'; f++)
		if (strcmp(f->call, call) == 0) {
			int nth = atomic_fetch_add(&f->seen, 1) + 1;
			if (found == NULL && (f->nth == 0 || f->nth == nth))
				found = f;
		}
	return found;
}

static atomic_int delayed; /* so many calls are */

EXPORT int recorder_delays(void)
{
	return atomic_load(&delayed);
}

void sleep_through(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	atomic_fetch_add(&delayed, 1);
	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
	atomic_fetch_sub(&delayed, 1);
}

/* --- memory and threads, which the library under test needs ----------------------------------- */

EXPORT void *mmap(void *at, size_t n, int protection, int flags, int fd, off_t offset)
{
	const struct fault *f = fault_of("mmap");

	if (f != NULL && f->delay != 0)
		sleep_through(f->delay);
	if (f != NULL && f->error != 0) {
		errno = f->error;
		record(-1, "mmap fd=%d bytes=%zu", fd, n);
		return MAP_FAILED;
	}
	return REAL(mmap)(at, n, protection, flags, fd, offset);
}

EXPORT int pthread_create(pthread_t *restrict thread, const pthread_attr_t *restrict attributes, void *(*run)(void *),
                          void *restrict argument)
{
	const struct fault *f = fault_of("pthread_create");

	if (f != NULL)
		sleep_through(f->delay);
	int r = f != NULL && f->error != 0 ? f->error : REAL(pthread_create)(thread, attributes, run, argument);

	record(r, "pthread_create fd=-1");
	return r;
}

/* --- what the sanitizers would not let a program do ------------------------------------------- */

/* The sanitizers' dlopen() ends the program on RTLD_DEEPBIND, and it calls libc's dlopen() itself, so that the run path
 * of the calling library does not count. This one jumps past it. Before glibc 2.34 dlopen() is not in libc.so.6, and
 * the next one is taken. */
static __typeof__(dlopen) *libc_dlopen;

static __attribute__((noinline)) void find_libc_dlopen(void)
{
	libc_dlopen = (__typeof__(dlopen) *)dlsym(REAL(dlopen)("libc.so.6", RTLD_LAZY | RTLD_NOLOAD), "dlopen");
	if (libc_dlopen == NULL)
		libc_dlopen = REAL(dlopen);
}

EXPORT void *dlopen(const char *file, int flags)
{
	if (libc_dlopen == NULL)
		find_libc_dlopen();
	return libc_dlopen(file, flags);
}
