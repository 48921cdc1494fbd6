/* Scenarios of p_scenarios for tests/preload/deadline.c: a held head goes out at its deadline, whatever the program
 * does meanwhile. */
#include "scenarios.h"

#include <signal.h>
#include <sys/epoll.h>
#include <sys/time.h>

enum { PAUSE_MS = 15 };

static void wait_asleep(void)
{
	sleep_us(PAUSE_MS * 1000);
}

static void wait_spinning(void)
{
	for (int64_t until = now_ns() + PAUSE_MS * 1000000; now_ns() < until;)
		;
}

static void wait_in_read(void)
{
	struct sigaction interrupt = { .sa_handler = ignore };
	/* the timer repeats, because the first signal may come before read() waits */
	struct itimerval often = { { 0, PAUSE_MS * 1000 }, { 0, PAUSE_MS * 1000 } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	int ends[2];
	char c;

	must(pipe(ends) == 0, "pipe");
	sigaction(SIGALRM, &interrupt, NULL);
	setitimer(ITIMER_REAL, &often, NULL);
	must(read(ends[0], &c, 1) < 0 && errno == EINTR, "being interrupted in read");
	setitimer(ITIMER_REAL, &never, NULL);
	close(ends[0]);
	close(ends[1]);
}

static void wait_in_epoll(void)
{
	struct epoll_event e = { .events = EPOLLIN };
	int epoll = epoll_create1(0), ends[2];

	must(pipe(ends) == 0, "pipe");
	epoll_ctl(epoll, EPOLL_CTL_ADD, ends[0], &e);
	must(epoll_wait(epoll, &e, 1, PAUSE_MS) == 0, "epoll_wait");
	close(ends[0]);
	close(ends[1]);
	close(epoll);
}

/* Fifty heads whose bodies come late. Meanwhile the program sleeps, spins, or waits in a call. */
static void deadline(void)
{
	static const struct {
		const char *how;
		void (*wait)(void);
	} waits[] = {
		{ "sleep", wait_asleep },
		{ "spin", wait_spinning },
		{ "pipe", wait_in_read },
		{ "epoll", wait_in_epoll },
	};
	int fd = accept_peer();
	size_t w = 0;

	while (strcmp(waits[w].how, how) != 0)
		w++;
	for (int i = 0; i < 50; i++) {
		shared->sent[i] = now_ns();
		write_head_of_kind(fd, (unsigned)i);
		atomic_fetch_add(&shared->written, HEAD_SIZE);
		waits[w].wait();
		write_body(fd);
	}
}

/* Four connections hold a head at once: the first and the last are joined with their bodies at once, the other two wait
 * for their deadline. */
static void deadlines(void)
{
	int fd[4];

	for (int i = 0; i < 4; i++)
		fd[i] = accept_peer();
	for (int i = 0; i < 4; i++)
		write_head(fd[i]);
	write_body(fd[0]);
	write_body(fd[3]);
	report("all at the peer: %d\n", peer_has_all());
	write_body(fd[1]);
	write_body(fd[2]);
}

const struct scenario deadline_scenarios[] = {
	{ "deadline", deadline },
	{ "deadlines", deadlines },
	{ NULL, NULL },
};
