#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "../../scripts/probe/measure.h"
#include "../support/server.h"
#include "let_go.h"
#include "soak.h"

/* What gets the number: what is written to `in` comes out of `out`. */
struct heir {
	const char *name;
	int in, out;
};

/* A connection to ourselves. */
static void connect_pair(int *in, int *out)
{
	static pthread_mutex_t one_at_a_time = PTHREAD_MUTEX_INITIALIZER;
	static int listener = -1;
	static struct sockaddr_in at;
	uint16_t port = 0;

	pthread_mutex_lock(&one_at_a_time);
	if (listener < 0) {
		listener = server_listen(INADDR_LOOPBACK, &port, 0, 0);
		at = loopback(port);
	}
	*out = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (connect(*out, (struct sockaddr *)&at, sizeof at) < 0 ||
	    (*in = accept4(listener, NULL, NULL, SOCK_CLOEXEC)) < 0)
		err(1, "a connection to ourselves");
	pthread_mutex_unlock(&one_at_a_time);
}

static struct heir make_heir(unsigned kind)
{
	struct heir h = { .name = "a file" };
	int ends[2];

	switch (kind) {
	case 0:
		h.in = memfd_create("heir", MFD_CLOEXEC);
		if (h.in < 0 || (h.out = fcntl(h.in, F_DUPFD_CLOEXEC, 0)) < 0)
			err(1, "memfd");
		return h;
	case 1:
		h.name = "a pipe";
		if (pipe2(ends, O_CLOEXEC) < 0)
			err(1, "pipe");
		break;
	case 2:
		h.name = "a pair";
		if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0)
			err(1, "socketpair");
		break;
	default: h.name = "a connection"; connect_pair(&ends[1], &ends[0]);
	}
	h.in = ends[1];
	h.out = ends[0];
	return h;
}

/* Sleeps, and spins through the last 150 us, because a sleep may end too late. */
static void wait_until(uint64_t when)
{
	uint64_t now = now_us();

	if (when > now + 150)
		usleep((useconds_t)(when - now - 150));
	while (now_us() < when)
		;
}

/* Puts h in fd's place. Another thread may be quicker where the number is free for a moment: then h has another one. */
static void inherit(struct heir *h, int fd, bool at_one_blow)
{
	int in;

	if (at_one_blow)
		in = dup3(h->in, fd, O_CLOEXEC);
	else {
		close(fd);
		in = fcntl(h->in, F_DUPFD_CLOEXEC, fd);
	}
	if (in < 0)
		err(1, "a closed descriptor's number");
	close(h->in);
	h->in = in;
}

/* Complains unless what came out is `n` bytes of the endless body, from byte `at` on. */
static void check(const struct heir *h, uint64_t at, size_t n)
{
	char got[4096];
	size_t have = 0;
	ssize_t r;

	while (have < sizeof got && (r = read(h->out, got + have, sizeof got - have)) != 0) {
		if (r < 0 && errno != EINTR)
			break;
		have += r > 0 ? (size_t)r : 0;
	}
	if (have != n || !soak_right(got, at, n))
		warnx("%s that has the number of a closed connection got %zu bytes for %zu: \"%.40s\"", h->name, have,
		      n, got);
}

void let_go(int fd, uint64_t when, uint64_t dice)
{
	struct heir h = make_heir(dice % 4);
	char own[3][100];
	size_t n = 1 + dice / 8 % 100;

	for (unsigned i = 0; i < 3; i++)
		soak_fill(own[i], dice + i * n, n);
	wait_until(when);
	inherit(&h, fd, dice / 4 % 2);
	for (unsigned i = 0; i < 3; i++) {
		if (write(h.in, own[i], n) != (ssize_t)n)
			warn("%s that has the number of a closed connection cannot be written", h.name);
		usleep(700); /* all of them together are longer than a deadline may be late */
	}
	if (dice % 4 == 0)
		lseek(h.in, 0, SEEK_SET);
	close(h.in);
	check(&h, dice, 3 * n);
	close(h.out);
}
