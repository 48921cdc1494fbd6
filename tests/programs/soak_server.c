/* soak_server threads|events: the server of tests/soak. Prints "listening port=N" and serves until it is ended.
 *
 * Both kinds write the same pieces by the same calls: `threads` one connection each, waiting in its calls, `events` all
 * connections in one edge-triggered epoll loop. */
#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <unistd.h>

#include "soak.h"

enum { ROOM = 1 << 15, PAUSE_US = 4000 };

enum stage { HEAD_LINE, HEAD_REST, DATA, CHUNK_DATA, CHUNK_LINE_END, LAST_CHUNK, DONE };

struct connection {
	int fd;
	struct connection *next; /* of those that pause */
	uint64_t resume;         /* us; 0: no pause */
	/* the request */
	size_t have;
	char in[ROOM];
	uint64_t body_left, body_at; /* of a POST */
	bool wrong;
	/* the answer */
	bool answering, no_body, ends; /* `ends`: with the connection */
	enum shape shape;
	enum stage stage;
	uint64_t left, at;       /* of its body */
	size_t chunk;
	/* the piece that is being written */
	size_t head, n, done;    /* n bytes, the first `head` of them the head */
	char out[2 * ROOM];
};

static bool events;
static int file; /* the endless body, as far as anybody asks */

/* --- what is written, piece by piece ------------------------------------------------------------------------- */

static void begin_answer(struct connection *c, enum shape shape, uint64_t size, uint64_t seed, bool no_body)
{
	c->answering = true;
	c->shape = shape;
	c->stage = HEAD_LINE;
	c->left = shape == CUT_SHORT ? size / 2 : size;
	c->at = seed;
	c->ends = shape == TO_CLOSE || shape == CUT_SHORT;
	c->no_body = no_body;
	c->n = c->done = 0;
	c->head = (size_t)snprintf(c->out, ROOM, "HTTP/1.1 200 OK\r\nServer: soak\r\nX-Shape: %d\r\n", (int)shape);
	if (shape == CHUNKED)
		c->head += (size_t)sprintf(c->out + c->head, "Transfer-Encoding: chunked\r\n\r\n");
	else if (shape == TO_CLOSE)
		c->head += (size_t)sprintf(c->out + c->head, "Connection: close\r\n\r\n");
	else
		c->head += (size_t)sprintf(c->out + c->head, "Content-Length: %llu\r\n\r\n", (unsigned long long)size);
}

/* The next bytes of the body behind what is in c->out already. */
static void take_data(struct connection *c, size_t most)
{
	size_t n = c->left < most ? (size_t)c->left : most;

	soak_fill(c->out + c->n, c->at, n);
	c->n += n;
	c->at += n;
	c->left -= n;
}

/* Puts the next piece into c->out. False: there is none, the answer is complete. */
static bool next_piece(struct connection *c)
{
	c->done = c->n = 0;
	switch (c->stage) {
	case HEAD_LINE:
		c->n = c->head;
		if (c->shape == IN_LINES)
			c->n = strlen("HTTP/1.1 200 OK\r\n");
		if (c->shape == AT_ONCE && !c->no_body)
			take_data(c, ROOM);
		c->stage = c->shape == IN_LINES ? HEAD_REST : c->no_body ? DONE : DATA;
		if (c->shape == LATE)
			c->resume = now_us() + PAUSE_US / 2 + c->at % PAUSE_US;
		return true;
	case HEAD_REST:
		c->n = c->head - strlen("HTTP/1.1 200 OK\r\n");
		memmove(c->out, c->out + c->head - c->n, c->n);
		c->stage = c->no_body ? DONE : DATA;
		return true;
	case DATA:
		if (c->shape == CHUNKED) {
			c->chunk = c->left < 1 + c->at % 3000 ? (size_t)c->left : 1 + c->at % 3000;
			c->stage = c->left > 0 ? CHUNK_DATA : LAST_CHUNK;
			c->n = (size_t)sprintf(c->out, "%zx\r\n", c->chunk);
			return true;
		}
		if (c->left == 0)
			return false;
		take_data(c, c->shape == IN_LINES ? 1 + c->at % 5000 : ROOM);
		return true;
	case CHUNK_DATA:
		take_data(c, c->chunk);
		c->stage = CHUNK_LINE_END;
		return true;
	case CHUNK_LINE_END:
		memcpy(c->out, "\r\n", 2);
		c->n = 2;
		c->stage = DATA;
		return true;
	case LAST_CHUNK:
		memcpy(c->out, "\r\n", 2);
		c->n = 2;
		c->stage = DONE;
		return true;
	case DONE:
		break;
	}
	return false;
}

