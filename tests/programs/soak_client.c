/* soak_client PORT SECONDS [SEED]: loads soak_server and checks every byte that it answers.
 *
 * Sixteen connections at a time, each a random course: GET, HEAD and POST, one after the other or two in one write,
 * answers of all shapes and sizes, read at once or slowly; and clients that leave, politely or not, before, within or
 * after an answer. Prints
 *
 *   soak messages=81234 bytes=1903321443 left=2210 wrong=0
 *
 * and ends with 1 if a byte was wrong, an answer was cut short that should not have been, or nothing came for ten
 * seconds. */
#include <err.h>
#include <errno.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/uio.h>
#include <unistd.h>

#include "soak.h"

enum { CONNECTIONS = 16, PATIENCE_MS = 10000, TOLD = 10 };

static struct sockaddr_in server = { .sin_family = AF_INET };
static uint64_t end_us;
static atomic_ulong messages, bytes, left, wrong;

struct client {
	unsigned random;
	int fd;
	size_t used, have;
	char in[1 << 16];
};

struct request {
	enum { GET, HEAD, POST } method;
	enum shape shape;
	uint64_t size, seed;
};

static const char *const method_names[] = { "GET", "HEAD", "POST" };

static unsigned draw(struct client *c, unsigned below)
{
	return (unsigned)(((uint64_t)(unsigned)rand_r(&c->random) * below) >> 31);
}

static bool chance(struct client *c, unsigned percent)
{
	return draw(c, 100) < percent;
}

static void __attribute__((format(printf, 2, 3))) complain(const struct request *r, const char *format, ...)
{
	char line[200];
	va_list args;

	if (atomic_fetch_add(&wrong, 1) >= TOLD)
		return;
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	fprintf(stderr, "soak_client: %s /%d/%llu/%llu: %s\n", method_names[r->method], (int)r->shape,
		(unsigned long long)r->size, (unsigned long long)r->seed, line);
}

/* --- to the server ------------------------------------------------------------------------------------------- */

