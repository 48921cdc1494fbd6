/* One epoll server that writes its responses in every way a program can: the same bytes, the same loop, other calls.
 *
 *	server [-m split|writev|more] [-b BYTES] [-p PIECES] [-c] [-s] [-d] [-t CHUNKS] [-w]
 *
 *	-m   split   a write() for the head and one for each piece of the body
 *	     writev  one writev() for all of it
 *	     more    as split, but by send() with MSG_MORE on all but the last
 *	-b   bytes of body (200)
 *	-p   the body in so many pieces (1)
 *	-c   chunked: a chunk for each piece, the last chunk in a write of its own
 *	-s   chunked, and chunk-size line, data and line end are writes of their own
 *	-d   TCP_NODELAY on every connection
 *	-t   a stream instead: the head, so many chunks 20 ms apart that say when they were written, the last chunk
 *	-w   only a head that says when it was written, and with -c a first chunk that does, too; the rest of its body
 *	     never comes
 *
 * Listens on 127.0.0.1, says "port N" and serves until it is killed. */
#include <inttypes.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/uio.h>
#include <unistd.h>

#include "../../scripts/probe/measure.h"
#include "../support/server.h"
#include "number.h"

enum { PIECES_MAX = 64, EVENTS = 256, STREAM_GAP_NS = 20 * 1000 * 1000 };
enum { WALL = CLOCK_REALTIME /* of the kernel's receive time stamps */ };

static enum { SPLIT, WRITEV, MORE } mode;
static bool nodelay, withheld, begun;
static int stream_chunks;

/* The response, as the program wants to write it. */
static struct iovec piece[PIECES_MAX];
static int pieces;
static size_t response_size;

static size_t *written; /* by descriptor: bytes of the response in progress; 0: none is */
static int epoll;

static void add(const void *p, size_t n)
{
	if (pieces == PIECES_MAX)
		errx(2, "too many pieces");
	piece[pieces++] = (struct iovec){ (void *)p, n };
	response_size += n;
}

static const char *print(const char *format, size_t n)
{
	char *p;
	if (asprintf(&p, format, n) < 0)
		err(1, "asprintf");
	return p;
}

static void compose(size_t body, size_t parts, bool chunked, bool separate)
{
	char *bytes = malloc(body + 1);
	const char *framing = chunked ? "Transfer-Encoding: chunked" : print("Content-Length: %zu", body);
	char head[512];
	memset(bytes, 'x', body);
	snprintf(head, sizeof head,
	         "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\n"
	         "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\nConnection: keep-alive\r\n%s\r\n\r\n",
	         framing);
	const char *kept = strdup(head);
	add(kept, strlen(kept));
	for (size_t i = 0, at = 0; i < parts; i++) {
		size_t n = body * (i + 1) / parts - at;
		if (chunked && separate) {
			const char *line = print("%zx\r\n", n);
			add(line, strlen(line));
			add(bytes, n);
			add("\r\n", 2);
		} else if (chunked) {
			char *chunk = malloc(n + 32);
			int size = sprintf(chunk, "%zx\r\n%.*s\r\n", n, (int)n, bytes);
			add(chunk, (size_t)size);
		} else {
			add(bytes, n);
		}
		at += n;
	}
	if (chunked)
		add("0\r\n\r\n", 5);
}

/* Writes on from `done`; how many bytes are written in all, or -1. */
static ssize_t write_on(int fd, size_t done)
{
	int i = 0;
	size_t skip = done;
	while (i < pieces && skip >= piece[i].iov_len)
		skip -= piece[i++].iov_len;
	if (mode == WRITEV) {
		struct iovec rest[PIECES_MAX];
		memcpy(rest, piece + i, (size_t)(pieces - i) * sizeof *rest);
		rest[0].iov_base = (char *)rest[0].iov_base + skip;
		rest[0].iov_len -= skip;
		ssize_t r = writev(fd, rest, pieces - i);
		return r < 0 ? (errno == EAGAIN ? (ssize_t)done : -1) : (ssize_t)done + r;
	}
	for (; i < pieces; i++, skip = 0) {
		size_t n = piece[i].iov_len - skip;
		const char *p = (char *)piece[i].iov_base + skip;
		ssize_t r = mode == SPLIT ? write(fd, p, n) : send(fd, p, n, i + 1 < pieces ? MSG_MORE : 0);
		if (r < 0 && errno != EAGAIN)
			return -1;
		done += r > 0 ? (size_t)r : 0;
		if (r < (ssize_t)n)
			break;
	}
	return (ssize_t)done;
}

