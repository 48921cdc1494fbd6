/* The one clock of the library: CLOCK_MONOTONIC, for the current time and for the end of waits.
 *
 * The kernel ends the wait on a futex by the same clock. The clock is never set, and it goes on while the process is
 * stopped, so what has become due meanwhile is sent as soon as the process continues. It stands still while the machine
 * is suspended: what is held then is sent when the rest of its time is over. CLOCK_BOOTTIME would go on, but no futex
 * waits by it. */
#ifndef ONEWRITE_CLOCK_H
#define ONEWRITE_CLOCK_H

#include <stdint.h>
#include <time.h>

#include "own.h"

/* The current time, in nanoseconds. */
static inline uint64_t now_ns(void)
{
	struct own_moment t;
	own_clock(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.s * 1000000000u + (uint64_t)t.ns;
}

/* The moment `ns` in the form that a futex wait takes. */
static inline struct own_moment clock_moment(uint64_t ns)
{
	return (struct own_moment){ (long)(ns / 1000000000u), (long)(ns % 1000000000u) };
}

#endif
