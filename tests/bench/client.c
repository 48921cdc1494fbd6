/* What wrk cannot measure: segments, delays of single writes, and crowds.
 *
 *	client [-a ADDRESS] exchange PORT N   N requests, one after the other, on one connection
 * *	client stream PORT                    two streams on one connection, whose chunks say when they were written
 *	                                      -> a line for each but the first, "chunk" and its delay in us until the
 *	                                      kernel received it, and one for the end
 *	client heads PORT N MS [CHUNKS]       N connections, a request on each, evenly over MS milliseconds; so many
 *	                                      chunks (0) come with each head, and all say when they were written
 *	                                      -> delay of each connection's latest piece in us: median, 99th
 *	                                      percentile, longest; how many were held at the same time
 *	client crowd PORT N                   N connections after one exchange each; says "ready", keeps them
 *	client spawn N PRELOAD COMMAND        COMMAND so many times, with and without LD_PRELOAD, in turn
 *	client wrap N WRAPPER COMMAND         the same of WRAPPER COMMAND and COMMAND, in CPU time
 *	                                      -> median of the paired differences, in us; its 95 % interval, and how
 *	                                      many page faults are added to how many: "us low high faults bare" */
#include <arpa/inet.h>
#include <limits.h>
#include <math.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../scripts/probe/client.h"
#include "../../scripts/probe/measure.h"
#include "../../scripts/probe/sockets.h"
#include "number.h"

static const char request[] = "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n";
static const char *address = "127.0.0.1";
static bool crowded; /* many connections come from several addresses, because one alone runs out of ports */
enum { PATIENCE_S = 10, WALL = CLOCK_REALTIME /* of the kernel's receive time stamps */ };

static int call(int port)
{
	struct sockaddr_in to = loopback((uint16_t)port);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;
	inet_pton(AF_INET, address, &to.sin_addr);
	if (crowded) {
		static uint32_t calls;
		struct sockaddr_in from = loopback(0);
		from.sin_addr.s_addr = htonl(INADDR_LOOPBACK + ++calls % 32);
		setsockopt(fd, IPPROTO_IP, IP_BIND_ADDRESS_NO_PORT, &one, sizeof one);
		if (bind(fd, (struct sockaddr *)&from, sizeof from) != 0)
			err(1, "bind");
	}
	if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
		err(1, "connect");
	set_reset(fd); /* with 20,000 ports in TIME_WAIT the next crowd would find none */
	set_patience(fd, PATIENCE_S * 1000);
	return fd;
}

static void ask(int fd)
{
	if (!send_all(fd, request, sizeof request - 1))
		err(1, "send");
}

/* Reads one response; its size. */
static size_t answer(int fd)
{
	static struct client c = { .patience_ms = PATIENCE_S * 1000 };
	struct response r = { .started_us = now_us() };
	c.fd = fd;
	if (!client_response(&c, "GET", &r))
		errx(1, "no answer: %s", r.failure ? r.failure : "the connection ended");
	if (c.used != c.have)
		errx(1, "%zu bytes came behind the answer", c.have - c.used);
	return r.head + r.wire;
}

/* What each packet has in front of its bytes: the headers of IPv4 and of TCP, this one with time stamps. */
enum { HEADERS = 20 + 32 };

static int exchange(int port, int n)
{
	double *micros = calloc((size_t)n, sizeof *micros);
	int fd = call(port);
	size_t bytes = 0;
	ask(fd);
	answer(fd); /* a connection's first answer may find a small congestion window */
	struct tcp_info before = tcp_info_of(fd);
	for (int i = 0; i < n; i++) {
		uint64_t start = now_ns(WALL);
		ask(fd);
		bytes += answer(fd);
		micros[i] = (double)(now_ns(WALL) - start) / 1000;
	}
	struct tcp_info after = tcp_info_of(fd);
	unsigned packets = after.tcpi_segs_in - before.tcpi_segs_in + after.tcpi_segs_out - before.tcpi_segs_out;
	printf("%.4f %.1f %u %.1f %.1f\n", (double)(after.tcpi_data_segs_in - before.tcpi_data_segs_in) / n,
	       (double)bytes / n, after.tcpi_rcv_mss,
	       (double)packets / n * HEADERS + (double)bytes / n + sizeof request - 1,
	       quantile(micros, (size_t)n, 0.5));
	return 0;
}

/* The number behind '@', NULL when there is none. */
static const char *stamp(const char *p, const char *end, uint64_t *t)
{
	p = memchr(p, '@', (size_t)(end - p));
	if (p == NULL || end - p < 22)
		return NULL;
	*t = strtoull(p + 1, NULL, 10);
	return p + 21;
}