static ssize_t write_piece(struct connection *c)
{
	const char *p = c->out + c->done;
	size_t n = c->n - c->done;
	struct iovec iov[2];

	if (c->shape == FROM_FILE && c->stage == DATA && c->n == 0) {
		off_t at = (off_t)c->at;
		ssize_t r = sendfile(c->fd, file, &at, (size_t)c->left);
		if (r > 0) {
			c->at += (uint64_t)r;
			c->left -= (uint64_t)r;
		}
		return r;
	}
	if (c->shape == AT_ONCE && c->done == 0 && n > c->head) {
		iov[0] = (struct iovec){ c->out, c->head };
		iov[1] = (struct iovec){ c->out + c->head, n - c->head };
		return writev(c->fd, iov, 2);
	}
	return c->shape == IN_LINES ? send(c->fd, p, n, MSG_NOSIGNAL) : write(c->fd, p, n);
}

enum outcome { GO_ON, WAIT, HANG_UP };

/* The answer, as far as it can be written now. */
static enum outcome answer(struct connection *c)
{
	while (c->answering) {
		bool by_file = c->shape == FROM_FILE && c->stage == DATA && c->done == c->n;
		ssize_t r;
		if (c->resume != 0) {
			if (!events)
				usleep((useconds_t)PAUSE_US);
			else if (now_us() < c->resume)
				return WAIT;
			c->resume = 0;
		}
		if (by_file)
			c->n = c->done = 0;
		if (by_file ? c->left == 0 : c->done == c->n && !next_piece(c)) {
			c->answering = false;
			break;
		}
		if (c->done == c->n && !by_file)
			continue;
		r = write_piece(c);
		if (r < 0 && errno == EAGAIN)
			return WAIT;
		if (r < 0 && errno != EINTR)
			return HANG_UP;
		if (r > 0 && !by_file)
			c->done += (size_t)r;
	}
	return c->ends && !c->answering ? HANG_UP : GO_ON;
}

/* --- what is read -------------------------------------------------------------------------------------------- */

static void forget(struct connection *c, size_t n)
{
	c->have -= n;
	memmove(c->in, c->in + n, c->have);
}

/* A POST's bytes, as far as they are here. */
static void take_body(struct connection *c)
{
	size_t n = c->have < c->body_left ? c->have : (size_t)c->body_left;

	c->wrong = c->wrong || !soak_right(c->in, c->body_at, n);
	c->body_at += n;
	c->body_left -= n;
	forget(c, n);
	if (c->body_left == 0)
		begin_answer(c, c->wrong ? CUT_SHORT : IN_TWO, 2, 0, false);
}

/* What is in c->in. False: more is needed. */
static bool take_request(struct connection *c)
{
	size_t size;
	unsigned shape;
	unsigned long long length, seed;
	char method[8];

	if (c->body_left > 0) {
		if (c->have == 0)
			return false;
		take_body(c);
		return true;
	}
	if ((size = head_size(c->in, c->have)) == 0)
		return false;
	c->in[size - 1] = '\0';
	if (sscanf(c->in, "%7[A-Z] /%u/%llu/%llu HTTP/1.1", method, &shape, &length, &seed) != 4 || shape >= SHAPES ||
	    length > LARGEST || seed >= SEEDS) {
		warnx("a request that no client of ours sent: %.60s", c->in);
		c->ends = true;
		return false;
	}
	forget(c, size);
	if (strcmp(method, "POST") == 0) {
		c->body_left = length;
		c->body_at = seed;
		c->wrong = false;
		if (length == 0)
			begin_answer(c, IN_TWO, 2, 0, false);
	} else
		begin_answer(c, (enum shape)shape, length, seed, strcmp(method, "HEAD") == 0);
	return true;
}

