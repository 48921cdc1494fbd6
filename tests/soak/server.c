/* server threads|events: the servers of the soak in C. Prints "listening port=N" and serves until it is ended.
 *
 * Both kinds write the same pieces by the same calls: `threads` one connection each, waiting in its calls, `events`
 * all connections in one edge-triggered epoll loop. Where a connection of `threads` is let go, something else gets its
 * number (let_go.h). */
#include <pthread.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../scripts/probe/heads.h"
#include "../../scripts/probe/measure.h"
#include "../support/server.h"
#include "answer.h"
#include "let_go.h"

static bool events;

enum outcome { GO_ON, WAIT, HANG_UP };

/* --- what is read ----------------------------------------------------------------------------- */

static void forget(struct connection *c, size_t n)
{
	c->have -= n;
	memmove(c->in, c->in + n, c->have);
}

/* Takes as much of a POST's body as has come. */
static void take_body(struct connection *c)
{
	size_t n = c->have < c->body_left ? c->have : (size_t)c->body_left;

	c->wrong = c->wrong || !soak_right(c->in, c->body_at, n);
	c->body_at += n;
	c->body_left -= n;
	forget(c, n);
	if (c->body_left > 0 && c->interims > 0)
		answer_interim(c);
}

/* Answers a POST that is whole. */
static void answer_post(struct connection *c)
{
	c->posting = false;
	answer_begin(c, c->wrong ? CUT_SHORT : IN_TWO, 2, 0, false);
}

static void begin_post(struct connection *c, uint64_t length, uint64_t seed, bool waits)
{
	c->posting = true;
	c->wrong = false;
	c->body_left = length;
	c->body_at = seed;
	if (waits)
		answer_continue(c);
}

static bool take_head(struct connection *c, size_t size)
{
	unsigned shape;
	uint64_t interims = head_number(c->in, size, "Interim");
	unsigned long long length, seed;
	char method[8];
	bool waits = head_field_is(c->in, size, "Expect", "100-continue");

	c->ends = c->ends || head_field_is(c->in, size, "Connection", "close");
	c->interims = interims < INTERIM_MOST ? (unsigned)interims : INTERIM_MOST;
	c->in[size - 1] = '\0';
	if (sscanf(c->in, "%7[A-Z] /%u/%llu/%llu HTTP/1.1", method, &shape, &length, &seed) != 4 || shape >= SHAPES ||
	    length > LARGEST || seed >= SEEDS) {
		warnx("a request that no client of ours sent: %.60s", c->in);
		c->ends = true;
		return false;
	}
	forget(c, size);
	if (strcmp(method, "POST") == 0)
		begin_post(c, length, seed, waits);
	else
		answer_begin(c, (enum shape)shape, length, seed, strcmp(method, "HEAD") == 0);
	return true;
}

/* Takes what is in c->in. False: more is needed. */
static bool take_request(struct connection *c)
{
	size_t size;

	if (c->posting && c->body_left == 0)
		answer_post(c);
	else if (c->posting && c->have == 0)
		return false;
	else if (c->posting)
		take_body(c);
	else if (c->ends || (size = head_size(c->in, c->have)) == 0)
		return false;
	else
		return take_head(c, size);
	return true;
}

/* Goes on if the pause is over. A thread waits until it is; the epoll loop comes back. */
static enum outcome go_on_after_pause(struct connection *c)
{
	uint64_t when = c->resume;

	if (events && now_us() < when)
		return WAIT;
	c->resume = 0;
	if (events)
		return GO_ON;
	if (c->shape == LET_GO) {
		let_go(c->fd, when, c->at);
		c->fd = -1;
		return HANG_UP;
	}
	for (uint64_t now = now_us(); now < when; now = now_us())
		usleep((useconds_t)(when - now));
	return GO_ON;
}

/* Everything that can be done without more from the peer. */
static enum outcome serve(struct connection *c)
{
	for (;;) {
		enum written w = answer_write(c);
		ssize_t n;
		if (w == NO_ROOM)
			return WAIT;
		if (w == BROKEN)
			return HANG_UP;
		if (w == PAUSE) {
			enum outcome o = go_on_after_pause(c);
			if (o != GO_ON)
				return o;
			continue;
		}
		if (take_request(c))
			continue;
		if ((c->ends && !c->posting) || c->have == sizeof c->in)
			return HANG_UP;
		n = recv(c->fd, c->in + c->have, sizeof c->in - c->have, 0);
		if (n < 0 && errno == EAGAIN)
			return WAIT;
		if (n == 0 || (n < 0 && errno != EINTR))
			return HANG_UP;
		c->have += n > 0 ? (size_t)n : 0;
	}
}

/* --- threads ---------------------------------------------------------------------------------- */

static void *serve_one(void *argument)
{
	struct connection *c = argument;

	serve(c);
	if (c->fd >= 0)
		close(c->fd);
	free(c);
	return NULL;
}

