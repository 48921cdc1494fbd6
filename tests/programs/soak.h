/* What soak_server and soak_client agree on: GET /SHAPE/SIZE/SEED is answered with SIZE bytes of one endless body, from
 * byte SEED on, written in the manner that SHAPE says. A POST brings such bytes, and gets two if they are right. */
#ifndef ONEWRITE_TESTS_SOAK_H
#define ONEWRITE_TESTS_SOAK_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "wire.h"

enum shape {
	AT_ONCE,   /* head and body in one writev */
	IN_TWO,    /* the head, then the body */
	IN_LINES,  /* the head line by line, the body in uneven pieces, by send with MSG_NOSIGNAL */
	CHUNKED,   /* size lines, data and line ends, each by itself */
	TO_CLOSE,  /* a body that the connection's end ends */
	FROM_FILE, /* the body by sendfile */
	LATE,      /* a pause about as long as the timeout between head and body */
	CUT_SHORT, /* half the body, then the connection's end */
	SHAPES
};

enum { SEEDS = 1 << 16, LARGEST = 1 << 19 };

static inline char soak_byte(uint64_t at)
{
	return "abcdefghijklmnopqrstuvwxyz0123456789"[(at * 7 + at / 36 * 5 + at / 1296 * 11) % 36];
}

static inline void soak_fill(char *p, uint64_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = soak_byte(at + i);
}

static inline bool soak_right(const char *p, uint64_t at, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (p[i] != soak_byte(at + i))
			return false;
	return true;
}

#endif