/* Everything that can be done without more from the peer. */
static enum outcome serve(struct connection *c)
{
	for (;;) {
		enum outcome o = answer(c);
		ssize_t n;
		if (o != GO_ON)
			return o;
		if (take_request(c))
			continue;
		if (c->ends || c->have == sizeof c->in)
			return HANG_UP;
		n = recv(c->fd, c->in + c->have, sizeof c->in - c->have, 0);
		if (n < 0 && errno == EAGAIN)
			return WAIT;
		if (n == 0 || (n < 0 && errno != EINTR))
			return HANG_UP;
		c->have += n > 0 ? (size_t)n : 0;
	}
}

/* --- threads ------------------------------------------------------------------------------------------------- */

static void *serve_one(void *argument)
{
	struct connection *c = argument;

	serve(c);
	close(c->fd);
	free(c);
	return NULL;
}

static struct connection *next_connection(int listener, int flags)
{
	int fd = accept4(listener, NULL, NULL, flags | SOCK_CLOEXEC);
	struct connection *c;

	if (fd < 0) {
		if (errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
			err(1, "accept");
		return NULL;
	}
	if ((c = calloc(1, sizeof *c)) == NULL)
		err(1, "calloc");
	c->fd = fd;
	return c;
}

static void serve_by_threads(int listener)
{
	pthread_attr_t detached;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	for (;;) {
		struct connection *c = next_connection(listener, 0);
		pthread_t thread;
		if (c != NULL && (errno = pthread_create(&thread, &detached, serve_one, c)) != 0)
			err(1, "pthread_create");
	}
}

/* --- events -------------------------------------------------------------------------------------------------- */

static struct connection *pausing;

static void go_on(struct connection *c)
{
	if (serve(c) == HANG_UP) {
		close(c->fd);
		free(c);
	} else if (c->resume != 0) {
		c->next = pausing;
		pausing = c;
	}
}

static void end_pauses(void)
{
	struct connection *c = pausing, *next;

	for (pausing = NULL; c != NULL; c = next) {
		next = c->next;
		go_on(c); /* pauses again if it is too early */
	}
}

static void serve_by_events(int listener)
{
	struct epoll_event e = { .events = EPOLLIN }, ready[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		int n = epoll_wait(epoll, ready, 64, pausing != NULL ? 1 : -1);
		for (int i = 0; i < n; i++) {
			struct connection *c = ready[i].data.ptr;
			if (c != NULL) {
				if (c->resume == 0) /* else its pause looks after it */
					go_on(c);
				continue;
			}
			while ((c = next_connection(listener, SOCK_NONBLOCK)) != NULL) {
				e = (struct epoll_event){ .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
					.data.ptr = c };
				epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &e);
				go_on(c);
			}
		}
		end_pauses();
	}
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	static char bytes[SEEDS + LARGEST];
	int listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 2)
		errx(2, "usage: soak_server threads|events");
	events = strcmp(argv[1], "events") == 0;
	signal(SIGPIPE, SIG_IGN);
	soak_fill(bytes, 0, sizeof bytes);
	file = memfd_create("body", MFD_CLOEXEC);
	if (write(file, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
		err(1, "memfd");
	if (bind(listener, (struct sockaddr *)&at, size) < 0 || listen(listener, 128) < 0)
		err(1, "listen");
	getsockname(listener, (struct sockaddr *)&at, &size);
	printf("listening port=%d\n", ntohs(at.sin_port));
	fflush(stdout);
	if (events) {
		fcntl(listener, F_SETFL, O_NONBLOCK);
		serve_by_events(listener);
	}
	serve_by_threads(listener);
}
