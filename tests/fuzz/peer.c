/* Runs a program on all sides at once: starts the runner of each side, and plays the peer of all connections in one
 * poll loop. */
#include "peer.h"
#include "library.h"

#include <err.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t peer_patience_ns = 15000000000u;

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- the runner ------------------------------------------------------------------------------- */

static void become_runner(struct side *s, int control)
{
	char timeout[32];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	unsetenv("LD_PRELOAD");
	setenv("ASAN_OPTIONS", ASAN_SETTINGS, 1);
	if (s->preload != NULL) {
		snprintf(timeout, sizeof timeout, "%uus", s->timeout);
		setenv("LD_PRELOAD", s->preload, 1);
		setenv("ONEWRITE_TIMEOUT", timeout, 1);
		setenv("ONEWRITE_JOIN", s->join, 1);
		if (strcmp(s->hold, "observe") == 0) {
			setenv("ONEWRITE_OBSERVE", "1", 1);
			setenv("ONEWRITE_REPORT", "/dev/null", 1); /* so that there is something to count for */
		} else {
			setenv("ONEWRITE_HOLD", s->hold, 1);
		}
	}
	if (s->trace != NULL)
		setenv("ONEWRITE_TRACE", s->trace, 1);
	/* In two steps, so that neither descriptor is overwritten before it is copied. */
	int board_fd = fcntl(s->board_fd, F_DUPFD_CLOEXEC, 100), control_fd = fcntl(control, F_DUPFD_CLOEXEC, 100);
	if (dup2(board_fd, BOARD_FD) < 0 || dup2(control_fd, CONTROL_FD) < 0)
		err(2, "dup2");
	dup2(2, PASS_FD); /* reserves numbers for the socket pair that each program makes for itself */
	dup2(2, TAKE_FD);
	closefrom(LISTENER_FD);
	execl("/proc/self/exe", "fuzz-runner", "--runner", NULL);
	err(2, "exec");
}

