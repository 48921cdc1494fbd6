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
#include <err.h>
#include <errno.h>
#include <getopt.h>
#include <netdb.h>
#include <pthread.h>

#include "client/client.h"

struct options opt = { .count = 10, .deadline_ms = 5000, .fields = "" };

/* --- load ------------------------------------------------------------------------------------- */

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

/* --- report ----------------------------------------------------------------------------------- */

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