/* As recv(); *arrived is when the kernel received the last byte, so that it does not count how busy this program is. */
static ssize_t receive(int fd, char *to, size_t n, int flags, uint64_t *arrived)
{
	char control[256];
	struct iovec iov = { to, n };
	struct msghdr h = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
	};
	ssize_t r = recvmsg(fd, &h, flags);
	*arrived = now_ns(WALL); /* the first that asks for time stamps has to wait for them a moment */
	for (struct cmsghdr *c = CMSG_FIRSTHDR(&h); r > 0 && c != NULL; c = CMSG_NXTHDR(&h, c)) {
		struct timespec t;
		if (c->cmsg_type != SCM_TIMESTAMPNS)
			continue;
		memcpy(&t, CMSG_DATA(c), sizeof t);
		*arrived = (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
	}
	return r;
}

static void one_stream(int fd, const char *which)
{
	static char buf[65536];
	size_t have = 0, n = 0;
	uint64_t written = 0, arrived = 0, asked = now_ns(WALL);
	const char *at = buf;
	ask(fd);
	do {
		bool first = have == 0;
		ssize_t r = receive(fd, buf + have, sizeof buf - have, 0, &arrived);
		if (r <= 0)
			err(1, "the stream ended early");
		have += (size_t)r;
		if (first)
			printf("%s %.0f\n", which, (double)(int64_t)(arrived - asked) / 1000);
		for (const char *p; (p = stamp(at, buf + have, &written)) != NULL; at = p)
			if (n++ > 0)
				printf("chunk %.0f\n", (double)(int64_t)(arrived - written) / 1000);
	} while (have < 7 || memcmp(buf + have - 7, "\r\n0\r\n\r\n", 7) != 0);
	printf("end %.0f\n", (double)(int64_t)(arrived - written) / 1000); /* written right after the last stamp */
}

static int stream(int port)
{
	int fd = call(port), on = 1;
	setsockopt(fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on);
	one_stream(fd, "first");
	one_stream(fd, "second");
	return 0;
}

static void many_files(void)
{
	struct rlimit limit;
	getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_NOFILE, &limit);
}

struct pieces {
	int left;                  /* so many are still to come */
	double delay;              /* us; the longest of them, each from its write until the kernel received it */
	uint64_t written, arrived; /* the last one */
};

/* Receives pieces that say when they were written. Were they the last ones? */
static bool received(int fd, struct pieces *p)
{
	char buf[1024];
	ssize_t r = receive(fd, buf, sizeof buf, MSG_DONTWAIT, &p->arrived);
	for (const char *at = buf; r > 0 && (at = stamp(at, buf + r, &p->written)) != NULL; p->left--) {
		double delay = (double)(int64_t)(p->arrived - p->written) / 1000;
		p->delay = delay > p->delay ? delay : p->delay;
	}
	return r > 0 && p->left == 0;
}

static int heads(int port, int n, int ms, int chunks)
{
	int epoll = epoll_create1(0), one = 1, asked = 0, got = 0, together = 0, *fds = calloc((size_t)n, sizeof *fds);
	double *delays = calloc((size_t)n, sizeof *delays);
	struct pieces *all = calloc((size_t)n, sizeof *all);
	uint64_t last = 0;
	for (int i = 0; i < n; i++) {
		struct epoll_event e = { .events = EPOLLIN, .data.u32 = (uint32_t)i };
		fds[i] = call(port);
		all[i].left = 1 + chunks;
		setsockopt(fds[i], SOL_SOCKET, SO_TIMESTAMPNS, &one, sizeof one);
		epoll_ctl(epoll, EPOLL_CTL_ADD, fds[i], &e);
	}
	nanosleep(&(struct timespec){ .tv_nsec = 200000000 }, NULL); /* until all is accepted */
	uint64_t start = now_ns(WALL);
	while (got < n && now_ns(WALL) - start < PATIENCE_S * 1000000000ull) {
		struct epoll_event events[512];
		while (asked < n && now_ns(WALL) - start >= (uint64_t)asked * (uint64_t)ms * 1000000u / (uint64_t)n)
			ask(fds[asked++]);
		int k = epoll_wait(epoll, events, 512, asked < n ? 0 : 100);
		for (int i = 0; i < k; i++)
			got += received(fds[events[i].data.u32], &all[events[i].data.u32]);
	}
	if (got < n)
		errx(1, "%d of %d heads never came", n - got, n);
	for (int i = 0; i < n; i++) {
		delays[i] = all[i].delay;
		last = all[i].written > last ? all[i].written : last;
	}
	for (int i = 0; i < n; i++)
		together += all[i].arrived >= last; /* still held when the last one was written */
	printf("%.0f %.0f %.0f %d\n", quantile(delays, (size_t)n, 0.5), quantile(delays, (size_t)n, 0.99),
	       quantile(delays, (size_t)n, 1), together);
	return 0;
}