static bool dial(struct client *c)
{
	int small = 4096;

	c->used = c->have = 0;
	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	set_patience(c->fd, PATIENCE_MS);
	if (chance(c, 10))
		setsockopt(c->fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	if (chance(c, 50))
		set_nodelay(c->fd);
	if (connect(c->fd, (struct sockaddr *)&server, sizeof server) == 0)
		return true;
	if (errno != EADDRNOTAVAIL)
		err(1, "connect");
	close(c->fd); /* all ports wait for their TIME_WAIT to pass */
	usleep(10000);
	return false;
}

static void hang_up(struct client *c, bool rudely)
{
	struct linger reset = { 1, 0 };

	if (rudely)
		setsockopt(c->fd, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(c->fd);
}

static void draw_request(struct client *c, struct request *r, bool alone)
{
	r->method = chance(c, 10) ? HEAD : alone && chance(c, 15) ? POST : GET;
	do
		r->shape = (enum shape)draw(c, SHAPES);
	while ((r->shape == TO_CLOSE || r->shape == CUT_SHORT) && (!alone || chance(c, 70)));
	r->size = chance(c, 80) ? draw(c, 2000) : chance(c, 80) ? draw(c, 40000) : draw(c, LARGEST);
	r->seed = draw(c, SEEDS);
}

static size_t put_head(char *p, const struct request *r)
{
	return (size_t)sprintf(p, "%s /%d/%llu/%llu HTTP/1.1\r\nHost: soak\r\n", method_names[r->method], (int)r->shape,
		(unsigned long long)r->size, (unsigned long long)r->seed);
}

static bool put(struct client *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = send(c->fd, p, n, MSG_NOSIGNAL);
		if (r < 0 && errno != EINTR)
			return false;
		p += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
	return true;
}

/* Two requests go in one write; a POST's head and body in two. */
static bool ask(struct client *c, const struct request *r, int count)
{
	static _Thread_local char body[LARGEST];
	char out[1000];
	size_t n = 0;

	for (int i = 0; i < count; i++) {
		n += put_head(out + n, &r[i]);
		if (r[i].method == POST)
			n += (size_t)sprintf(out + n, "Content-Length: %llu\r\n", (unsigned long long)r[i].size);
		n += (size_t)sprintf(out + n, "\r\n");
	}
	if (!put(c, out, n))
		return false;
	if (r->method != POST)
		return true;
	soak_fill(body, r->seed, (size_t)r->size);
	return put(c, body, (size_t)r->size);
}

/* --- from the server ----------------------------------------------------------------------------------------- */

/* More bytes behind those not yet taken: > 0; 0: the connection's end; < 0: an error, patience included. */
static ssize_t more(struct client *c)
{
	ssize_t r;

	if (c->used > 0) {
		memmove(c->in, c->in + c->used, c->have - c->used);
		c->have -= c->used;
		c->used = 0;
	}
	do
		r = recv(c->fd, c->in + c->have, sizeof c->in - c->have, 0);
	while (r < 0 && errno == EINTR);
	if (r > 0) {
		c->have += (size_t)r;
		atomic_fetch_add(&bytes, (unsigned long)r);
	}
	return r;
}

static const char *end_of(ssize_t r)
{
	return r == 0 ? "the end of the connection" : errno == EAGAIN ? "silence" : strerror(errno);
}

/* n bytes of the body, the first of them its `at`th. */
static bool take_data(struct client *c, const struct request *r, uint64_t at, uint64_t n)
{
	while (n > 0) {
		size_t here = c->have - c->used < n ? c->have - c->used : (size_t)n;
		ssize_t got = 1;
		if (here == 0 && (got = more(c)) <= 0) {
			complain(r, "%s at byte %llu of the body", end_of(got), (unsigned long long)at);
			return false;
		}
		if (!soak_right(c->in + c->used, r->seed + at, here)) {
			complain(r, "wrong bytes behind byte %llu of the body: \"%.20s\"", (unsigned long long)at,
				c->in + c->used);
			return false;
		}
		c->used += here;
		at += here;
		n -= here;
	}
	return true;
}

/* A line of the chunked coding, without its end, in c->in at *line. */
static bool take_line(struct client *c, const struct request *r, const char **line)
{
	char *end;
	ssize_t got;

	while ((end = memmem(c->in + c->used, c->have - c->used, "\r\n", 2)) == NULL)
		if (c->have - c->used > 40 || (got = more(c)) <= 0) {
			complain(r, "no end of a chunk's line: \"%.20s\"", c->in + c->used);
			return false;
		}
	*end = '\0';
	*line = c->in + c->used;
	c->used = (size_t)(end + 2 - c->in);
	return true;
}

static bool take_chunks(struct client *c, const struct request *r)
{
	const char *line;
	uint64_t at = 0, n;

	do {
		if (!take_line(c, r, &line))
			return false;
		n = strtoull(line, NULL, 16);
		if (!take_data(c, r, at, n) || !take_line(c, r, &line))
			return false;
		if (*line != '\0') {
			complain(r, "a chunk of %llu ends in \"%.20s\"", (unsigned long long)n, line);
			return false;
		}
		at += n;
	} while (n > 0);
	if (at != r->size)
		complain(r, "%llu bytes of body", (unsigned long long)at);
	return at == r->size;
}

static bool take_end(struct client *c, const struct request *r)
{
	ssize_t got = c->have > c->used ? 1 : more(c);

	if (got != 0)
		complain(r, "%s instead of the connection's end", got > 0 ? "more bytes" : end_of(got));
	return got == 0;
}

static bool take_answer(struct client *c, const struct request *r)
{
	bool to_end = r->method != POST && (r->shape == TO_CLOSE || r->shape == CUT_SHORT), ok;
	uint64_t body = r->method == HEAD ? 0 : r->method == POST ? 2 : r->shape == CUT_SHORT ? r->size / 2 : r->size;
	struct request expected = *r;
	size_t size;
	ssize_t got;

	while ((size = head_size(c->in + c->used, c->have - c->used)) == 0)
		if ((got = more(c)) <= 0) {
			complain(r, "%s instead of a head", end_of(got));
			return false;
		}
	if (strncmp(c->in + c->used, "HTTP/1.1 200 OK\r\n", 17) != 0 || (r->method != POST &&
		atoi(head_field(c->in + c->used, size, "X-Shape")) != (int)r->shape)) {
		complain(r, "another head: \"%.40s\"", c->in + c->used);
		return false;
	}
	c->used += size;
	if (r->method == POST)
		expected.seed = 0;
	ok = r->shape == CHUNKED && r->method == GET ? take_chunks(c, r) : take_data(c, &expected, 0, body);
	if (ok)
		atomic_fetch_add(&messages, 1);
	return ok && (!to_end || take_end(c, r));
}

/* --- a client's life ----------------------------------------------------------------------------------------- */

/* Leaves in the middle of something. */
static bool leaves(struct client *c, unsigned percent)
{
	if (!chance(c, percent))
		return false;
	if (chance(c, 50)) {
		usleep(draw(c, 6000));
		recv(c->fd, c->in, 1 + draw(c, 3000), MSG_DONTWAIT);
	}
	hang_up(c, chance(c, 50));
	atomic_fetch_add(&left, 1);
	return true;
}

static void visit(struct client *c)
{
	struct request r[2];

	for (unsigned n = 1 + draw(c, 20); n > 0; n--) {
		int count = chance(c, 5) ? 2 : 1;
		bool last = false;
		if (leaves(c, 1))
			return;
		for (int i = 0; i < count; i++)
			draw_request(c, &r[i], count == 1);
		if (!ask(c, r, count)) {
			complain(r, "cannot be sent: %s", strerror(errno));
			break;
		}
		if (leaves(c, 3))
			return;
		if (chance(c, 3)) {
			shutdown(c->fd, SHUT_WR);
			last = true;
		}
		if (chance(c, 5))
			usleep(draw(c, 15000));
		for (int i = 0; i < count; i++)
			if (!take_answer(c, &r[i])) {
				hang_up(c, false);
				return;
			}
		if (last || (r->method != POST && (r->shape == TO_CLOSE || r->shape == CUT_SHORT)))
			break;
		if (chance(c, 3))
			usleep(draw(c, 30000));
	}
	hang_up(c, chance(c, 50)); /* resets leave no TIME_WAIT behind */
}

static void *live(void *argument)
{
	struct client *c = argument;

	while (now_us() < end_us)
		if (dial(c))
			visit(c);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct client clients[CONNECTIONS];
	pthread_t threads[CONNECTIONS];
	unsigned seed;

	if (argc < 3)
		errx(2, "usage: soak_client PORT SECONDS [SEED]");
	seed = argc > 3 ? (unsigned)atoi(argv[3]) : (unsigned)now_us();
	server.sin_port = htons((uint16_t)atoi(argv[1]));
	server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	end_us = now_us() + (uint64_t)atoi(argv[2]) * 1000000;
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		clients[i].random = seed * 1000 + i;
		if ((errno = pthread_create(&threads[i], NULL, live, &clients[i])) != 0)
			err(1, "pthread_create");
	}
	for (unsigned i = 0; i < CONNECTIONS; i++)
		pthread_join(threads[i], NULL);
	printf("soak messages=%lu bytes=%lu left=%lu wrong=%lu\n", messages, bytes, left, wrong);
	return wrong != 0 || messages == 0;
}
