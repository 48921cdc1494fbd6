/* The one clock: "when" and "until when" are both asked of it.
 *
 * It is CLOCK_MONOTONIC, the one by which the kernel ends a futex's wait: it is never set, and goes on while the
 * process is stopped, so that what has become due goes at once when the process does. While the machine is suspended
 * this clock stands still, as the program does; CLOCK_BOOTTIME would go on, but no futex waits by it. What was held
 * then goes when the rest of its time is over. */
#ifndef ONEWRITE_CLOCK_H
#define ONEWRITE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "own.h"

/* Nanoseconds. */
static inline uint64_t now_ns(void)
{
	struct own_moment t;
	own_clock(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.s * 1000000000u + (uint64_t)t.ns;
}

/* The same moment, for who waits until then. */
static inline struct own_moment clock_moment(uint64_t ns)
{
	return (struct own_moment){ (long)(ns / 1000000000u), (long)(ns % 1000000000u) };
}

#endif
