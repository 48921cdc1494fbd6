/* Scenarios of p_scenarios with peers that read little at a time, acknowledge late, or have reset the connection. */
#include "scenarios.h"

#include <poll.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/time.h>

enum { FLOOD = 40, LARGE_BODY = 6000 };

static int zeroes, excesses; /* counts of write() results that no correct call returns */
static int epoll_fd;

static void wait_writable(int fd)
{
	struct epoll_event e;

	if (strcmp(how, "epoll") == 0)
		must(epoll_wait(epoll_fd, &e, 1, 8000) == 1, "epoll_wait: the edge that was promised");
	else
		must(poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 8000) == 1, "poll");
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, p, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			must(errno == EAGAIN, "write");
			wait_writable(fd);
			continue;
		}
		zeroes += r == 0;
		excesses += r > (ssize_t)n;
		p += r;
		n -= (size_t)r;
	}
}

/* Accepts a connection with the smallest send buffer, and arranges what `how` says: signals that interrupt writes, or a
 * non-blocking socket with poll or edge-triggered epoll. */
static int accept_narrow(void)
{
	struct sigaction interrupt = { .sa_handler = ignore }; /* no SA_RESTART: a signal ends the write */
	struct itimerval often = { { 0, 700 }, { 0, 700 } };
	struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
	int fd = accept_peer();

	set_int(fd, SOL_SOCKET, SO_SNDBUF, 4096);
	if (strcmp(how, "signals") == 0) {
		sigaction(SIGALRM, &interrupt, NULL);
		setitimer(ITIMER_REAL, &often, NULL);
	} else
		fcntl(fd, F_SETFL, O_NONBLOCK);
	if (strcmp(how, "epoll") == 0) {
		epoll_fd = epoll_create1(0);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
	}
	return fd;
}

/* Forty messages whose bodies are larger than the send buffer. No write may return 0, or more than it was given. */
static void flood(void)
{
	int fd = accept_narrow();
	char body[LARGE_BODY];

	for (int i = 0; i < FLOOD; i++) {
		char head[128];
		write_all(fd, head,
		          (size_t)snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX: %d\r\n\r\n",
		                           LARGE_BODY, i));
		body_fill(shared, body, sizeof body);
		write_all(fd, body, sizeof body);
	}
	report("zeroes %d, excesses %d\n", zeroes, excesses);
}

/* Three messages of 100 KB each: one in chunks with three writes per chunk, one with a Content-Length, one that ends
 * with the connection. */
static void long_bodies(void)
{
	static const char *const heads[] = { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		                             "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n",
		                             "HTTP/1.0 200 OK\r\n\r\n" };
	int fd = accept_narrow();
	char data[2500];

	for (int kind = 0; kind < 3; kind++) {
		write_all(fd, heads[kind], strlen(heads[kind]));
		for (int i = 0; i < 40; i++) {
			if (kind == 0)
				write_all(fd, "9c4\r\n", 5);
			body_fill(shared, data, sizeof data);
			write_all(fd, data, sizeof data);
			if (kind == 0)
				write_all(fd, "\r\n", 2);
		}
		if (kind == 0)
			write_all(fd, "0\r\n\r\n", 5);
	}
	report("zeroes %d, excesses %d\n", zeroes, excesses);
}

/* The last chunk follows another short segment, and the peer is slow to acknowledge: Nagle's algorithm would keep the
 * last chunk back for a delayed ACK. With `stream` each head meets its deadline first, so its message goes out as it is
 * written. */
static void last_chunks(void)
{
	static const char chunk[] = "5\r\nhello\r\n", last[] = "0\r\n\r\n";
	bool stream = strcmp(how, "stream") == 0;
	int fd = accept_peer(), nodelay = 1;
	socklen_t size = sizeof nodelay;

	for (int i = 0; i < 21; i++) {
		must(write(fd, CHUNKED_HEAD, 100) == 100, "writing a head");
		if (stream)
			sleep_us(60000);
		must(write(fd, chunk, 10) == 10, "writing a chunk");
		shared->sent[i] = now_ns();
		must(write(fd, last, 5) == 5, "writing the last chunk");
		sleep_us(60000);
	}
	must(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size) == 0 && nodelay == 0, "TCP_NODELAY being off");
}

/* A message follows another one that nobody has acknowledged yet. Its head and first chunk, which meet their deadline,
 * must not wait for that ACK. */
static void first_chunk(void)
{
	int fd = accept_peer();

	for (int i = 0; i < 3; i++) { /* the first segments are acknowledged at once, the later ones are not */
		must(write(fd, "#", 1) == 1, "writing");
		sleep_us(60000);
	}
	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
	must(write(fd, HEAD, BODY_SIZE / 2) == BODY_SIZE / 2 && write(fd, HEAD, BODY_SIZE / 2) == BODY_SIZE / 2,
	     "writing a body");
	must(write(fd, CHUNKED_HEAD, 100) == 100, "writing a head");
	shared->sent[0] = now_ns();
	must(write(fd, "5\r\nhello\r\n", 10) == 10, "writing a chunk");
	sleep_us(100000);
	must(write(fd, "0\r\n\r\n", 5) == 5, "writing the last chunk");
}

/* The peer has reset the connection. The program must find out as it would without the library: by an error or, unless
 * it said otherwise, by SIGPIPE. */
static void broken(void)
{
	int fd = accept_peer(), flags = strcmp(how, "nosignal") == 0 ? MSG_NOSIGNAL : 0;
	struct pollfd p = { fd, 0, 0 };

	report_bytes("!reset", 6);
	must(poll(&p, 1, 5000) == 1, "seeing the reset");
	if (strcmp(how, "ignored") == 0)
		signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 10; i++) {
		ssize_t head = send(fd, HEAD, HEAD_SIZE, flags),
			body = head < 0 ? -1 : send(fd, HEAD, BODY_SIZE / 2, flags);
		if (body < 0 && errno == EPIPE) {
			report("EPIPE\n");
			return;
		}
		must(body >= 0 || errno == ECONNRESET, "send");
	}
	report("no error in ten messages\n");
}

/* The peer has reset the connection before the head is written. The helper meets the error when it sends the held head,
 * and a later call must report it. */
static void late_error(void)
{
	int fd = accept_peer();
	struct pollfd p = { fd, 0, 0 };

	report_bytes("!reset", 6);
	must(poll(&p, 1, 5000) == 1, "seeing the reset");
	send(fd, HEAD, HEAD_SIZE, MSG_NOSIGNAL);
	sleep_us(30000);
	for (int i = 0; i < 3; i++)
		if (send(fd, "body", 4, MSG_NOSIGNAL) < 0 && (errno == ECONNRESET || errno == EPIPE)) {
			report("an error of the connection\n");
			return;
		}
	report("no error\n");
}

const struct scenario peer_scenarios[] = {
	{ "flood", flood },
	{ "long-bodies", long_bodies },
	{ "last-chunks", last_chunks },
	{ "first-chunk", first_chunk },
	{ "broken", broken },
	{ "late-error", late_error },
	{ NULL, NULL },
};
