/* What the first message of a process costs, and when its head leaves.
 *
 *	first cost      one message, the first one
 *	                -> us in its two writes; us of the process's CPU time from before them until 2 ms later
 *	first alone     a head without a body, the first one; and another one after 50 messages on another connection
 *	                -> us from before its write until the kernel received it, of either */
#include "message.h"

#include <linux/net_tstamp.h>
#include <poll.h>

static const char body[BODY];
enum { LATER = 50 };

static double us(uint64_t since, uint64_t until)
{
	return (double)(int64_t)(until - since) / 1000;
}

static void cost(const struct connection *c)
{
	ask(c);
	uint64_t start = now_ns(CLOCK_MONOTONIC), cpu = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	put(c, HEAD, sizeof HEAD - 1);
	put(c, body, sizeof body);
	uint64_t end = now_ns(CLOCK_MONOTONIC);
	nanosleep(&(struct timespec){ .tv_nsec = 2000000 }, NULL); /* what the library does behind the program's back */
	printf("%.1f %.1f\n", us(start, end), us(cpu, now_ns(CLOCK_PROCESS_CPUTIME_ID)));
}

/* When the kernel received the first of the bytes that wait there. */
static uint64_t arrived(int fd, char *to, size_t n)
{
	char control[256];
	struct iovec iov = { to, n };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	struct timespec t = { 0, 0 };
	if (recvmsg(fd, &h, MSG_WAITALL) != (ssize_t)n)
		err(1, "recvmsg");
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); c != NULL; c = CMSG_NXTHDR(&h, c))
		if (c->cmsg_type == SCM_TIMESTAMPNS)
			memcpy(&t, CMSG_DATA(c), sizeof t);
	if (t.tv_sec == 0)
		errx(1, "no time stamp");
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static double alone(const struct connection *c)
{
	char head[sizeof HEAD - 1], rest[BODY];
	int on = 1;
	setsockopt(c->client, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL); /* until the kernel does so */
	ask(c);
	uint64_t start = now_ns(CLOCK_REALTIME);
	put(c, HEAD, sizeof head);
	uint64_t end = arrived(c->client, head, sizeof head);
	put(c, body, sizeof body);
	receive(c->client, rest, sizeof rest);
	return us(start, end);
}

int main(int argc, char **argv)
{
	uint16_t port = 0;
	int listener = server_listen(INADDR_LOOPBACK, &port, 0, 0);
	struct connection first = connection_make(listener, port);
	if (argc == 2 && strcmp(argv[1], "cost") == 0) {
		cost(&first);
	} else if (argc == 2 && strcmp(argv[1], "alone") == 0) {
		double of_first = alone(&first);
		struct connection usual = connection_make(listener, port), other = connection_make(listener, port);
		for (int i = 0; i < LATER; i++)
			exchange(&usual);
		printf("%.1f %.1f\n", of_first, alone(&other));
	} else {
		errx(2, "usage: first cost|alone");
	}
	return 0;
}
