/* responder [options]: an HTTP/1.1 server that says how each request arrived.
 *
 * Listens on a free port of 127.0.0.1, serves one connection after the other, each kept alive. Prints
 *
 *   listening port=40312
 *   request n=1 port=51034 status=200 segments=2 reads=2 whole=no interim=0 head=91 wire=200 sum=1f2e3d4c
 *           first_us=180 last_us=41087
 *
 * (as one line) where port is the client's, segments counts TCP segments with data, reads the recv calls it took,
 * whole says whether the first of them had the whole request, interim the bytes of a 100 Continue that we sent, head
 * and wire are bytes as received, sum is of the wire bytes behind the head, and the times run from our last answer (or
 * from accept) to the first and to the last byte of the request. A request of HTTP/1.0, or one with
 * Connection: close, has its answer followed by the end of what we send.
 *
 * --single-read makes it the device that this project is about: it polls its socket without sleeping, as small network
 * stacks do, reads once, and answers 400 unless that read had a whole request. */
#include <arpa/inet.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <sys/resource.h>
#include <unistd.h>

#include "../../scripts/probe/body.h"
#include "../../scripts/probe/heads.h"
#include "../../scripts/probe/measure.h"
#include "../support/server.h"
#include "number.h"

static struct {
	unsigned count;       /* end after so many requests; 0: go on */
	unsigned deadline_ms; /* end, with 1, when nothing came for so long */
	bool expect;
	bool single_read;
	unsigned mss; /* the largest segment to send us; 0: the interface's */
	FILE *dump;
} opt = { .deadline_ms = 10000 };

struct connection {
	int fd;
	unsigned port;     /* the client's */
	unsigned segments; /* that brought the requests so far */
	uint64_t answered;
	size_t have;
	char bytes[4 << 20];
};

struct request {
	unsigned status, segments, reads;
	bool whole;
	size_t interim, head, wire;
	uint64_t first_us, last_us;
};

static const char answer_200[] = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: 13\r\n\r\n"
				 "{\"on\": true}\n";
static const char answer_400[] = "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
				 "Content-Length: 22\r\n\r\n{\"error\": \"cut short\"}";
static const char go_on[] = "HTTP/1.1 100 Continue\r\n\r\n";

/* The size of the request at the front; 0 while incomplete. */
static size_t request_size(const char *p, size_t n)
{
	size_t size = head_size(p, n), data;
	struct body b = body_of_request(p, size);

	while (size > 0 && size < n && !body_is_whole(&b)) {
		size += body_read(&b, p + size, n - size, &data) + data;
		if (b.fault)
			errx(1, "a request's body is wrong at byte %zu: %s", size, b.fault);
	}
	return body_is_whole(&b) ? size : 0;
}

/* One recv behind what is there. False: the client has closed. */
static bool receive(struct connection *c)
{
	uint64_t started = now_us();
	ssize_t n;

	if (c->have == sizeof(c->bytes))
		errx(1, "a request of more than %zu bytes", sizeof(c->bytes));
	do
		n = recv(c->fd, c->bytes + c->have, sizeof(c->bytes) - c->have, opt.single_read ? MSG_DONTWAIT : 0);
	while (n < 0 && errno == EAGAIN && now_us() - started < (uint64_t)opt.deadline_ms * 1000);
	if (n < 0 && errno == EAGAIN)
		errx(1, "no complete request within %u ms: %zu bytes came", opt.deadline_ms, c->have);
	if (n <= 0)
		return false;
	if (opt.dump)
		fwrite(c->bytes + c->have, 1, (size_t)n, opt.dump);
	c->have += (size_t)n;
	return true;
}

static void answer(const struct connection *c, const char *text, size_t size)
{
	if (!send_all(c->fd, text, size))
		warn("cannot answer");
}

