/* client PORT SECONDS [PERCENT [SEED]]: loads a server of the soak and checks every byte that it answers.
 *
 * Sixteen connections at a time, each a random course: GET, HEAD and POST, one after the other or two in one write,
 * with interim responses or without, kept alive or not, answers of all shapes and sizes (PERCENT of them LET_GO),
 * read at once or slowly; and clients that leave, politely or not, before, within or after an answer. Prints
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
static unsigned let_go_percent;
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
	unsigned interims;
	bool waits;  /* its body for "100 Continue" */
	bool closes; /* the connection is not to be kept */
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
	fprintf(stderr, "soak client: %s /%d/%llu/%llu: %s\n", method_names[r->method], (int)r->shape,
	        (unsigned long long)r->size, (unsigned long long)r->seed, line);
}

/* --- to the server ---------------------------------------------------------------------------- */

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

static enum shape draw_shape(struct client *c, bool alone)
{
	enum shape shape;

	if (alone && chance(c, let_go_percent))
		return LET_GO;
	do
		shape = (enum shape)draw(c, SHAPES);
	while (soak_ends(shape) && (!alone || chance(c, 70)));
	return shape;
}

static void draw_request(struct client *c, struct request *r, bool alone)
{
	r->shape = draw_shape(c, alone);
	r->method = r->shape == LET_GO ? GET : chance(c, 10) ? HEAD : alone && chance(c, 15) ? POST : GET;
	r->size = 1 + (chance(c, 80) ? draw(c, 2000) : chance(c, 80) ? draw(c, 40000) : draw(c, LARGEST));
	r->seed = draw(c, SEEDS);
	r->interims = chance(c, 85) ? 0 : chance(c, 96) ? 1 + draw(c, 3) : draw(c, INTERIM_MOST + 1);
	r->waits = r->method == POST && chance(c, 40);
	r->closes = alone && chance(c, 4);
	if (r->method == POST)
		r->shape = IN_TWO;
}

static size_t put_head(char *p, const struct request *r)
{
	int n = sprintf(p, "%s /%d/%llu/%llu HTTP/1.1\r\nHost: soak\r\n", method_names[r->method], (int)r->shape,
	                (unsigned long long)r->size, (unsigned long long)r->seed);

	if (r->interims > 0)
		n += sprintf(p + n, "Interim: %u\r\n", r->interims);
	if (r->closes)
		n += sprintf(p + n, "Connection: close\r\n");
	if (r->waits)
		n += sprintf(p + n, "Expect: 100-continue\r\n");
	if (r->method == POST)
		n += sprintf(p + n, "Content-Length: %llu\r\n", (unsigned long long)r->size);
	return (size_t)(n + sprintf(p + n, "\r\n"));
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

/* --- from the server -------------------------------------------------------------------------- */

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
			complain(r, "no end of a line: \"%.20s\"", c->in + c->used);
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

/* These bytes and no others. Complaints show the first line of them. */
static bool take_exactly(struct client *c, const struct request *r, const char *text)
{
	size_t n = strlen(text);
	int line = (int)strcspn(text, "\r");
	ssize_t got;

	while (c->have - c->used < n)
		if ((got = more(c)) <= 0) {
			complain(r, "%s instead of \"%.*s\"", end_of(got), line, text);
			return false;
		}
	if (memcmp(c->in + c->used, text, n) != 0) {
		complain(r, "\"%.*s\" instead of \"%.*s\" and what follows", (int)n, c->in + c->used, line, text);
		return false;
	}
	c->used += n;
	return true;
}

/* The head's last fields are the server's own: those on keeping the connection, each once, and the empty line. */
static bool take_own_fields(struct client *c, const struct request *r)
{
	static const char *const known[] = { "Connection: close", "Connection: keep-alive", "Keep-Alive: timeout=5" };
	unsigned seen = 0, i;
	const char *line;

	while (take_line(c, r, &line)) {
		if (*line == '\0')
			return true;
		for (i = 0; i < 3 && (strcmp(line, known[i]) != 0 || seen & 1u << i); i++)
			;
		if (i == 3) {
			complain(r, "a field that nobody wrote: \"%.40s\"", line);
			return false;
		}
		seen |= 1u << i;
	}
	return false;
}

static bool take_answer(struct client *c, const struct request *r)
{
	struct request expected = *r;
	char head[HEAD_ROOM];
	bool ok = true;

	if (r->method == POST) {
		expected.size = 2;
		expected.seed = 0;
	}
	for (unsigned n = r->interims; ok && n > 0; n--)
		ok = take_exactly(c, r, soak_interim(n));
	head[soak_head(head, expected.shape, expected.size)] = '\0';
	ok = ok && take_exactly(c, r, head) && take_own_fields(c, r);
	if (r->method != HEAD)
		ok = ok && (r->shape == CHUNKED ? take_chunks(c, r)
		                                : take_data(c, &expected, 0, soak_sent(r->shape, expected.size)));
	if (ok)
		atomic_fetch_add(&messages, 1);
	return ok && ((!soak_ends(r->shape) && !r->closes) || take_end(c, r));
}

/* --- a message -------------------------------------------------------------------------------- */

/* A POST's body, in one write; where interim responses are to come between, in more parts than there are of them. */
static bool put_body(struct client *c, const struct request *r)
{
	static _Thread_local char body[LARGEST];
	size_t part = r->interims > 0 ? (size_t)r->size / (r->interims + 1) + 1 : (size_t)r->size, at = 0;

	soak_fill(body, r->seed, (size_t)r->size);
	for (; at + part < r->size; at += part) {
		if (!put(c, body + at, part))
			return false;
		usleep(200);
	}
	return put(c, body + at, (size_t)r->size - at);
}

/* Two requests go in one write; a POST's head and body in two. */
static bool ask(struct client *c, const struct request *r, int count)
{
	char out[1000];
	size_t n = 0;

	for (int i = 0; i < count; i++)
		n += put_head(out + n, &r[i]);
	if (!put(c, out, n))
		return false;
	if (r->waits && !take_exactly(c, r, CONTINUE_HEAD))
		return false;
	return r->method != POST || put_body(c, r);
}

/* --- a client's life -------------------------------------------------------------------------- */

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
			complain(r, "cannot be sent");
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
		if (last || r->closes || soak_ends(r->shape))
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
		errx(2, "usage: client PORT SECONDS [PERCENT [SEED]]");
	let_go_percent = argc > 3 ? (unsigned)atoi(argv[3]) : 3;
	seed = argc > 4 ? (unsigned)atoi(argv[4]) : (unsigned)now_us();
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