void side_start(struct side *s)
{
	int pair[2];
	struct message ready;
	s->board_fd = memfd_create("board", MFD_CLOEXEC);
	if (s->board_fd < 0 || ftruncate(s->board_fd, sizeof *s->board) != 0)
		err(2, "memfd");
	s->board = mmap(NULL, sizeof *s->board, PROT_READ | PROT_WRITE, MAP_SHARED, s->board_fd, 0);
	if (s->board == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		err(2, "board");
	ssize_t n = readlink("/proc/self/exe", s->board->exe, sizeof s->board->exe - 1);
	if (n <= 0)
		err(2, "/proc/self/exe");
	for (int c = 0; c < CONNS; c++) {
		stream_listen(s, c);
		s->streams[c].fd = -1;
	}
	s->runner = fork();
	if (s->runner < 0)
		err(2, "fork");
	if (s->runner == 0)
		become_runner(s, pair[1]);
	close(pair[1]);
	s->control = pair[0];
	if (recv(s->control, &ready, sizeof ready, 0) != sizeof ready)
		errx(2, "the runner of side '%s' did not start", s->name);
}

void side_stop(struct side *s)
{
	close(s->control);
	kill(s->runner, SIGKILL);
	waitpid(s->runner, NULL, 0);
	for (int c = 0; c < CONNS; c++) {
		close(s->listeners[c]);
		if (s->streams[c].fd >= 0)
			close(s->streams[c].fd);
		s->streams[c].fd = -1;
	}
	munmap(s->board, sizeof *s->board);
	close(s->board_fd);
}

/* --- a run ------------------------------------------------------------------------------------ */

static void prepare(struct side *s, const struct program *p)
{
	struct board *b = s->board;
	memcpy(&b->program, p, offsetof(struct program, text) + p->ntext);
	memset(b->results, 0, sizeof b->results);
	for (int c = 0; c < CONNS; c++) {
		stream_prepare(s, c, p);
		b->accepted[c] = b->received[c] = b->consumed[c] = 0;
		b->opened[c] = b->gone[c] = b->over[c] = b->late[c] = b->stopped[c] = b->forced[c] = b->has_file[c] = 0;
	}
	b->turn = b->waiting = b->pipe_signals = 0;
	b->pid = 0;
	memset(b->begun, 0, sizeof b->begun);
	memset(b->pids, 0, sizeof b->pids);
	memset(b->status, 0, sizeof b->status);
	s->exited = s->hung = false;
	s->status = -1;
}

static bool finished(const struct side *s)
{
	if (!s->exited)
		return false;
	for (int c = 0; c < CONNS; c++) {
		const struct stream *st = &s->streams[c];
		if (st->opened ? !st->ended : atomic_load(&s->board->opened[c]) != 0)
			return false;
	}
	return true;
}

static void hear(struct side *s)
{
	struct message m;
	if (recv(s->control, &m, sizeof m, 0) != sizeof m)
		errx(2, "the runner of side '%s' is gone", s->name);
	switch (m.what) {
	case I_LISTEN: stream_connect(s, m.conn); break;
	case I_ASK: stream_ask(s, m.conn, &m); break;
	case I_AM_DONE: stream_expect_end(s, m.conn, now_ns()); break;
	case I_STOP: stream_stop(s, m.conn, now_ns() + (uint64_t)m.value * 1000000u); break;
	case I_GO: stream_go(s, m.conn, true); break;
	case IT_IS_OVER:
		s->exited = true;
		s->status = m.value;
		break;
	}
}

static void hang(struct side *s)
{
	s->hung = true;
	if (s->board->pid > 0)
		kill(-s->board->pid, SIGKILL);
}

enum watch { CONTROL_OF, LISTENER_OF, STREAM_OF };

struct watched {
	struct side *side;
	enum watch what;
	int conn;
};

void sides_run(struct side **sides, int n, const struct program *p)
{
	struct pollfd polls[8 * (1 + 2 * CONNS)];
	struct watched watched[8 * (1 + 2 * CONNS)];
	char byte = 'r';
	for (int i = 0; i < n; i++) {
		prepare(sides[i], p);
		if (send(sides[i]->control, &byte, 1, 0) != 1)
			err(2, "the runner");
	}
	uint64_t limit = now_ns() + peer_patience_ns;
	for (;;) {
		int count = 0, running = 0;
		uint64_t now = now_ns(), until = limit;
		for (int i = 0; i < n; i++) {
			struct side *s = sides[i];
			if (s->hung || finished(s))
				continue;
			running++;
			polls[count] = (struct pollfd){ .fd = s->exited ? -1 : s->control, .events = POLLIN };
			watched[count++] = (struct watched){ s, CONTROL_OF, 0 };
			for (int c = 0; c < CONNS; c++) {
				struct stream *st = &s->streams[c];
				if (st->end_due != 0 && now >= st->end_due)
					stream_look_for_end(s, c, now);
				if (st->end_due != 0 && st->end_due < until)
					until = st->end_due;
				if (st->stop_until != 0 && now >= st->stop_until)
					stream_go(s, c, false);
				if (st->stop_until != 0 && st->opened) {
					until = st->stop_until < until ? st->stop_until : until;
					continue;
				}
				if (st->next > now && !st->ended) {
					until = st->next < until ? st->next : until;
					continue;
				}
				if (st->opened && st->ended)
					continue;
				polls[count] = (struct pollfd){ .fd = st->opened ? st->fd : s->listeners[c],
					                        .events = POLLIN };
				watched[count++] = (struct watched){ s, st->opened ? STREAM_OF : LISTENER_OF, c };
			}
		}
		if (running == 0)
			break;
		if (now >= limit) {
			for (int i = 0; i < n; i++)
				if (!finished(sides[i]))
					hang(sides[i]);
			continue;
		}
		struct timespec t = { (time_t)((until - now) / 1000000000u), (long)((until - now) % 1000000000u) };
		if (ppoll(polls, (nfds_t)count, &t, NULL) <= 0)
			continue;
		now = now_ns();
		for (int i = 0; i < count; i++) {
			if (polls[i].revents == 0)
				continue;
			switch (watched[i].what) {
			case CONTROL_OF: hear(watched[i].side); break;
			case LISTENER_OF: stream_accept(watched[i].side, watched[i].conn); break;
			case STREAM_OF: stream_receive(watched[i].side, watched[i].conn, now); break;
			}
		}
	}
	for (int i = 0; i < n; i++) {
		for (int c = 0; c < CONNS; c++)
			stream_drop(&sides[i]->streams[c]);
		if (sides[i]->hung) { /* no task of a run that hung may meet the next program */
			struct board last = *sides[i]->board;
			side_stop(sides[i]);
			side_start(sides[i]);
			memcpy(&sides[i]->board->program, &last.program, sizeof last.program);
			memcpy(sides[i]->board->results, last.results, sizeof last.results);
		}
	}
}
