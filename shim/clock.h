/* The one clock: "when" and "until when" are both asked of it. */
#ifndef ONEWRITE_CLOCK_H
#define ONEWRITE_CLOCK_H

#include <stdint.h>
#include <time.h>

/* CLOCK_MONOTONIC, in nanoseconds. */
static inline uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* The same moment, for libc's functions that wait until then. */
static inline struct timespec clock_moment(uint64_t ns)
{
	return (struct timespec){ (time_t)(ns / 1000000000u), (long)(ns % 1000000000u) };
}

/* The same for SYS_futex, whose seconds are a long whatever libc's time_t is. */
struct clock_kernel_moment {
	long s, ns;
};
static inline struct clock_kernel_moment clock_kernel_moment(uint64_t ns)
{
	return (struct clock_kernel_moment){ (long)(ns / 1000000000u), (long)(ns % 1000000000u) };
}

#endif