static int crowd(int port, int n)
{
	for (int i = 0; i < n; i++) {
		int fd = call(port);
		ask(fd);
		answer(fd);
	}
	printf("ready\n");
	fflush(stdout);
	pause();
	return 0;
}

struct life {
	double us;   /* how long it ran, or how much CPU time it and its children took */
	long faults; /* page faults without input */
};

static struct life live(char **command, char **environment, bool of_cpu)
{
	pid_t pid;
	int status;
	struct rusage used;
	uint64_t start = now_ns(WALL);
	if (posix_spawn(&pid, command[0], NULL, NULL, command, environment) != 0 ||
	    wait4(pid, &status, 0, &used) != pid || status != 0)
		errx(1, "%s did not run", command[0]);
	struct life l = { (double)(now_ns(WALL) - start) / 1000, used.ru_minflt };
	if (of_cpu)
		l.us = (double)(used.ru_utime.tv_sec + used.ru_stime.tv_sec) * 1e6 +
		       (double)(used.ru_utime.tv_usec + used.ru_stime.tv_usec);
	return l;
}

/* Prints how much longer the first command takes than the other. */
static int compare(int n, char **command, char **environment, char **other, char **other_environment, bool of_cpu)
{
	double *us = calloc((size_t)n, sizeof *us), *faults = calloc((size_t)n, sizeof *faults);
	double *bare = calloc((size_t)n, sizeof *bare);
	for (int i = 0; i < n; i++) {
		/* every other pair the other way round */
		bool first = i % 2 != 0;
		struct life with = { 0, 0 }, without;
		if (first)
			with = live(command, environment, of_cpu);
		without = live(other, other_environment, of_cpu);
		if (!first)
			with = live(command, environment, of_cpu);
		us[i] = with.us - without.us;
		faults[i] = (double)(with.faults - without.faults);
		bare[i] = (double)without.faults;
	}
	/* the interval by the order of the values: about a standard deviation of the binomial distribution, twice */
	double half = n < 4 ? 0.5 : 0.98 / sqrt(n);
	printf("%.0f %.0f %.0f %.0f %.0f\n", quantile(us, (size_t)n, 0.5), quantile(us, (size_t)n, 0.5 - half),
	       quantile(us, (size_t)n, 0.5 + half), quantile(faults, (size_t)n, 0.5), quantile(bare, (size_t)n, 0.5));
	return 0;
}

static int spawn(int n, const char *library, char **command)
{
	char preload[4096], *clean[] = { NULL }, *with[] = { preload, NULL };
	snprintf(preload, sizeof preload, "LD_PRELOAD=%s", library);
	return compare(n, command, with, command, clean, false);
}

static int count(const char *text)
{
	return (int)number("client", text, 1, INT_MAX);
}

int main(int argc, char **argv)
{
	if (argc > 2 && strcmp(argv[1], "-a") == 0) {
		address = argv[2];
		argv += 2;
		argc -= 2;
	}
	const char *what = argc > 2 ? argv[1] : "";
	int first = argc > 2 ? count(argv[2]) : 0;
	many_files();
	crowded = strcmp(what, "heads") == 0 || strcmp(what, "crowd") == 0;
	if (strcmp(what, "exchange") == 0 && argc == 4)
		return exchange(first, count(argv[3]));
	if (strcmp(what, "stream") == 0 && argc == 3)
		return stream(first);
	if (strcmp(what, "heads") == 0 && (argc == 5 || argc == 6))
		return heads(first, count(argv[3]), count(argv[4]), argc == 6 ? count(argv[5]) : 0);
	if (strcmp(what, "crowd") == 0 && argc == 4)
		return crowd(first, count(argv[3]));
	if (strcmp(what, "spawn") == 0 && argc > 4)
		return spawn(first, argv[3], argv + 4);
	if (strcmp(what, "wrap") == 0 && argc > 4)
		return compare(first, argv + 3, environ, argv + 4, environ, true);
	errx(2, "see the source for usage");
}
