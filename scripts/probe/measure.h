/* Times, checksums, and quantiles of many measurements. */
#ifndef ONEWRITE_PROBE_MEASURE_H
#define ONEWRITE_PROBE_MEASURE_H

#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <time.h>

static inline uint64_t now_ns(clockid_t clock)
{
	struct timespec t;

	clock_gettime(clock, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static inline uint64_t now_us(void)
{
	return now_ns(CLOCK_MONOTONIC) / 1000;
}

/* A signal handler may call it, too. */
static inline void pause_ms(int ms)
{
	poll(NULL, 0, ms);
}

#define SUM_START 2166136261u /* FNV-1a */

static inline uint32_t sum_more(uint32_t sum, const char *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		sum = (sum ^ (unsigned char)p[i]) * 16777619u;
	return sum;
}

static inline int ascending(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* The value below which the part q (0 to 1) of the n values lies. Sorts them. */
static inline double quantile(double *values, size_t n, double q)
{
	size_t i = (size_t)(q * (double)n);

	qsort(values, n, sizeof(*values), ascending);
	return values[i < n ? i : n - 1];
}

#endif
