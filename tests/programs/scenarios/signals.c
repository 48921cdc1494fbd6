/* Scenarios of p_scenarios for signal handlers that write at any moment of the program's own writes. */
#include "scenarios.h"

#include <signal.h>
#include <sys/time.h>

enum { MESSAGES = 2000, MARKS = 500, MARK_SIZE = 16 };

static volatile sig_atomic_t marks, refusals, writes; /* writes: how many have returned */
static volatile sig_atomic_t no_more;
static const struct itimerval in_a_while = { { 0, 0 }, { 0, 100 } };
static int handler_fd;

static void write_digits(char *end, int n)
{
	for (; n > 0; n /= 10)
		*--end = (char)('0' + n % 10);
}

/* Writes a mark such as "#0000120000001\r\n" (the first mark, after twelve writes), or with `message` a whole message
 * on a socket of its own. The harness checks by the two numbers that no mark overtook a write that had returned. */
static void write_in_handler(int signal_number)
{
	int keep = errno;
	char mark[MARK_SIZE + 1] = "#0000000000000\r\n";

	(void)signal_number;
	marks++;
	write_digits(mark + 7, writes);
	write_digits(mark + 14, marks);
	if (strcmp(how, "message") == 0) {
		refusals += write(handler_fd, HEAD, HEAD_SIZE) != HEAD_SIZE;
		for (int i = 0; i < BODY_SIZE / 8; i++)
			refusals += write(handler_fd, mark, 8) != 8;
	} else
		refusals += write(handler_fd, mark, MARK_SIZE) != MARK_SIZE;
	if (!no_more)
		setitimer(ITIMER_REAL, &in_a_while, NULL); /* a slow handler still lets the program make progress */
	errno = keep;
}

static void write_whole(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, p, n);
		must(r > 0 || (r < 0 && errno == EINTR), "write");
		p += r > 0 ? r : 0;
		n -= r > 0 ? (size_t)r : 0;
	}
}

/* A timer's handler writes on the same socket or on one of its own, while the thread writes messages. Each of its
 * writes must succeed. */
static void signals(void)
{
	struct sigaction handle = { .sa_handler = write_in_handler, .sa_flags = SA_RESTART };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	int fd = accept_peer();
	int64_t until = now_ns() + INT64_C(8000000000);
	bool reads = strcmp(how, "reading") == 0;
	int messages;
	char body[BODY_SIZE];

	handler_fd = strcmp(how, "same") == 0 || reads ? fd : accept_peer();
	sigaction(SIGALRM, &handle, NULL);
	setitimer(ITIMER_REAL, &in_a_while, NULL);
	for (messages = 0; messages < MESSAGES || (marks < MARKS && now_ns() < until); messages++) {
		write_whole(fd, HEAD, HEAD_SIZE);
		writes++;
		if (reads)
			recv(fd, body, sizeof body, MSG_DONTWAIT);
		body_fill(shared, body, sizeof body);
		write_whole(fd, body, sizeof body);
		writes++;
	}
	no_more = 1;
	setitimer(ITIMER_REAL, &never, NULL);
	report("enough signals: %d, refused writes: %d\n", marks >= MARKS, refusals);
	shared->sent[0] = marks;
	shared->sent[1] = messages;
}

const struct scenario signal_scenarios[] = { { "signals", signals }, { NULL, NULL } };
