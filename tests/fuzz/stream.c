/* The peer's end of one connection: what it sends, how it reads, when it resets. */
#include "peer.h"

#include <err.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { SLOW_WINDOW = 2048, SLOW_MSS = 1000, NARROW_WINDOW = 4096, END_NS = 30000000 };

static void changed(struct board *b)
{
	atomic_fetch_add(&b->turn, 1);
	if (atomic_load(&b->waiting) > 0)
		syscall(SYS_futex, &b->turn, FUTEX_WAKE, INT_MAX, NULL, NULL, 0);
}

/* --- begin and end ---------------------------------------------------------------------------- */

void stream_listen(struct side *s, int c)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int one = 1, l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	/* urgent bytes are part of the stream, from the first byte on */
	setsockopt(l, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one);
	if (l < 0 || bind(l, (struct sockaddr *)&a, len) != 0 || listen(l, 4) != 0 ||
	    getsockname(l, (struct sockaddr *)&a, &len) != 0)
		err(2, "a listener");
	s->listeners[c] = l;
	s->window[c] = 0;
	s->board->connect_to[c] = ntohs(a.sin_port);
}

/* 0: the kernel's default. */
static int window_of(const struct plan *plan)
{
	return plan->every ? SLOW_WINDOW : plan->narrow ? NARROW_WINDOW : 0;
}

static void set_window(int fd, int window)
{
	int mss = SLOW_MSS;
	if (window != 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &window, sizeof window);
	if (window == SLOW_WINDOW)
		setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, sizeof mss);
}

void stream_prepare(struct side *s, int c, const struct program *p)
{
	struct stream *st = &s->streams[c];
	int window = window_of(&p->plans[c]);
	*st = (struct stream){ .fd = st->fd, .bytes = st->bytes, .room = st->room, .asked = NOBODY };
	if (s->window[c] == window || !program_opens_by_connect(p, c))
		return;
	if (s->window[c] != 0) { /* a listener's MSS cannot be raised again */
		close(s->listeners[c]);
		stream_listen(s, c);
	}
	set_window(s->listeners[c], window);
	s->window[c] = window;
}

/* Closes with a reset, so that no connection stays in TIME_WAIT: 100,000 programs would run out of ports. */
void stream_drop(struct stream *st)
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
	stream_drop(&s->streams[c]);
	atomic_store(&s->board->gone[c], 1);
	changed(s->board);
}

/* --- sending ---------------------------------------------------------------------------------- */

static void send_part(struct stream *st, const char *p, size_t n)
{
	ssize_t r = send(st->fd, p, n, MSG_NOSIGNAL);
	if (r >= 0)
		st->sent += (uint64_t)r;
	if (r >= 0 ? (size_t)r < n : errno == EAGAIN)
		errx(2, "the peer's send buffer is too small for this program");
}

/* Sends the bytes of READ number `from`, and of the READs behind it up to the next one that asks, at once or in
 * segments. */
static void send_reads(struct side *s, int c, uint32_t from)
{
	const struct program *p = &s->board->program;
	struct stream *st = &s->streams[c];
	struct chance chance = { p->plans[c].split + from };
	char bytes[OPS * 256];
	size_t n = 0, at = 0;
	for (uint32_t i = from; i < p->nops; i++) {
		const struct op *o = &p->ops[i];
		if (o->kind != READ || o->conn != c)
			continue;
		if (i > from && o->value & ASKED)
			break;
		if (n + o->size > sizeof bytes)
			errx(2, "this program reads too much");
		memcpy(bytes + n, p->text + o->at, o->size);
		n += o->size;
	}
	while (at < n) {
		size_t part = n - at;
		if (p->plans[c].split)
			part = 1 + below(&chance, (uint32_t)(one_in(&chance, 3) ? 3 : part));
		part = part < n - at ? part : n - at;
		send_part(st, bytes + at, part);
		at += part;
	}
}

