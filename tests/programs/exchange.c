/* exchange [options] HOST PORT [PATH...]: HTTP/1.1 requests, and what came back, measured.
 *
 * Sequential requests on one kept-alive connection, cycling through the paths; a connection that the server closes
 * is opened again. One line per exchange:
 *
 *   exchange n=1 port=40312 status=200 segments=2 interim=0 head=139 wire=200 body=200 sum=1f2e3d4c
 *            continue_us=0 first_us=152 body_us=41087 last_us=41090
 *
 * (as one line) where port is our own, segments counts TCP segments with data, interim, head and wire are bytes as
 * received (1xx heads; the final head; what follows it), body and sum are of the decoded body, and the times run from
 * just before the request is written to the 100 Continue, the first byte, the first body byte, the last byte.
 * A last line gives the medians. With --connections: only "load requests=N seconds=S requests_per_s=R".
 *
 * A server that falls silent ends the program with 1 and a sentence, after --deadline. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <pthread.h>
#include <stdio.h>
#include <unistd.h>

#include "wire.h"

static struct {
	unsigned count;
	unsigned connections; /* load: this many at once; 0: report each exchange */
	double seconds;
	unsigned deadline_ms; /* for one exchange, connecting included */
	unsigned mss;         /* the largest segment to send us; 0: the interface's */
	bool close;           /* a connection each */
	bool expect;          /* wait for 100 Continue before the body */
	bool pieces;          /* a write for each line of the head, one for the body */
	const char *method;
	const char *fields; /* more head lines, each with its CRLF */
	size_t body_size;
	char *body;
	const char *host;
	const char *port;
	struct addrinfo *address;
	FILE *dump;
} opt = { .count = 10, .deadline_ms = 5000, .fields = "" };

struct connection {
	int fd; /* -1: not connected */
	unsigned port;
	unsigned served; /* exchanges completed on this connection */
	uint64_t started, first;
	const char *path;
	size_t used, have; /* received and taken, received */
	char bytes[1 << 16];
};

struct exchange {
	unsigned status, segments, port;
	size_t interim, head, wire, body;
	uint32_t sum;
	uint64_t continue_us, first_us, body_us, last_us;
};

static void hang_up(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->served = 0;
	c->used = c->have = 0;
}

static bool is_late(const struct connection *c)
{
	return now_us() - c->started > (uint64_t)opt.deadline_ms * 1000;
}

/* A server that is still starting refuses; keep asking until the deadline. */
static void dial(struct connection *c)
{
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);

	for (;;) {
		c->fd = socket(opt.address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fd < 0)
			err(1, "socket");
		set_patience(c->fd, opt.deadline_ms);
		set_mss(c->fd, opt.mss);
		if (connect(c->fd, opt.address->ai_addr, opt.address->ai_addrlen) == 0)
			break;
		if (errno != ECONNREFUSED || is_late(c))
			err(1, "cannot connect to %s port %s", opt.host, opt.port);
		close(c->fd);
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	set_nodelay(c->fd);
	getsockname(c->fd, (struct sockaddr *)&own, &size);
	c->port = ntohs(((struct sockaddr_in *)&own)->sin_port); /* sin6_port lies at the same place */
}