/* False: the client has closed. */
static bool serve_request(struct connection *c, struct request *r)
{
	size_t size, head;

	*r = (struct request){ .status = 200 };
	while (!(size = request_size(c->bytes, c->have))) {
		if (r->reads > 0 && opt.single_read && r->status == 200) {
			r->status = 400; /* and swallow the rest */
			answer(c, answer_400, sizeof(answer_400) - 1);
		}
		head = head_size(c->bytes, c->have);
		if (opt.expect && head && !r->interim && head_field_is(c->bytes, head, "Expect", "100-continue")) {
			r->interim = sizeof(go_on) - 1;
			answer(c, go_on, r->interim);
		}
		if (!receive(c)) {
			if (c->have > 0)
				errx(1, "the client closed %zu bytes into a request", c->have);
			return false;
		}
		if (r->reads++ == 0)
			r->first_us = now_us() - c->answered;
	}
	r->last_us = now_us() - c->answered;
	r->whole = r->reads <= 1;
	/* Counted before the answer, which may bring the next request. */
	r->segments = tcp_info_of(c->fd).tcpi_data_segs_in - c->segments;
	c->segments += r->segments;
	r->head = head_size(c->bytes, c->have);
	r->wire = size - r->head;
	if (r->status == 200)
		answer(c, answer_200, sizeof(answer_200) - 1 - (strncmp(c->bytes, "HEAD ", 5) ? 0 : 13));
	if (memmem(c->bytes, r->head, " HTTP/1.0\r\n", 11) || head_field_is(c->bytes, r->head, "Connection", "close"))
		shutdown(c->fd, SHUT_WR);
	c->answered = now_us();
	return true;
}

static void report(struct connection *c, const struct request *r)
{
	static unsigned n;
	size_t size = r->head + r->wire;

	printf("request n=%u port=%u status=%u segments=%u reads=%u whole=%s interim=%zu head=%zu wire=%zu sum=%08x "
	       "first_us=%ju last_us=%ju\n",
	       ++n, c->port, r->status, r->segments, r->reads, r->whole ? "yes" : "no", r->interim, r->head, r->wire,
	       sum_more(SUM_START, c->bytes + r->head, r->wire), (uintmax_t)r->first_us, (uintmax_t)r->last_us);
	memmove(c->bytes, c->bytes + size, c->have - size);
	c->have -= size;
	if (opt.dump)
		fflush(opt.dump);
	if (n == opt.count) {
		close(c->fd);
		exit(0);
	}
}

static void read_options(int argc, char **argv)
{
	static const struct option options[] = {
		{ "count", 1, NULL, 'n' }, { "expect", 0, NULL, 'e' },   { "single-read", 0, NULL, 's' },
		{ "dump", 1, NULL, 'd' },  { "deadline", 1, NULL, 't' }, { "mss", 1, NULL, 'M' },
		{ NULL, 0, NULL, 0 },
	};

	for (int o; (o = getopt_long(argc, argv, "", options, NULL)) != -1;)
		switch (o) {
		case 'n': opt.count = (unsigned)number("--count", optarg, 0, UINT_MAX); break;
		case 'e': opt.expect = true; break;
		case 'M': opt.mss = (unsigned)number("--mss", optarg, 0, 65535); break;
		case 's': opt.single_read = true; break;
		case 't': opt.deadline_ms = (unsigned)number("--deadline", optarg, 1, UINT_MAX); break;
		case 'd':
			opt.dump = fopen(optarg, "w");
			if (!opt.dump)
				err(1, "%s", optarg);
			break;
		default:
			fputs("usage: responder [--count N] [--expect] [--single-read] [--dump FILE] [--deadline MS] "
			      "[--mss BYTES]\n",
			      stderr);
			exit(2);
		}
}

int main(int argc, char **argv)
{
	static struct connection c;
	struct sockaddr_in client = { 0 };
	socklen_t size;
	uint16_t port = 0;
	int listener;

	read_options(argc, argv);
	listener = server_listen(INADDR_LOOPBACK, &port, opt.mss, 0);
	setvbuf(stdout, NULL, _IOLBF, 0);
	set_patience(listener, opt.deadline_ms);
	if (opt.single_read)
		setpriority(PRIO_PROCESS, 0, -20); /* a device has a processor of its own: come close, where allowed */
	printf("listening port=%u\n", port);
	for (;;) {
		struct request r;

		size = sizeof(client);
		c.fd = accept4(listener, (struct sockaddr *)&client, &size, SOCK_CLOEXEC);
		if (c.fd < 0 && errno == EAGAIN)
			errx(1, "no client within %u ms", opt.deadline_ms);
		if (c.fd < 0)
			err(1, "accept");
		c.port = ntohs(client.sin_port);
		c.segments = 0;
		c.have = 0;
		c.answered = now_us();
		set_nodelay(c.fd);
		set_patience(c.fd, opt.deadline_ms);
		while (serve_request(&c, &r))
			report(&c, &r);
		close(c.fd);
	}
}