static void send_what_is_asked(struct side *s, int c)
{
	struct stream *st = &s->streams[c];
	uint32_t asked = st->asked;
	if (asked == NOBODY || st->fd < 0 || st->n < st->asked_after)
		return;
	st->asked = NOBODY;
	send_reads(s, c, asked);
}

/* With Nagle's algorithm and a delayed ACK each small write would take 40 ms. */
static void acknowledge(struct stream *st)
{
	int one = 1;
	setsockopt(st->fd, IPPROTO_TCP, TCP_QUICKACK, &one, sizeof one);
}

void stream_ask(struct side *s, int c, const struct message *m)
{
	struct stream *st = &s->streams[c];
	st->asked = m->op;
	st->asked_after = (uint64_t)m->value;
	send_what_is_asked(s, c);
	if (st->asked != NOBODY && st->fd >= 0)
		acknowledge(st);
}

/* Begins a connection. The bytes of READs that do not ask are sent at once. */
static void begin(struct side *s, int c, int fd)
{
	struct stream *st = &s->streams[c];
	const struct program *p = &s->board->program;
	uint32_t first = 0;
	int one = 1;
	st->fd = fd;
	st->opened = true;
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (p->plans[c].split)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
	while (first < p->nops && !(p->ops[first].kind == READ && p->ops[first].conn == c))
		first++;
	if (first < p->nops && !(p->ops[first].value & ASKED))
		send_reads(s, c, first);
	send_what_is_asked(s, c);
	if (p->plans[c].gone && p->plans[c].gone_after == 0)
		reset(s, c);
}

void stream_connect(struct side *s, int c)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
		                 .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		                 .sin_port = htons(s->board->listen_at[c]) };
	int one = 1, fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		err(2, "socket");
	setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &one, sizeof one);
	set_window(fd, window_of(&s->board->program.plans[c]));
	if (connect(fd, (struct sockaddr *)&a, sizeof a) != 0)
		err(2, "connect");
	begin(s, c, fd);
}

void stream_accept(struct side *s, int c)
{
	int fd = accept4(s->listeners[c], NULL, NULL, SOCK_CLOEXEC);
	if (fd >= 0)
		begin(s, c, fd);
}

/* --- receiving -------------------------------------------------------------------------------- */

void stream_receive(struct side *s, int c, uint64_t now)
{
	struct stream *st = &s->streams[c];
	const struct plan *plan = &s->board->program.plans[c];
	if (st->room - st->n < 65536) {
		st->room = st->room * 2 + 65536;
		if ((st->bytes = realloc(st->bytes, st->room)) == NULL)
			err(2, "memory");
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
		if (atomic_load(&s->board->waiting) > 0 || plan->eager)
			acknowledge(st);
	}
	if (st->ended)
		st->end_due = 0;
	st->next = plan->every ? now + plan->every * 1000u : 0;
	changed(s->board);
	send_what_is_asked(s, c);
	if (n > 0 && plan->gone && st->n >= plan->gone_after)
		reset(s, c);
}

void stream_expect_end(struct side *s, int c, uint64_t now)
{
	if (!s->streams[c].ended)
		s->streams[c].end_due = now + END_NS;
}

/* Reads first what has come by now: this process may be the one that is late. */
void stream_look_for_end(struct side *s, int c, uint64_t now)
{
	struct stream *st = &s->streams[c];
	size_t before;
	st->end_due = 0;
	do {
		before = st->n;
		if (st->fd >= 0 && !st->ended)
			stream_receive(s, c, now);
	} while (st->n > before);
	if (!st->ended) {
		atomic_store(&s->board->late[c], 1);
		changed(s->board);
	}
}

void stream_stop(struct side *s, int c, uint64_t until)
{
	s->streams[c].stop_until = until;
	atomic_store(&s->board->stopped[c], 1);
	changed(s->board);
}

void stream_go(struct side *s, int c, bool told)
{
	s->streams[c].stop_until = 0;
	if (!told)
		atomic_store(&s->board->forced[c], 1);
	atomic_store(&s->board->stopped[c], 0);
	changed(s->board);
}
