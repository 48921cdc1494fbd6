/* Carries out RIVAL: a call waits for room in a full socket, or was refused because it would not wait, and another
 * thread or the same one makes another call. That call must not wait for the peer. */
#include "play_full.h"

#include <errno.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

static int duplicate_and_close(int fd)
{
	int other = dup(fd);
	return other < 0 ? -1 : close(other);
}

static int fork_and_wait(void)
{
	int status = -1;
	pid_t pid = fork();
	if (pid == 0)
		_exit(0);
	wait_for(pid, &status);
	return status;
}

static int ask_info(int fd)
{
	struct tcp_info info;
	socklen_t len = sizeof info;
	return getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len);
}

/* Makes the rival's call. Returns 0 or more for success; -1: it failed, and errno says why. */
static ssize_t act_as_rival(const struct op *o, int fd, int pair)
{
	const char *more = program->text + o->at + o->size;
	int one = 1, queued;
	char byte;
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	switch (o->how) {
	case RIVAL_CLOSE: return close(fd);
	case RIVAL_RANGE: return close_range((unsigned)fd, (unsigned)fd, 0);
	case RIVAL_DUP2: return dup2(pair, fd) == fd ? 0 : -1;
	case RIVAL_SHUT: return shutdown(fd, SHUT_WR);
	case RIVAL_SEND: return send(fd, more, o->more, MSG_DONTWAIT | MSG_NOSIGNAL);
	case RIVAL_ELSEWHERE: return send(fds(o->actor)[o->other], more, o->more, MSG_NOSIGNAL);
	case RIVAL_INFO: return ask_info(fd);
	case RIVAL_OUTQ: return ioctl(fd, SIOCOUTQ, &queued);
	case RIVAL_NODELAY: return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	case RIVAL_DUP: return duplicate_and_close(fd);
	case RIVAL_FORK: return fork_and_wait();
	case RIVAL_POLL: return poll(&p, 1, 0) < 0 ? -1 : 0;
	case RIVAL_PEEK: return recv(fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 || errno == EAGAIN ? 0 : -1;
	}
	abort();
}

static void note_rival(const struct op *o, int fd, int pair, struct result *r)
{
	ssize_t n = act_as_rival(o, fd, pair);
	r->rival = n >= 0 ? (int32_t)n : -errno;
	r->waited = atomic_load(&board->forced[o->conn]) != 0;
}

/* Whether bytes that were meant for the socket have reached what took its number. */
static bool is_astray(int other_end)
{
	char byte;
	return recv(other_end, &byte, 1, MSG_DONTWAIT) >= 0;
}

static void count_accepted(const struct op *o, const struct result *r)
{
	uint32_t n = r->rival > 0 ? (uint32_t)r->rival : 0;
	atomic_fetch_add(&board->accepted[o->conn], r->filled + (uint64_t)r->ret + (o->how == RIVAL_SEND ? n : 0));
	if (o->how == RIVAL_ELSEWHERE)
		atomic_fetch_add(&board->accepted[o->value], n);
}

void write_beside_rival(const struct op *o, int fd, struct result *r)
{
	struct writer w = { .fd = fd,
		            .p = program->text + o->at,
		            .size = o->size,
		            .head = o->head,
		            .door = o->how == RIVAL_SHUT ? BY_SEND : BY_WRITE,
		            .salt = o->salt };
	bool gives_up = rival_takes_handle(o), blocks = !o->refused;
	int pair[2];
	if (is_nonblocking(fd) || (o->how == RIVAL_ELSEWHERE && fds(o->actor)[o->other] < 0)) {
		r->ret = SKIPPED;
		return;
	}
	socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
	stop_peer(o->conn, PATIENCE_MS);
	r->filled = fill(fd, blocks ? FILL_NEARLY : o->salt & 1 ? FILL_TO_END : FILL_TO_EDGE, o->salt);
	if (gives_up)
		fds(o->actor)[o->handle] = -1;
	if (blocks) {
		bool blocked = start_writer(&w, true);
		if (blocked)
			note_rival(o, fd, pair[0], r);
		let_peer_go(o->conn);
		pthread_join(w.thread, NULL);
		if (!blocked) /* a rival that acts before the writer is blocked would be another case */
			note_rival(o, fd, pair[0], r);
	} else {
		ssize_t n = send(fd, w.p, o->head, MSG_DONTWAIT | MSG_NOSIGNAL);
		w.known = n > 0 ? (uint32_t)n : 0;
		w.error = n < 0 ? errno : 0;
		note_rival(o, fd, pair[0], r);
		let_peer_go(o->conn);
	}
	r->ret = w.known;
	r->error = w.error;
	r->extra = is_astray(pair[1]) ? STRAY : 0;
	if (o->how == RIVAL_DUP2)
		close(fd);
	close(pair[0]);
	close(pair[1]);
	count_accepted(o, r);
}
