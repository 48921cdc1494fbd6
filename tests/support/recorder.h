/* What the files of the recorder share: the calls behind it, its log, and its faults (recorder.c explains them). */
#ifndef ONEWRITE_TESTS_RECORDER_H
#define ONEWRITE_TESTS_RECORDER_H

#include <dlfcn.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define REAL(name)                                                                 \
	({                                                                         \
		static __typeof__(name) *real_##name;                              \
		if (real_##name == NULL)                                           \
			real_##name = (__typeof__(name) *)dlsym(RTLD_NEXT, #name); \
		real_##name;                                                       \
	})
#define EXPORT         __attribute__((visibility("default")))
#define ALIAS_OF(name) __attribute__((alias(#name), visibility("default")))

struct fault {
	char call[16];
	int nth;     /* 0: each call */
	size_t most; /* really take so many bytes at most */
	int error;   /* or fail with this */
	long delay;  /* make the call so many ms later */
	long linger; /* come back so many ms later, at a place where a thread can be cancelled */
	atomic_int seen;
};

bool is_socket(int fd);

/* Counts this call, and returns what is to happen to it; NULL: nothing. */
const struct fault *fault_of(const char *call);

void sleep_through(long ms);
/* How many calls do that just now? The program asks. */
int recorder_delays(void);

/* Writes one line of the log. */
void record(long result, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Runs `call` with at most f->most bytes, or fails as the fault says. */
#define INJECT(name, fd, call)                                                 \
	({                                                                     \
		const struct fault *f = is_socket(fd) ? fault_of(name) : NULL; \
		size_t most = f == NULL ? SIZE_MAX : f->most;                  \
		long r_ = -1;                                                  \
		if (f != NULL && f->delay != 0)                                \
			sleep_through(f->delay);                               \
		if (f != NULL && f->error != 0)                                \
			errno = f->error;                                      \
		else                                                           \
			r_ = (call);                                           \
		if (f != NULL && f->linger != 0)                               \
			sleep_through(f->linger);                              \
		(void)most;                                                    \
		r_;                                                            \
	})

#endif
