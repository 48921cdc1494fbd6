/* What a program under test and its peer (harness.c) agree on.
 *
 * The harness is the peer: it connects to the program, or accepts from it; it reads every byte and notes when it came.
 * The program finds three descriptors: the listener, a packet pipe for its results, and memory that it shares with the
 * peer. */
#ifndef PEER_H
#define PEER_H

#include <errno.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { LISTENER_FD = 3, REPORT_FD = 4, SHARED_FD = 5 };
enum { CLIENTS_MAX = 4, STAMPS_MAX = 64 };

struct shared {
	_Atomic uint64_t received;  /* bytes that reached the peer, of all connections */
	_Atomic uint64_t written;   /* bytes that the program was told are written */
	_Atomic uint64_t generated; /* position in the endless body from which the program draws */
	int64_t sent[STAMPS_MAX];   /* when the program wrote its n-th head */
};

/* Heads have 100 bytes and their bodies 200, so that the byte counts of the calls show what was joined. */
#define HEAD_PAD(length) \
	"Server: a server with a name that fills the line, just so.\r\nContent-Length: " length "\r\n\r\n"
#define HEAD "HTTP/1.1 200 OK\r\n" HEAD_PAD("200")
#define CHUNKED_HEAD          \
	"HTTP/1.1 200 OK\r\n" \
	"Server: this one sends its body chunk by chunk, so.\r\nTransfer-Encoding: chunked\r\n\r\n"
_Static_assert(sizeof HEAD - 1 == 100 && sizeof CHUNKED_HEAD - 1 == 100, "heads are 100 bytes");

static inline int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

static inline void sleep_us(long us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };

	while (nanosleep(&t, &t) < 0 && errno == EINTR)
		;
}

#ifdef SYS_mmap2 /* 32 bits: the last argument counts pages */
#define NUMBER_OF_MMAP SYS_mmap2
#else
#define NUMBER_OF_MMAP SYS_mmap
#endif

static inline struct shared *shared_map(int fd)
{
	/* A system call by number, because a test may let mmap() fail. */
#ifdef __s390x__ /* on s390x the arguments lie in memory */
	unsigned long all[] = { 0, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, (unsigned long)fd, 0 };
	long at = syscall(SYS_mmap, all);
#else
	long at = syscall(NUMBER_OF_MMAP, NULL, sizeof(struct shared), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
#endif

	if (at == -1)
		abort();
	return (struct shared *)at;
}

/* A byte of the endless body. It never looks like the start of a head, and neighbouring bytes differ enough that lost,
 * repeated or reordered bytes are noticed. */
static inline char body_byte(uint64_t at)
{
	return "abcdefghijklmnopqrstuvwxyz0123456789"[(at * 7 + at / 36 * 5 + at / 1296 * 11) % 36];
}

static inline void body_fill(struct shared *s, char *p, size_t n)
{
	uint64_t at = atomic_fetch_add(&s->generated, n);

	for (size_t i = 0; i < n; i++)
		p[i] = body_byte(at + i);
}

#endif
