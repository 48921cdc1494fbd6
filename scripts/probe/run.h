/* One look at the command: how it answers, bare or with the library. */
#ifndef ONEWRITE_PROBE_RUN_H
#define ONEWRITE_PROBE_RUN_H

#include "bytes.h"
#include "client.h"

/* One response, as it came. */
struct timeline {
	size_t count;
	struct arrival *each;
	uint64_t last_us;
};

struct run {
	unsigned count;           /* responses */
	double writes;            /* per response; below 0: they cannot be counted */
	double segments;          /* per response; 0: the kernel does not count them */
	double median_us, p99_us; /* until the last byte */
	struct bytes bytes;
	struct timeline middle; /* the response that took the median time */
};

#endif