/* False: the peer has closed. */
static bool put(struct connection *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			return false;
		if (sent < 0)
			err(1, "%s: cannot send the request", c->path);
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

/* More bytes behind those not yet taken. False: the peer has closed. */
static bool more(struct connection *c)
{
	ssize_t n;

	if (c->used == c->have)
		c->used = c->have = 0;
	if (c->used > 0) {
		memmove(c->bytes, c->bytes + c->used, c->have - c->used);
		c->have -= c->used;
		c->used = 0;
	}
	if (c->have == sizeof(c->bytes))
		errx(1, "%s: a head or chunk line of more than %zu bytes", c->path, sizeof(c->bytes));
	n = recv(c->fd, c->bytes + c->have, sizeof(c->bytes) - c->have, 0);
	if (n < 0 && errno == ECONNRESET)
		return false;
	if ((n < 0 && errno == EAGAIN) || is_late(c))
		errx(1, "%s: no complete response within %u ms", c->path, opt.deadline_ms);
	if (n < 0)
		err(1, "%s: cannot receive", c->path);
	if (!c->first)
		c->first = now_us();
	if (opt.dump)
		fwrite(c->bytes + c->have, 1, (size_t)n, opt.dump);
	c->have += (size_t)n;
	return n > 0;
}

/* The next head is at c->bytes + c->used when this returns its size. 0: closed before the first byte. */
static size_t take_head(struct connection *c)
{
	size_t size;

	while (!(size = head_size(c->bytes + c->used, c->have - c->used)))
		if (!more(c)) {
			if (c->have == c->used)
				return 0;
			errx(1, "%s: the connection ended inside a head", c->path);
		}
	if (size < 12 || strncmp(c->bytes + c->used, "HTTP/1.", 7))
		errx(1, "%s: the response does not begin with HTTP/1.", c->path);
	return size;
}

#define UNTIL_CLOSE UINT64_MAX

static void take_body(struct connection *c, uint64_t n, struct exchange *x)
{
	bool until_close = n == UNTIL_CLOSE;

	while (n > 0) {
		size_t here = c->have - c->used;

		if (here == 0) {
			if (!more(c)) {
				if (until_close)
					return;
				errx(1, "%s: the connection ended %zu bytes into the body", c->path, x->body);
			}
			continue;
		}
		if (here > n)
			here = (size_t)n;
		if (!x->body_us)
			x->body_us = now_us() - c->started;
		x->sum = sum_more(x->sum, c->bytes + c->used, here);
		x->body += here;
		x->wire += here;
		c->used += here;
		n -= here;
	}
}

/* A line, without its CRLF; it stays where it is until the next call. */
static const char *take_line(struct connection *c, struct exchange *x)
{
	char *line, *end;

	while (!(end = memmem(c->bytes + c->used, c->have - c->used, "\r\n", 2)))
		if (!more(c))
			errx(1, "%s: the connection ended inside a chunk", c->path);
	*end = '\0';
	line = c->bytes + c->used;
	x->wire += (size_t)(end + 2 - line);
	c->used += (size_t)(end + 2 - line);
	return line;
}

static void take_chunks(struct connection *c, struct exchange *x)
{
	for (;;) {
		char *end;
		const char *line = take_line(c, x);
		uint64_t size = strtoull(line, &end, 16);

		if (end == line)
			errx(1, "%s: '%.20s' is no chunk size", c->path, line);
		if (size == 0)
			break;
		take_body(c, size, x);
		if (*take_line(c, x))
			errx(1, "%s: a chunk is longer than it said", c->path);
	}
	while (*take_line(c, x))
		; /* trailers */
}

static size_t write_head(char *out, size_t room, const char *path)
{
	bool to_proxy = !strcmp(opt.method, "CONNECT");
	char length[64] = "";
	int n;

	if (opt.body_size > 0)
		snprintf(length, sizeof(length), "Content-Length: %zu\r\n%s", opt.body_size,
			 opt.expect ? "Expect: 100-continue\r\n" : "");
	n = snprintf(out, room, "%s %s HTTP/1.1\r\nHost: %s:%s\r\n%s%s\r\n", opt.method, path,
		     to_proxy ? path : opt.host, opt.port, length, opt.fields);
	if (n < 0 || (size_t)n >= room)
		errx(1, "%s: the request's head is too long", path);
	return (size_t)n;
}

/* False: the connection was closed before any answer. */
static bool send_request(struct connection *c, struct exchange *x)
{
	char head[16384];
	size_t size = write_head(head, sizeof(head), c->path);

	if (opt.expect) {
		if (!put(c, head, size))
			return false;
		size = take_head(c);
		if (size == 0)
			return false;
		if (strncmp(c->bytes + c->used + 9, "100", 3))
			return true; /* a final answer: no body wanted */
		x->continue_us = now_us() - c->started;
		x->interim += size;
		c->used += size;
		return put(c, opt.body, opt.body_size);
	}
	if (opt.pieces) {
		for (char *line = head; line < head + size;) {
			size_t n = (size_t)(strchr(line, '\n') + 1 - line);

			if (!put(c, line, n))
				return false;
			line += n;
		}
		return put(c, opt.body, opt.body_size);
	}
	if (opt.body_size <= sizeof(head) - size) { /* one write, so that nothing of ours is measured */
		memcpy(head + size, opt.body, opt.body_size);
		return put(c, head, size + opt.body_size);
	}
	return put(c, head, size) && put(c, opt.body, opt.body_size);
}

static unsigned count_segments(const struct connection *c)
{
	return opt.connections > 0 ? 0 : segments_in(c->fd); /* a load has no use for it, and no time */
}

/* False: the server had closed the kept-alive connection; nothing was received. */
static bool try_exchange(struct connection *c, struct exchange *x)
{
	const char *head;
	bool keep;
	unsigned before;
	size_t size;

	*x = (struct exchange){ .sum = SUM_START };
	c->first = 0;
	c->started = now_us();
	if (c->fd < 0)
		dial(c);
	before = count_segments(c);
	c->started = now_us();
	if (!send_request(c, x))
		return false;
	for (;;) { /* past the interim answers */
		size = take_head(c);
		if (size == 0)
			return false;
		head = c->bytes + c->used;
		x->status = (unsigned)atoi(head + 9);
		if (x->status >= 200 || x->status == 101)
			break;
		x->interim += size;
		c->used += size;
	}
	x->head = size;
	keep = !opt.close && !head_field_is(head, size, "Connection", "close") &&
	       (head[7] != '0' || head_field_is(head, size, "Connection", "keep-alive"));
	c->used += size;
	if (x->status == 101 || !strcmp(opt.method, "CONNECT")) {
		keep = false; /* a tunnel from here on */
	} else if (!strcmp(opt.method, "HEAD") || x->status == 204 || x->status == 304) {
		;
	} else if (head_field_is(head, size, "Transfer-Encoding", "chunked")) {
		take_chunks(c, x);
	} else if (head_field(head, size, "Content-Length")) {
		take_body(c, head_length(head, size), x);
	} else {
		keep = false;
		take_body(c, UNTIL_CLOSE, x);
	}
	x->last_us = now_us() - c->started;
	x->first_us = c->first - c->started;
	x->segments = count_segments(c) - before;
	x->port = c->port;
	c->served++;
	if (keep && c->used != c->have)
		errx(1, "%s: %zu bytes came behind the response", c->path, c->have - c->used);
	if (!keep)
		hang_up(c);
	return true;
}

static struct exchange exchange(struct connection *c, const char *path)
{
	struct exchange x;

	c->path = path;
	while (!try_exchange(c, &x)) {
		if (c->served == 0)
			errx(1, "%s: the connection was closed without an answer", path);
		hang_up(c);
	}
	return x;
}

/* --- load ---------------------------------------------------------------------------------------------------- */

static struct {
	uint64_t until;
	char **paths;
	unsigned path_count;
} load;

static void *keep_asking(void *count)
{
	struct connection c = { .fd = -1 };
	uintptr_t done = 0;

	(void)count;
	while (now_us() < load.until)
		exchange(&c, load.paths[done++ % load.path_count]);
	hang_up(&c);
	return (void *)done;
}

static void run_load(void)
{
	pthread_t *threads = calloc(opt.connections, sizeof(*threads));
	uint64_t started = now_us();
	uintptr_t total = 0;
	double took;

	load.until = started + (uint64_t)(opt.seconds * 1e6);
	for (unsigned i = 0; i < opt.connections; i++)
		if ((errno = pthread_create(&threads[i], NULL, keep_asking, NULL)))
			err(1, "cannot start thread %u", i);
	for (unsigned i = 0; i < opt.connections; i++) {
		void *done;

		pthread_join(threads[i], &done);
		total += (uintptr_t)done;
	}
	free(threads);
	took = (double)(now_us() - started) / 1e6;
	printf("load requests=%ju seconds=%.3f requests_per_s=%.1f\n", (uintmax_t)total, took, (double)total / took);
}

/* --- report -------------------------------------------------------------------------------------------------- */

static int ascending(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return (x > y) - (x < y);
}

static uint64_t median(uint64_t *values)
{
	qsort(values, opt.count, sizeof(*values), ascending);
	return values[opt.count / 2];
}

static void run_each(char **paths, unsigned path_count)
{
	struct connection c = { .fd = -1 };
	uint64_t *values[4];
	unsigned connections = 0;

	for (int i = 0; i < 4; i++)
		values[i] = calloc(opt.count, sizeof(**values));
	for (unsigned n = 0; n < opt.count; n++) {
		struct exchange x = exchange(&c, paths[n % path_count]);

		connections += c.served <= 1;
		values[0][n] = x.segments;
		values[1][n] = x.first_us;
		values[2][n] = x.body_us;
		values[3][n] = x.last_us;
		printf("exchange n=%u port=%u status=%u segments=%u interim=%zu head=%zu wire=%zu body=%zu sum=%08x "
		       "continue_us=%ju first_us=%ju body_us=%ju last_us=%ju\n",
		       n + 1, x.port, x.status, x.segments, x.interim, x.head, x.wire, x.body, x.sum,
		       (uintmax_t)x.continue_us, (uintmax_t)x.first_us, (uintmax_t)x.body_us, (uintmax_t)x.last_us);
	}
	hang_up(&c);
	printf("median exchanges=%u connections=%u segments=%ju first_us=%ju body_us=%ju last_us=%ju\n", opt.count,
	       connections, (uintmax_t)median(values[0]), (uintmax_t)median(values[1]), (uintmax_t)median(values[2]),
	       (uintmax_t)median(values[3]));
	for (int i = 0; i < 4; i++)
		free(values[i]);
}

/* --- options ------------------------------------------------------------------------------------------------- */

static const char usage[] =
	"usage: exchange [options] HOST PORT [PATH...]\n"
	"  --count N          this many exchanges (10)\n"
	"  --close            a connection for each\n"
	"  --method METHOD    GET, or POST with a body\n"
	"  --body BYTES       send a body of this size\n"
	"  --field LINE       one more head line (may be repeated)\n"
	"  --expect           Expect: 100-continue, and wait for it before the body\n"
	"  --pieces           a write for each line of the head, one for the body\n"
	"  --dump FILE        every byte received\n"
	"  --deadline MS      give up on an exchange after this long (5000)\n"
	"  --mss BYTES        have the server send segments of at most this size (1460: as on Ethernet)\n"
	"  --connections N    load: this many at once,\n"
	"  --seconds S        for this long; prints requests per second\n";

static void add_field(const char *line)
{
	char *fields;

	if (asprintf(&fields, "%s%s\r\n", opt.fields, line) < 0)
		err(1, "--field");
	opt.fields = fields;
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", 1, NULL, 'n' },	 { "close", 0, NULL, 'c' },   { "method", 1, NULL, 'm' },
		{ "body", 1, NULL, 'b' },	 { "field", 1, NULL, 'f' },   { "expect", 0, NULL, 'e' },
		{ "pieces", 0, NULL, 'p' },	 { "dump", 1, NULL, 'd' },    { "deadline", 1, NULL, 't' },
		{ "connections", 1, NULL, 'C' }, { "seconds", 1, NULL, 's' }, { "mss", 1, NULL, 'M' },
		{ NULL, 0, NULL, 0 },
	};

	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
		switch (o) {
		case 'n': opt.count = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'c': opt.close = true; break;
		case 'm': opt.method = optarg; break;
		case 'b': opt.body_size = strtoul(optarg, NULL, 10); break;
		case 'f': add_field(optarg); break;
		case 'e': opt.expect = true; break;
		case 'p': opt.pieces = true; break;
		case 't': opt.deadline_ms = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'C': opt.connections = (unsigned)strtoul(optarg, NULL, 10); break;
		case 'M': opt.mss = (unsigned)strtoul(optarg, NULL, 10); break;
		case 's': opt.seconds = strtod(optarg, NULL); break;
		case 'd':
			opt.dump = fopen(optarg, "w");
			if (!opt.dump)
				err(1, "%s", optarg);
			break;
		default: fputs(usage, stderr); exit(2);
		}
	if (argc - optind < 2 || opt.count == 0 || (opt.connections > 0) != (opt.seconds > 0)) {
		fputs(usage, stderr);
		exit(2);
	}
	if (!opt.method)
		opt.method = opt.body_size > 0 ? "POST" : "GET";
	opt.body = malloc(opt.body_size + 1);
	for (size_t i = 0; i < opt.body_size; i++)
		opt.body[i] = (char)('a' + i % 26);
}

int main(int argc, char **argv)
{
	static char root[] = "/", *just_root[] = { root };
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	int failure;

	read_options(argc, argv);
	opt.host = argv[optind];
	opt.port = argv[optind + 1];
	failure = getaddrinfo(opt.host, opt.port, &hints, &opt.address);
	if (failure)
		errx(1, "%s port %s: %s", opt.host, opt.port, gai_strerror(failure));
	load.path_count = argc - optind > 2 ? (unsigned)(argc - optind - 2) : 1;
	load.paths = argc - optind > 2 ? argv + optind + 2 : just_root;
	if (opt.connections > 0)
		run_load();
	else
		run_each(load.paths, load.path_count);
	freeaddrinfo(opt.address);
	free(opt.body);
	if (opt.dump && fclose(opt.dump))
		err(1, "the dump was not written");
	return 0;
}
