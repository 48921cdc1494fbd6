#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

uint64_t peer_patience_ns = 15000000000u;

enum { WIDE = 1 << 20, NARROW = 2048, NARROW_MSS = 1000 };

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static uint64_t now_ns(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* --- the runner --------------------------------------------------------------------------------------------------- */

static void listen_here(struct side *s, int c)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int one = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* urgent bytes are bytes of the stream, from the first on */
	setsockopt(l, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one);
	if (l < 0 || bind(l, (struct sockaddr *)&a, len) != 0 || listen(l, 4) != 0 || getsockname(l,
		(struct sockaddr *)&a, &len) != 0)
		die("fuzz: a listener");
	s->listeners[c] = l;
	s->slow[c] = 0;
	s->board->connect_to[c] = ntohs(a.sin_port);
}

static void become_runner(struct side *s, int control)
{
	char timeout[32];
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	unsetenv("LD_PRELOAD");
	setenv("ASAN_OPTIONS", "verify_asan_link_order=0:detect_leaks=0", 1);
	if (s->preload != NULL) {
		snprintf(timeout, sizeof timeout, "%uus", s->timeout);
		setenv("LD_PRELOAD", s->preload, 1);
		setenv("ONEWRITE_TIMEOUT", timeout, 1);
		setenv("ONEWRITE_JOIN", s->join, 1);
		setenv("ONEWRITE_HOLD", s->hold, 1);
	}
	if (s->trace != NULL)
		setenv("ONEWRITE_TRACE", s->trace, 1);
	/* In two steps, so that none is overwritten before it is copied. */
	int board_fd = fcntl(s->board_fd, F_DUPFD_CLOEXEC, 100), control_fd = fcntl(control, F_DUPFD_CLOEXEC, 100);
	if (dup2(board_fd, BOARD_FD) < 0 || dup2(control_fd, CONTROL_FD) < 0)
		die("fuzz: dup2");
	dup2(2, PASS_FD); /* places for a pair that each program makes for itself */
	dup2(2, TAKE_FD);
	close_range(LISTENER_FD, ~0u, 0);
	execl("/proc/self/exe", "fuzz-runner", "--runner", NULL);
	die("fuzz: exec");
}

void side_start(struct side *s)
{
	int pair[2];
	char byte;
	s->board_fd = memfd_create("board", MFD_CLOEXEC);
	if (s->board_fd < 0 || ftruncate(s->board_fd, sizeof *s->board) != 0)
		die("fuzz: memfd");
	s->board = mmap(NULL, sizeof *s->board, PROT_READ | PROT_WRITE, MAP_SHARED, s->board_fd, 0);
	if (s->board == MAP_FAILED || socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
		die("fuzz: board");
	ssize_t n = readlink("/proc/self/exe", s->board->exe, sizeof s->board->exe - 1);
	if (n <= 0)
		die("fuzz: /proc/self/exe");
	for (int c = 0; c < CONNS; c++) {
		listen_here(s, c);
		s->streams[c].fd = -1;
	}
	s->runner = fork();
	if (s->runner < 0)
		die("fuzz: fork");
	if (s->runner == 0)
		become_runner(s, pair[1]);
	close(pair[1]);
	s->control = pair[0];
	if (recv(s->control, &byte, 1, 0) != 1) {
		fprintf(stderr, "fuzz: the runner of side '%s' did not start\n", s->name);
		exit(2);
	}
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

/* --- connections -------------------------------------------------------------------------------------------------- */

static void changed(struct board *b)
{
	atomic_fetch_add(&b->turn, 1);
	if (atomic_load(&b->waiting) > 0)
		syscall(SYS_futex, &b->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

static void make_narrow(int fd, uint32_t slow)
{
	int size = slow ? NARROW : WIDE, mss = NARROW_MSS;
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size);
	if (slow)
		setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof mss);
}

/* No TIME_WAIT is left behind: 100,000 programs would run out of ports. */
static void drop(struct stream *st)
{
	struct linger at_once = { 1, 0 };
	if (st->fd < 0)
		return;
	setsockopt(st->fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once);
	close(st->fd);
	st->fd = -1;
}

static void reset(struct side *s, int c)
{
	s->streams[c].ended = true;
	drop(&s->streams[c]);
	atomic_store(&s->board->gone[c], 1);
	changed(s->board);
}

/* What the program will read is sent at once, so that its reads wait for nothing. */
static void begin(struct side *s, int c, int fd)
{
	struct stream *st = &s->streams[c];
	const struct program *p = &s->board->program;
	st->fd = fd;
	st->opened = true;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	for (uint32_t i = 0; i < p->nops; i++)
		if (p->ops[i].kind == READ && p->ops[i].conn == c)
			send(fd, p->text + p->ops[i].at, p->ops[i].size, MSG_NOSIGNAL);
	if (p->plans[c].gone && p->plans[c].gone_after == 0)
		reset(s, c);
}

static void connect_to_program(struct side *s, int c)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                         .sin_port = htons(s->board->listen_at[c]) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		die("fuzz: socket");
	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one);
	if (s->board->program.plans[c].every)
		make_narrow(fd, 1);
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		die("fuzz: connect");
	begin(s, c, fd);
}

