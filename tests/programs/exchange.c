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
#include <getopt.h>
#include <limits.h>
#include <netdb.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "../../scripts/probe/client.h"
#include "../../scripts/probe/measure.h"
#include "../../scripts/probe/sockets.h"
#include "number.h"

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
	struct client client;
	unsigned port;   /* our own */
	unsigned served; /* exchanges completed on this connection */
	const char *path;
};

struct exchange {
	struct response response;
	unsigned segments, port;
	uint64_t continue_us, last_us;
};

/* --- one exchange ----------------------------------------------------------------------------- */

static struct connection not_connected(void)
{
	return (struct connection){ .client = { .fd = -1, .patience_ms = opt.deadline_ms, .dump = opt.dump } };
}

static void hang_up(struct connection *c)
{
	if (c->client.fd >= 0)
		close(c->client.fd);
	c->client.fd = -1;
	c->client.used = c->client.have = 0;
	c->served = 0;
}

/* A server that is still starting refuses; it is asked again until the deadline. */
static void dial(struct connection *c)
{
	uint64_t started = now_us();
	struct sockaddr_storage own = { 0 };
	socklen_t size = sizeof(own);

	for (;;) {
		int fd = c->client.fd = socket(opt.address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);

		if (fd < 0)
			err(1, "socket");
		set_patience(fd, opt.deadline_ms);
		set_mss(fd, opt.mss);
		if (connect(fd, opt.address->ai_addr, opt.address->ai_addrlen) == 0)
			break;
		if (errno != ECONNREFUSED || now_us() - started > (uint64_t)opt.deadline_ms * 1000)
			err(1, "cannot connect to %s port %s", opt.host, opt.port);
		close(fd);
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	set_nodelay(c->client.fd);
	getsockname(c->client.fd, (struct sockaddr *)&own, &size);
	c->port = ntohs(((struct sockaddr_in *)&own)->sin_port); /* sin6_port lies at the same place */
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

/* False: the peer has closed the connection. */
static bool put(struct connection *c, const char *p, size_t n)
{
	if (send_all(c->client.fd, p, n))
		return true;
	if (errno != EPIPE && errno != ECONNRESET)
		err(1, "%s: cannot send the request", c->path);
	return false;
}

/* False: the connection was closed before any answer, or x->response.failure says what went wrong. */
static bool send_request(struct connection *c, struct exchange *x)
{
	struct response *r = &x->response;
	char head[16384];
	size_t size = write_head(head, sizeof(head), c->path);

	if (opt.expect) {
		if (!put(c, head, size) || !client_head(&c->client, r))
			return false;
		if (r->status != 100)
			return true; /* a final answer: no body wanted */
		x->continue_us = now_us() - r->started_us;
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

/* Under load the number is of no use, and to ask for it takes time. */
static unsigned count_segments(const struct connection *c)
{
	return opt.connections > 0 ? 0 : tcp_info_of(c->client.fd).tcpi_data_segs_in;
}

/* False: the server had closed the kept-alive connection; nothing was received. */
static bool try_exchange(struct connection *c, struct exchange *x)
{
	struct response *r = &x->response;
	unsigned before;

	*x = (struct exchange){ .response.wants_sum = opt.connections == 0 };
	if (c->client.fd < 0)
		dial(c);
	before = count_segments(c);
	r->started_us = now_us();
	if (!send_request(c, x) || !client_response(&c->client, opt.method, r)) {
		if (r->failure)
			errx(1, "%s: %s (%zu bytes of body)", c->path, r->failure, r->body);
		return false;
	}
	x->last_us = now_us() - r->started_us;
	x->segments = count_segments(c) - before;
	x->port = c->port;
	c->served++;
	if (opt.close || !r->keeps)
		hang_up(c);
	else if (c->client.used != c->client.have)
		errx(1, "%s: %zu bytes came behind the response", c->path, c->client.have - c->client.used);
	return true;
}

/* One request and its response; on a new connection if the server has closed the old one. */
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

/* --- load ------------------------------------------------------------------------------------- */

static struct {
	uint64_t until;
	char **paths;
	unsigned path_count;
} load;

static void *keep_asking(void *count)
{
	struct connection c = not_connected();
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

/* --- report ----------------------------------------------------------------------------------- */

static void run_each(char **paths, unsigned path_count)
{
	struct connection c = not_connected();
	double *values[4];
	unsigned connections = 0;

	for (int i = 0; i < 4; i++)
		values[i] = calloc(opt.count, sizeof(**values));
	for (unsigned n = 0; n < opt.count; n++) {
		struct exchange x = exchange(&c, paths[n % path_count]);
		const struct response *r = &x.response;

		connections += c.served <= 1;
		values[0][n] = x.segments;
		values[1][n] = (double)r->first_us;
		values[2][n] = (double)r->body_us;
		values[3][n] = (double)x.last_us;
		printf("exchange n=%u port=%u status=%u segments=%u interim=%zu head=%zu wire=%zu body=%zu sum=%08x "
		       "continue_us=%ju first_us=%ju body_us=%ju last_us=%ju\n",
		       n + 1, x.port, r->status, x.segments, r->interim, r->head, r->wire, r->body, r->sum,
		       (uintmax_t)x.continue_us, (uintmax_t)r->first_us, (uintmax_t)r->body_us, (uintmax_t)x.last_us);
	}
	hang_up(&c);
	printf("median exchanges=%u connections=%u", opt.count, connections);
	for (int i = 0; i < 4; i++) {
		static const char *const names[] = { "segments", "first_us", "body_us", "last_us" };

		printf(" %s=%.0f", names[i], quantile(values[i], opt.count, 0.5));
		free(values[i]);
	}
	putchar('\n');
}

/* --- options ---------------------------------------------------------------------------------- */

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
		{ "count", 1, NULL, 'n' },    { "close", 0, NULL, 'c' },
		{ "method", 1, NULL, 'm' },   { "body", 1, NULL, 'b' },
		{ "field", 1, NULL, 'f' },    { "expect", 0, NULL, 'e' },
		{ "pieces", 0, NULL, 'p' },   { "dump", 1, NULL, 'd' },
		{ "deadline", 1, NULL, 't' }, { "connections", 1, NULL, 'C' },
		{ "seconds", 1, NULL, 's' },  { "mss", 1, NULL, 'M' },
		{ NULL, 0, NULL, 0 },
	};

	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
		switch (o) {
		case 'n': opt.count = (unsigned)number("--count", optarg, 1, 1000000000); break;
		case 'c': opt.close = true; break;
		case 'm': opt.method = optarg; break;
		case 'b': opt.body_size = (size_t)number("--body", optarg, 0, 1 << 30); break;
		case 'f': add_field(optarg); break;
		case 'e': opt.expect = true; break;
		case 'p': opt.pieces = true; break;
		case 't': opt.deadline_ms = (unsigned)number("--deadline", optarg, 1, UINT_MAX); break;
		case 'C': opt.connections = (unsigned)number("--connections", optarg, 1, 10000); break;
		case 'M': opt.mss = (unsigned)number("--mss", optarg, 0, 65535); break;
		case 's': opt.seconds = strtod(optarg, NULL); break;
		case 'd':
			opt.dump = fopen(optarg, "w");
			if (!opt.dump)
				err(1, "%s", optarg);
			break;
		default: fputs(usage, stderr); exit(2);
		}
	if (argc - optind < 2 || (opt.connections > 0) != (opt.seconds > 0)) {
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
