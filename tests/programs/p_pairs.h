/* Connections whose two ends are both in the program under test. The program plays the peer itself, by system calls
 * that no hook sees. */
#ifndef P_PAIRS_H
#define P_PAIRS_H

#include "p_common.h"

#include <poll.h>
#include <sys/resource.h>

enum { HEAD_SIZE = sizeof HEAD - 1, BODY_SIZE = 200 };

struct pair {
	int client, fd; /* fd is the accepted end. It is made last, so no open descriptor has a higher number */
};

static inline int listen_here(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	must(bind(listener, (struct sockaddr *)&at, sizeof at) == 0 && listen(listener, 64) == 0, "listen");
	return listener;
}

/* A listener whose connections have segments of the size that Ethernet has. A segment on loopback holds all that fits
 * into a small send buffer; with such segments a sender that found no room sometimes waits for a timer of the
 * kernel. */
static inline int listen_with_segments(void)
{
	int listener = listen_here();

	set_int(listener, IPPROTO_TCP, TCP_MAXSEG, 1460);
	return listener;
}

/* Connects to the listener. `room` is the client's receive buffer in bytes; 0 leaves the default. */
static inline int dial(int listener, int room)
{
	struct sockaddr_in at;
	socklen_t size = sizeof at;
	int client = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (room != 0)
		set_int(client, SOL_SOCKET, SO_RCVBUF, room);
	getsockname(listener, (struct sockaddr *)&at, &size);
	must(connect(client, (struct sockaddr *)&at, size) == 0, "connect");
	return client;
}

static inline struct pair pair_of(int listener, int room)
{
	struct pair p = { .client = dial(listener, room) };

	p.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	must(p.fd >= 0, "accept");
	return p;
}

static inline void write_whole(int fd, const char *p, size_t n)
{
	must(write(fd, p, n) == (ssize_t)n, "writing");
}

static inline void write_head(int fd)
{
	write_whole(fd, HEAD, HEAD_SIZE);
}

/* Sleeps until the moment `ns`, in the time of now_ns(). */
static inline void sleep_until(int64_t ns)
{
	struct timespec t = { ns / INT64_C(1000000000), ns % INT64_C(1000000000) };

	while (clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &t, NULL) == EINTR)
		;
}

#define MS INT64_C(1000000)

static inline int64_t now_ms(void)
{
	return now_ns() / MS;
}

/* The times of a scenario of many rounds: in each round a head is written, and the program does something `at` ms
 * later. */
enum { FIRST_MS = 1, LAST_MS = 41, STEP_MS = 4, ALL_OVER_MS = 90 };

#define EACH_ROUND(at) for (int at = FIRST_MS; at <= LAST_MS; at += STEP_MS)

/* The CPU time of this process and of its children that have ended, in ms. */
static inline int64_t cpu_ms(void)
{
	int64_t sum = 0;

	for (int i = 0; i < 2; i++) {
		struct rusage u;

		getrusage(i == 0 ? RUSAGE_SELF : RUSAGE_CHILDREN, &u);
		sum += (u.ru_utime.tv_sec + u.ru_stime.tv_sec) * 1000 +
		       (u.ru_utime.tv_usec + u.ru_stime.tv_usec) / 1000;
	}
	return sum;
}

/* Reads at most n bytes at the client's end, until the moment `until` (now_ns). Returns how many bytes came; the end of
 * the stream (FIN) or an error ends the count. */
static inline size_t take(int client, char *p, size_t n, int64_t until)
{
	size_t got = 0;

	while (got < n) {
		int64_t left = (until - now_ns()) / MS;
		long r;

		if (poll(&(struct pollfd){ client, POLLIN, 0 }, 1, left < 0 ? 0 : (int)left) <= 0)
			break;
		r = unseen(SYS_read, client, (long)(p + got), (long)(n - got), 0, 0, 0);
		if (r <= 0)
			break;
		got += (size_t)r;
	}
	return got;
}

static inline long send_unseen(int fd, const char *p, size_t n, int flags)
{
	return unseen(SYS_sendto, fd, (long)p, (long)n, flags, 0, 0);
}

#endif