static void receive(struct side *s, int c, uint64_t now)
{
	struct stream *st = &s->streams[c];
	const struct plan *plan = &s->board->program.plans[c];
	int one = 1;
	if (st->room - st->n < 65536) {
		st->room = st->room * 2 + 65536;
		if ((st->bytes = realloc(st->bytes, st->room)) == NULL)
			die("fuzz: memory");
	}
	ssize_t n = recv(st->fd, st->bytes + st->n, plan->every ? plan->gulp : 65536, 0);
	if (n < 0 && (errno == EAGAIN || errno == EINTR))
		return;
	if (n <= 0) {
		st->ended = true;
		st->error = n < 0 ? errno : 0;
		atomic_store(&s->board->over[c], 1);
	} else {
		st->n += (size_t)n;
		atomic_store(&s->board->received[c], st->n);
		if (atomic_load(&s->board->waiting) > 0)
			setsockopt(st->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
	}
	st->next = plan->every ? now + plan->every * 1000u : 0;
	changed(s->board);
	if (n > 0 && plan->gone && st->n >= plan->gone_after)
		reset(s, c);
}

/* --- a run -------------------------------------------------------------------------------------------------------- */

static void prepare(struct side *s, const struct program *p)
{
	struct board *b = s->board;
	memcpy(&b->program, p, offsetof(struct program, text) + p->ntext);
	memset(b->results, 0, sizeof b->results);
	for (int c = 0; c < CONNS; c++) {
		struct stream *st = &s->streams[c];
		st->opened = st->ended = false;
		st->error = 0;
		st->n = 0;
		st->next = 0;
		b->accepted[c] = b->received[c] = b->consumed[c] = 0;
		b->opened[c] = b->gone[c] = b->over[c] = b->has_file[c] = 0;
		if (s->slow[c] != p->plans[c].every && program_opens_by_connect(p, c)) {
			if (p->plans[c].every == 0) { /* a listener's MSS cannot be widened again */
				close(s->listeners[c]);
				listen_here(s, c);
			} else {
				make_narrow(s->listeners[c], 1);
			}
			s->slow[c] = p->plans[c].every;
		}
	}
	b->turn = b->waiting = b->pipe_signals = 0;
	b->pid = 0;
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

/* A message of one byte: "I listen for connection c now". Any other: the program is over, and how. */
static void hear(struct side *s)
{
	int status;
	ssize_t n = recv(s->control, &status, sizeof status, 0);
	if (n == 1) {
		int c = *(char *)&status;
		connect_to_program(s, c);
	} else if (n == sizeof status) {
		s->exited = true;
		s->status = status;
	} else {
		fprintf(stderr, "fuzz: the runner of side '%s' is gone\n", s->name);
		exit(2);
	}
}

static void accept_from_program(struct side *s, int c)
{
	int fd = accept4(s->listeners[c], NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		begin(s, c, fd);
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
			die("fuzz: the runner");
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
			case LISTENER_OF: accept_from_program(watched[i].side, watched[i].conn); break;
			case STREAM_OF: receive(watched[i].side, watched[i].conn, now); break;
			}
		}
	}
	for (int i = 0; i < n; i++) {
		for (int c = 0; c < CONNS; c++)
			drop(&sides[i]->streams[c]);
		if (sides[i]->hung) { /* whatever is left of it must not meet the next program */
			struct board last = *sides[i]->board;
			side_stop(sides[i]);
			side_start(sides[i]);
			memcpy(&sides[i]->board->program, &last.program, sizeof last.program);
			memcpy(sides[i]->board->results, last.results, sizeof last.results);
		}
	}
}
