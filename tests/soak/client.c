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
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <unistd.h>

#include "../../scripts/probe/body.h"
#include "../../scripts/probe/client.h"
#include "../../scripts/probe/heads.h"
#include "../../scripts/probe/measure.h"
#include "../../scripts/probe/sockets.h"
#include "number.h"
#include "soak.h"

enum { CONNECTIONS = 16, TOLD = 10 };

static int patience_ms = 10000; /* SOAK_PATIENCE_S */

static struct sockaddr_in server;
static uint64_t end_us;
static unsigned let_go_percent;
static atomic_ulong messages, bytes, left, wrong;

struct visitor {
	unsigned random;
	struct client http;
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

static unsigned draw(struct visitor *v, unsigned below)
{
	return (unsigned)(((uint64_t)(unsigned)rand_r(&v->random) * below) >> 31);
}

static bool chance(struct visitor *v, unsigned percent)
{
	return draw(v, 100) < percent;
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

static bool dial(struct visitor *v)
{
	int small = 4096, fd = v->http.fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	set_patience(fd, patience_ms);
	if (chance(v, 10))
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	if (chance(v, 50))
		set_nodelay(fd);
	v->http.used = v->http.have = 0;
	if (connect(fd, (struct sockaddr *)&server, sizeof server) == 0)
		return true;
	if (errno != EADDRNOTAVAIL)
		err(1, "connect");
	close(fd);
	usleep(10000); /* all ports wait for their TIME_WAIT to pass */
	return false;
}

static void hang_up(struct visitor *v, bool rudely)
{
	if (rudely)
		set_reset(v->http.fd);
	close(v->http.fd);
}

static enum shape draw_shape(struct visitor *v, bool alone)
{
	enum shape shape;

	if (alone && chance(v, let_go_percent))
		return LET_GO;
	do
		shape = (enum shape)draw(v, SHAPES);
	while (soak_ends(shape) && (!alone || chance(v, 70)));
	return shape;
}

static void draw_request(struct visitor *v, struct request *r, bool alone)
{
	r->shape = draw_shape(v, alone);
	r->method = r->shape == LET_GO ? GET : chance(v, 10) ? HEAD : alone && chance(v, 15) ? POST : GET;
	r->size = 1 + (chance(v, 80) ? draw(v, 2000) : chance(v, 80) ? draw(v, 40000) : draw(v, LARGEST));
	r->seed = draw(v, SEEDS);
	r->interims = chance(v, 85) ? 0 : chance(v, 96) ? 1 + draw(v, 3) : draw(v, INTERIM_MOST + 1);
	r->waits = r->method == POST && chance(v, 40);
	r->closes = alone && chance(v, 4);
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

/* --- from the server -------------------------------------------------------------------------- */

/* More bytes behind those not yet taken: > 0; 0: the connection's end; < 0: an error, patience included. */
static ssize_t more(struct client *c)
{
	ssize_t r = client_more(c);

	if (r > 0)
		atomic_fetch_add(&bytes, (unsigned long)r);
	return r;
}

static const char *end_of(ssize_t r)
{
	return r == 0 ? "the end of the connection" : errno == EAGAIN ? "silence" : strerror(errno);
}

/* A body that is `size` bytes of the endless one, from byte `seed` on. */
static bool take_body(struct client *c, const struct request *r, uint64_t seed, uint64_t size)
{
	bool in_chunks = r->shape == CHUNKED;
	struct body b = { .framing = in_chunks ? BODY_IN_CHUNKS : BODY_OF_LENGTH, .left = in_chunks ? 0 : size };
	uint64_t at = 0;

	while (!body_is_whole(&b)) {
		ssize_t got = 1;
		size_t n;

		if (c->used == c->have && (got = more(c)) <= 0) {
			complain(r, "%s at byte %llu of the body", end_of(got), (unsigned long long)at);
			return false;
		}
		c->used += body_read(&b, c->bytes + c->used, c->have - c->used, &n);
		if (b.fault || !soak_right(c->bytes + c->used, seed + at, n)) {
			complain(r, "wrong bytes behind byte %llu of the body: \"%.20s\" %s", (unsigned long long)at,
			         c->bytes + c->used, b.fault ? b.fault : "");
			return false;
		}
		c->used += n;
		at += n;
	}
	if (at != size || b.has_trailers)
		complain(r, "%llu bytes of body%s", (unsigned long long)at, b.has_trailers ? ", and trailers" : "");
	return at == size && !b.has_trailers;
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
	if (memcmp(c->bytes + c->used, text, n) != 0) {
		complain(r, "\"%.*s\" instead of \"%.*s\" and what follows", (int)n, c->bytes + c->used, line, text);
		return false;
	}
	c->used += n;
	return true;
}

/* The head's last fields are the server's own: those on keeping the connection, each once, and the empty line. */
static bool take_own_fields(struct client *c, const struct request *r)
{
	static const char *const known[] = { "\r\nConnection: close\r\n", "\r\nConnection: keep-alive\r\n",
		                             "\r\nKeep-Alive: timeout=5\r\n" };
	size_t size, right = 4;
	ssize_t got;

	c->used -= 2; /* back to the end of the line before */
	while ((size = head_size(c->bytes + c->used, c->have - c->used)) == 0)
		if ((got = more(c)) <= 0) {
			complain(r, "%s instead of the end of a head", end_of(got));
			return false;
		}
	for (unsigned i = 0; i < 3; i++)
		if (memmem(c->bytes + c->used, size, known[i], strlen(known[i])) != NULL)
			right += strlen(known[i]) - 2;
	if (size != right)
		complain(r, "fields that nobody wrote: \"%.*s\"", (int)size, c->bytes + c->used);
	c->used += size;
	return size == right;
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
		ok = ok && take_body(c, r, expected.seed, soak_sent(r->shape, expected.size));
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
		if (!send_all(c->fd, body + at, part))
			return false;
		usleep(200);
	}
	return send_all(c->fd, body + at, (size_t)r->size - at);
}

/* Two requests go in one write; a POST's head and body in two. */
static bool ask(struct client *c, const struct request *r, int count)
{
	char out[1000];
	size_t n = 0;

	for (int i = 0; i < count; i++)
		n += put_head(out + n, &r[i]);
	if (!send_all(c->fd, out, n))
		return false;
	if (r->waits && !take_exactly(c, r, CONTINUE_HEAD))
		return false;
	return r->method != POST || put_body(c, r);
}

/* --- a client's life -------------------------------------------------------------------------- */

/* Leaves in the middle of something. */
static bool leaves(struct visitor *v, unsigned percent)
{
	if (!chance(v, percent))
		return false;
	if (chance(v, 50)) {
		usleep(draw(v, 6000));
		recv(v->http.fd, v->http.bytes, 1 + draw(v, 3000), MSG_DONTWAIT);
	}
	hang_up(v, chance(v, 50));
	atomic_fetch_add(&left, 1);
	return true;
}

static void visit(struct visitor *v)
{
	struct request r[2];

	for (unsigned n = 1 + draw(v, 20); n > 0; n--) {
		int count = chance(v, 5) ? 2 : 1;
		bool last = false;
		if (leaves(v, 1))
			return;
		for (int i = 0; i < count; i++)
			draw_request(v, &r[i], count == 1);
		if (!ask(&v->http, r, count)) {
			complain(r, "cannot be sent");
			break;
		}
		if (leaves(v, 3))
			return;
		if (chance(v, 3)) {
			shutdown(v->http.fd, SHUT_WR);
			last = true;
		}
		if (chance(v, 5))
			usleep(draw(v, 15000));
		for (int i = 0; i < count; i++)
			if (!take_answer(&v->http, &r[i])) {
				hang_up(v, false);
				return;
			}
		if (last || r->closes || soak_ends(r->shape))
			break;
		if (chance(v, 3))
			usleep(draw(v, 30000));
	}
	hang_up(v, chance(v, 50)); /* resets leave no TIME_WAIT behind */
}

static void *live(void *argument)
{
	struct visitor *v = argument;

	while (now_us() < end_us)
		if (dial(v))
			visit(v);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct visitor visitors[CONNECTIONS];
	pthread_t threads[CONNECTIONS];
	unsigned seed;

	if (argc < 3)
		errx(2, "usage: client PORT SECONDS [PERCENT [SEED]]");
	server = loopback((uint16_t)number("PORT", argv[1], 1, UINT16_MAX));
	if (getenv("SOAK_PATIENCE_S") != NULL)
		patience_ms = number("SOAK_PATIENCE_S", getenv("SOAK_PATIENCE_S"), 1, 3600) * 1000;
	end_us = now_us() + (uint64_t)number("SECONDS", argv[2], 0, INT_MAX) * 1000000;
	let_go_percent = argc > 3 ? (unsigned)number("PERCENT", argv[3], 0, 100) : 3;
	seed = argc > 4 ? (unsigned)number("SEED", argv[4], 0, UINT_MAX) : (unsigned)now_us();
	for (unsigned i = 0; i < CONNECTIONS; i++) {
		visitors[i].random = seed * 1000 + i;
		if ((errno = pthread_create(&threads[i], NULL, live, &visitors[i])) != 0)
			err(1, "pthread_create");
	}
	for (unsigned i = 0; i < CONNECTIONS; i++)
		pthread_join(threads[i], NULL);
	printf("soak messages=%lu bytes=%lu left=%lu wrong=%lu\n", messages, bytes, left, wrong);
	return wrong != 0 || messages == 0;
}
