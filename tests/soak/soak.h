/* What the servers and the client of the soak agree on.
 *
 * GET /SHAPE/SIZE/SEED is answered with SIZE bytes of one endless body, from byte SEED on, written in the manner that
 * SHAPE says. A POST brings such bytes, and gets two if they are right. A field "Interim: N" asks for N interim
 * responses before the answer: soak_interim(N), soak_interim(N - 1), ... soak_interim(1). To a POST they may come
 * while its body does. */
#ifndef ONEWRITE_TESTS_SOAK_H
#define ONEWRITE_TESTS_SOAK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The same in server.js. */
enum shape {
	AT_ONCE,   /* head and body in one writev */
	IN_TWO,    /* the head, then the body */
	IN_LINES,  /* the head line by line, the body in uneven pieces, by send with MSG_NOSIGNAL */
	CHUNKED,   /* size lines, data and line ends, each by itself */
	TO_CLOSE,  /* a body that the connection's end ends */
	FROM_FILE, /* the body by sendfile */
	LATE,      /* a pause about as long as the timeout between head and body */
	CUT_SHORT, /* half the body, then the connection's end */
	LET_GO,    /* no body: the connection ends when the head has been held for about as long as the timeout */
	SHAPES
};

enum { SEEDS = 1 << 16, LARGEST = 1 << 19, HEAD_ROOM = 200, TIMEOUT_US = 5000, INTERIM_MOST = 300 };

#define STATUS_LINE   "HTTP/1.1 200 OK\r\n"
#define CONTINUE_HEAD "HTTP/1.1 100 Continue\r\n\r\n"

static inline const char *soak_interim(unsigned n)
{
	return n % 2 ? "HTTP/1.1 102 Processing\r\n\r\n"
	             : "HTTP/1.1 103 Early Hints\r\nLink: </soak>; rel=preload\r\n\r\n";
}

/* Whether the connection ends with the answer. */
static inline bool soak_ends(enum shape shape)
{
	return shape == TO_CLOSE || shape == CUT_SHORT || shape == LET_GO;
}

/* How much of the body is sent. */
static inline uint64_t soak_sent(enum shape shape, uint64_t size)
{
	return shape == CUT_SHORT ? size / 2 : shape == LET_GO ? 0 : size;
}

/* How the head begins that every server sends, framing included; fields of its own and an empty line follow. */
static inline size_t soak_head(char *p, enum shape shape, uint64_t size)
{
	int n = sprintf(p, STATUS_LINE "Server: soak\r\nX-Shape: %d\r\n", (int)shape);

	if (shape == CHUNKED)
		n += sprintf(p + n, "Transfer-Encoding: chunked\r\n");
	else if (shape != TO_CLOSE)
		n += sprintf(p + n, "Content-Length: %llu\r\n", (unsigned long long)size);
	return (size_t)n;
}

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