static bool say(int fd, const char *p)
{
	return write(fd, p, strlen(p)) == (ssize_t)strlen(p);
}

#define STAMPED_CHUNK "16\r\n@%020" PRIu64 "\n\r\n"

static bool stream(int fd)
{
	char chunk[64];
	bool good = say(fd, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n");
	for (int i = 0; good && i < stream_chunks; i++) {
		nanosleep(&(struct timespec){ .tv_nsec = STREAM_GAP_NS }, NULL);
		sprintf(chunk, STAMPED_CHUNK, now_ns(WALL));
		good = say(fd, chunk);
	}
	return good && say(fd, "0\r\n\r\n");
}

static bool withhold(int fd)
{
	char head[128], chunk[64];
	sprintf(head, "HTTP/1.1 200 OK\r\n%s\r\nX-Written: @%020" PRIu64 "\n\r\n",
	        begun ? "Transfer-Encoding: chunked" : "Content-Length: 200", now_ns(WALL));
	if (!say(fd, head))
		return false;
	if (!begun)
		return true;
	sprintf(chunk, STAMPED_CHUNK, now_ns(WALL));
	return say(fd, chunk);
}

static void wait_for(int fd, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.fd = fd };
	epoll_ctl(epoll, EPOLL_CTL_MOD, fd, &e);
}

/* False: the connection is over. */
static bool serve(int fd)
{
	if (written[fd] == 0) {
		char request[4096];
		ssize_t r = recv(fd, request, sizeof request, 0);
		if (r < 4)
			return r < 0 && errno == EAGAIN;
		if (memcmp(request + r - 4, "\r\n\r\n", 4) != 0)
			errx(1, "a request in pieces, or none: nothing that a load generator sends");
	}
	if (stream_chunks > 0)
		return stream(fd);
	if (withheld)
		return withhold(fd);
	size_t before = written[fd];
	ssize_t done = write_on(fd, before);
	if (done < 0)
		return false;
	written[fd] = (size_t)done == response_size ? 0 : (size_t)done;
	if (before == 0 && written[fd] > 0)
		wait_for(fd, EPOLLOUT);
	else if (before > 0 && written[fd] == 0)
		wait_for(fd, EPOLLIN);
	return true;
}

int main(int argc, char **argv)
{
	size_t body = 200, parts = 1;
	bool chunked = false, separate = false;
	struct rlimit limit;
	uint16_t port = 0;
	int option, listener;

	while ((option = getopt(argc, argv, "m:b:p:csdt:w")) != -1) {
		switch (option) {
		case 'm':
			mode = strcmp(optarg, "writev") == 0 ? WRITEV : strcmp(optarg, "more") == 0 ? MORE : SPLIT;
			break;
		case 'b': body = (size_t)number("-b", optarg, 0, INT_MAX); break;
		case 'p': parts = (size_t)number("-p", optarg, 1, PIECES_MAX); break;
		case 'c': chunked = true; break;
		case 's': chunked = separate = true; break;
		case 'd': nodelay = true; break;
		case 't': stream_chunks = (int)number("-t", optarg, 1, INT_MAX); break;
		case 'w': withheld = true; break;
		default: errx(2, "see the source for usage");
		}
	}
	signal(SIGPIPE, SIG_IGN);
	begun = withheld && chunked;
	compose(body, parts, chunked, separate);
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
	written = calloc(limit.rlim_max, sizeof *written);
	/* A network name space has addresses of its own. */
	listener = server_listen(getenv("BENCH_ADDRESS") ? INADDR_ANY : INADDR_LOOPBACK, &port, 0, SOCK_NONBLOCK);
	epoll = epoll_create1(0);
	struct epoll_event e = { .events = EPOLLIN, .data.fd = listener };
	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
	printf("port %d\n", port);
	fflush(stdout);

	for (;;) {
		struct epoll_event events[EVENTS];
		int n = epoll_wait(epoll, events, EVENTS, -1);
		for (int i = 0; i < n; i++) {
			int fd = events[i].data.fd;
			if (fd != listener) {
				if (!serve(fd))
					close(fd);
				continue;
			}
			while ((fd = accept4(listener, NULL, NULL, stream_chunks > 0 ? 0 : SOCK_NONBLOCK)) >= 0) {
				if (nodelay)
					set_nodelay(fd);
				written[fd] = 0;
				e = (struct epoll_event){ .events = EPOLLIN, .data.fd = fd };
				epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
			}
		}
	}
}