/* The next connection's descriptor, or -1. */
static int next_descriptor(int listener, int flags)
{
	int fd = accept4(listener, NULL, NULL, flags | SOCK_CLOEXEC);

	if (fd < 0 && errno != EAGAIN && errno != ECONNABORTED && errno != EINTR)
		err(1, "accept");
	return fd;
}

static struct connection *new_connection(void)
{
	struct connection *c = calloc(1, sizeof *c);

	if (c == NULL)
		err(1, "calloc");
	return c;
}

static void serve_by_threads(int listener)
{
	pthread_attr_t detached;

	pthread_attr_init(&detached);
	pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED);
	for (;;) {
		int fd = next_descriptor(listener, 0);
		struct connection *c;
		pthread_t thread;
		if (fd < 0)
			continue;
		c = new_connection();
		c->fd = fd;
		if ((errno = pthread_create(&thread, &detached, serve_one, c)) != 0)
			err(1, "pthread_create");
	}
}

/* --- events ----------------------------------------------------------------------------------- */

/* Each connection has a place, and epoll is told place and generation, so that an event for a closed one is noticed. */
enum { PLACES = 256 };

SLIST_HEAD(connections, connection);
static struct connections free_places, pausing;
static struct connection *places[PLACES];
static unsigned used_places;

static const uint64_t LISTENER = UINT64_MAX;

static struct connection *take_place(int fd)
{
	struct connection *c = SLIST_FIRST(&free_places);
	unsigned place, generation;

	if (c != NULL)
		SLIST_REMOVE_HEAD(&free_places, link);
	else if (used_places < PLACES) {
		c = places[used_places] = new_connection();
		c->place = used_places++;
	} else
		errx(1, "more connections than the client makes");
	place = c->place;
	generation = c->generation;
	*c = (struct connection){ .fd = fd, .place = place, .generation = generation };
	return c;
}

static void leave_place(struct connection *c)
{
	close(c->fd);
	c->fd = -1;
	c->generation++;
	SLIST_INSERT_HEAD(&free_places, c, link);
}

/* The connection that an event is for; NULL: it is closed. */
static struct connection *who(uint64_t place)
{
	struct connection *c = places[place >> 32];

	if (c->fd >= 0 && c->generation == (uint32_t)place)
		return c;
	warnx("an event for a connection that was closed before");
	return NULL;
}

static void go_on(struct connection *c)
{
	if (serve(c) == HANG_UP)
		leave_place(c);
	else if (c->resume != 0)
		SLIST_INSERT_HEAD(&pausing, c, link);
}

static void end_pauses(void)
{
	struct connections ended = pausing;
	struct connection *c;

	SLIST_INIT(&pausing);
	while ((c = SLIST_FIRST(&ended)) != NULL) {
		SLIST_REMOVE_HEAD(&ended, link);
		go_on(c); /* pauses again if it is too early */
	}
}

static void accept_all(int listener, int epoll)
{
	int fd;

	while ((fd = next_descriptor(listener, SOCK_NONBLOCK)) >= 0) {
		struct connection *c = take_place(fd);
		struct epoll_event e = { .events = EPOLLIN | EPOLLOUT | EPOLLRDHUP | EPOLLET,
			                 .data.u64 = (uint64_t)c->place << 32 | c->generation };
		epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &e);
		go_on(c);
	}
}

static void serve_by_events(int listener)
{
	struct epoll_event e = { .events = EPOLLIN, .data.u64 = LISTENER }, ready[64];
	int epoll = epoll_create1(EPOLL_CLOEXEC);

	epoll_ctl(epoll, EPOLL_CTL_ADD, listener, &e);
	for (;;) {
		int n = epoll_wait(epoll, ready, 64, SLIST_EMPTY(&pausing) ? -1 : 1);
		for (int i = 0; i < n; i++) {
			struct connection *c;
			if (ready[i].data.u64 == LISTENER)
				accept_all(listener, epoll);
			/* a pause ends by end_pauses() */
			else if ((c = who(ready[i].data.u64)) != NULL && c->resume == 0)
				go_on(c);
		}
		end_pauses();
	}
}

int main(int argc, char **argv)
{
	static char bytes[SEEDS + LARGEST];
	uint16_t port = 0;
	int listener;

	if (argc != 2)
		errx(2, "usage: server threads|events");
	events = strcmp(argv[1], "events") == 0;
	signal(SIGPIPE, SIG_IGN);
	soak_fill(bytes, 0, sizeof bytes);
	answer_file = memfd_create("body", MFD_CLOEXEC);
	if (write(answer_file, bytes, sizeof bytes) != (ssize_t)sizeof bytes)
		err(1, "memfd");
	listener = server_listen(INADDR_LOOPBACK, &port, 0, events ? SOCK_NONBLOCK : 0);
	printf("listening port=%d\n", port);
	fflush(stdout);
	if (events)
		serve_by_events(listener);
	serve_by_threads(listener);
}
