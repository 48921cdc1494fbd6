/* p_streams writes messages piece by piece, with pauses, for tests/preload/streams.c. The program plays the peer
 *itself, and notes when each piece has come.
 *
 *	p_streams pieces GAP_US SIZE HOW | splice GAP_US | messages HOW | connections | forks | hostile | again | burst
 *| asks | more HOW | slow peer | childs pieces */
#include "p_pairs.h"
#include "number.h"

#include <fcntl.h>
#include <pthread.h>
#include <sys/mman.h>
#include <spawn.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum {
	CONNECTIONS = 300,
	PIECES = 40,
	LATE_US = 3000, /* half a timeout, and more than a pause */
	LONG_MS = 15,   /* three timeouts */
	PIECE_MAX = 3000,
};

static struct stream {
	struct pair pair;
	_Atomic int pieces;
	size_t written;
	_Atomic size_t got;
	_Atomic size_t ends[PIECES + 2]; /* ends[i]: the count of bytes up to the end of piece i */
	int64_t sent[PIECES + 2];
	_Atomic int64_t came[PIECES + 2];
} * streams; /* CONNECTIONS of them, shared with forked children */
static int streams_open;
static atomic_bool reading, over;
static char bytes[PIECE_MAX + 100];

/* --- the peer --------------------------------------------------------------------------------- */

static void note(struct stream *s)
{
	static char buffer[65536];
	long r = unseen(SYS_recvfrom, s->pair.client, (long)buffer, sizeof buffer, MSG_DONTWAIT, 0, 0);
	int64_t now = now_ns();

	s->got += r > 0 ? (size_t)r : 0;
	for (int i = atomic_load(&s->pieces) - 1; i >= 0 && s->came[i] == 0; i--)
		if (s->got >= s->ends[i])
			s->came[i] = now;
}

static void *read_all(void *unused)
{
	static struct pollfd polled[CONNECTIONS];

	for (int i = 0; i < streams_open; i++)
		polled[i] = (struct pollfd){ streams[i].pair.client, POLLIN, 0 };
	atomic_store(&reading, true);
	while (!atomic_load(&over))
		if (poll(polled, (nfds_t)streams_open, 5) > 0)
			for (int i = 0; i < streams_open; i++)
				if (polled[i].revents != 0)
					note(&streams[i]);
	return unused;
}

/* --- the program ------------------------------------------------------------------------------ */

static void open_streams(int n)
{
	int listener = listen_with_segments();
	pthread_t reader;

	for (int i = 0; i < n; i++) {
		streams[i].pair = pair_of(listener, 0);
		set_int(streams[i].pair.fd, IPPROTO_TCP, TCP_NODELAY, 1); /* without it a piece could wait for an ACK */
		report("fd=%d", streams[i].pair.fd);
	}
	streams_open = n;
	pthread_create(&reader, NULL, read_all, NULL);
	while (!atomic_load(&reading)) /* a thread that begins may have locks, which a forked child would wait for */
		sleep_us(100);
}

/* Notes that the next n bytes are a piece, which is written now. */
static void announce(struct stream *s, size_t n)
{
	int i = atomic_load(&s->pieces);

	s->ends[i] = s->written += n;
	s->sent[i] = now_ns();
	s->came[i] = 0;
	atomic_store(&s->pieces, i + 1);
}

static void put(struct stream *s, const char *p, size_t n)
{
	announce(s, n);
	write_whole(s->pair.fd, p, n);
}

static void put_string(struct stream *s, const char *p)
{
	put(s, p, strlen(p));
}

/* Waits until all that was written has come, so that another message can begin. */
static void wait_until_read(struct stream *s)
{
	int64_t until = now_ns() + 2000 * MS;

	while (now_ns() < until && s->came[atomic_load(&s->pieces) - 1] == 0)
		sleep_us(100);
}

static int late_pieces(const struct stream *s, int us)
{
	int late = 0;

	for (int i = 0; i < s->pieces; i++)
		late += s->came[i] == 0 || s->came[i] - s->sent[i] > us * INT64_C(1000);
	return late;
}

static void sleep_ms(int ms)
{
	sleep_us((unsigned)ms * 1000);
}

static const char *head_of(const char *how, size_t body)
{
	static char head[200];
	char framing[80];

	snprintf(framing, sizeof framing, "Content-Length: %zu\r\n", body);
	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nServer: slow\r\n%s\r\n",
	         strncmp(how, "chunk", 5) == 0 ? "Transfer-Encoding: chunked\r\n"
	         : strcmp(how, "close") == 0   ? ""
	                                       : framing);
	return head;
}

/* Writes a piece of a body. `how`: cl, close, chunk (each in one write), or chunk in three. */
static void put_piece(struct stream *s, const char *how, int size)
{
	static char chunk[PIECE_MAX + 32];

	if (strcmp(how, "chunk in three") == 0) {
		snprintf(chunk, sizeof chunk, "%x\r\n", size);
		put_string(s, chunk);
		s->pieces--; /* not counted by itself, because a chunk's size is of no use before its bytes */
		put(s, bytes, (size_t)size);
		put_string(s, "\r\n");
		s->pieces--;
	} else if (strcmp(how, "chunk") == 0) {
		int n = snprintf(chunk, sizeof chunk, "%x\r\n", size);

		memcpy(chunk + n, bytes, (size_t)size);
		memcpy(chunk + n + size, "\r\n", 2);
		put(s, chunk, (size_t)(n + size + 2));
	} else {
		put(s, bytes, (size_t)size);
	}
}

/* At most one piece of a message may be late: after it the library must take the message for a stream. */
static void pieces(int gap_us, int size, const char *how)
{
	struct stream *s = streams;

	open_streams(1);
	put_string(s, head_of(how, (size_t)(PIECES * size)));
	s->pieces--; /* the head is not counted by itself, because it may come with the first piece */
	for (int i = 0; i < PIECES; i++) {
		put_piece(s, how, size);
		sleep_us((unsigned)gap_us);
	}
	wait_until_read(s);
	report("late pieces: %s\n", late_pieces(s, LATE_US) <= 1 ? "one at most" : "more");
}

static int feed[2], gap;

static void *feed_slowly(void *unused)
{
	for (int i = 0; i < PIECES; i++) {
		sleep_us((unsigned)gap);
		announce(streams, 100);
		unseen(SYS_write, feed[1], (long)bytes, 100, 0, 0, 0);
	}
	unseen(SYS_close, feed[1], 0, 0, 0, 0, 0);
	return unused;
}

/* Splices as a proxy does: it asks for more bytes than there are. */
static void splice_pieces(void)
{
	pthread_t feeder;

	open_streams(1);
	must(pipe2(feed, O_CLOEXEC) == 0, "pipe");
	put_string(streams, head_of("close", 0));
	streams->pieces--;
	pthread_create(&feeder, NULL, feed_slowly, NULL);
	while (splice(feed[0], NULL, streams->pair.fd, NULL, 65536, SPLICE_F_MOVE) > 0)
		;
	pthread_join(feeder, NULL);
	wait_until_read(streams);
	report("late pieces: %s\n", late_pieces(streams, LATE_US) <= 1 ? "one at most" : "more");
}

/* The whole message is written within a timeout of 20 ms, but if its first piece is held, that piece is late. */
static int short_message(struct stream *s)
{
	s->pieces = 0;
	put_string(s, head_of("cl", 15));
	for (int i = 0; i < 3; i++) {
		sleep_ms(i > 0 ? 6 : 0);
		put_string(s, "hello");
	}
	wait_until_read(s);
	return late_pieces(s, LATE_US);
}

/* how = head: the head is followed by a long pause; first: by a first piece; both: the head and a first piece are one
 * write; pieces: one write of two vectors. Returns how many pieces were late. */
static int slow_message(struct stream *s, const char *how)
{
	char first[300];

	s->pieces = 0;
	if (strcmp(how, "both") == 0 || strcmp(how, "pieces") == 0) {
		size_t n = (size_t)snprintf(first, sizeof first, "%s5\r\nhello\r\n", head_of("chunk", 0));
		struct iovec iov[] = { { first, strcmp(how, "both") == 0 ? n : n - 10 }, { first + n - 10, 10 } };

		announce(s, n);
		must(writev(s->pair.fd, iov, strcmp(how, "both") == 0 ? 1 : 2) == (ssize_t)n, "writing");
	} else {
		put_string(s, head_of("chunk", 0));
		sleep_ms(strcmp(how, "head") == 0 ? LONG_MS : 0);
		put_string(s, "5\r\nhello\r\n");
	}
	for (int i = 0; i < 2; i++) {
		sleep_ms(LONG_MS);
		put_string(s, "5\r\nworld\r\n");
	}
	put_string(s, "0\r\n\r\n");
	wait_until_read(s);
	return late_pieces(s, LATE_US);
}

/* The first message shows that holding is in vain. From the second message on nothing may be late. */
static void messages(const char *how)
{
	int late = 0;

	open_streams(1);
	for (int i = 0; i < 8; i++) {
		int now = strcmp(how, "short") == 0 ? short_message(streams) : slow_message(streams, how);

		late += i > 0 ? now : now > 2;
	}
	report("late from the second message on: %d\n", late);
}

/* A new connection uses what others have learned only after four of them agree. */
static void connections(void)
{
	int late = 0;

	open_streams(10);
	for (int i = 0; i < 10; i++) {
		int now = slow_message(&streams[i], "head");

		late += i >= 4 ? now : now > 1;
	}
	report("late on the fifth connection and on: %d\n", late);
}

/* The same where each connection is answered by a process of its own. */
static void forks(void)
{
	int late = 0, status;

	open_streams(10);
	for (int i = 0; i < 10; i++) {
		pid_t pid = fork();

		if (pid == 0)
			_exit(slow_message(&streams[i], "head"));
		must(waitpid(pid, &status, 0) == pid && WIFEXITED(status), "waitpid");
		late += i >= 4 ? WEXITSTATUS(status) : WEXITSTATUS(status) > 1;
	}
	report("late on the fifth connection and on: %d\n", late);
}

static void message(struct stream *s)
{
	s->pieces = 0;
	put_string(s, "HTTP/1.1 200 OK\r\nServer: slow\r\nTransfer-Encoding: chunked\r\n\r\n");
	put_string(s, "5\r\nhello\r\n0\r\n\r\n");
	wait_until_read(s);
}

/* One client makes each of its answers late. That must not change how other clients are served. */
static void hostile(void)
{
	open_streams(8);
	for (int i = 0; i < 12; i++)
		slow_message(&streams[0], "head");
	for (int i = 1; i < 8; i++)
		message(&streams[i]);
}

/* One slow message has the library hold nothing; the next ones come quickly, so it must hold again. */
static void again(void)
{
	open_streams(1);
	slow_message(streams, "head");
	for (int i = 0; i < 3; i++)
		message(streams);
}

/* Writes a head and the first piece of a body on many connections. */
static void burst(void)
{
	open_streams(CONNECTIONS);
	for (int i = 0; i < CONNECTIONS; i++) {
		put_string(&streams[i], head_of("chunk", 0));
		put_string(&streams[i], "5\r\nhello\r\n");
	}
}

/* A request whose body waits for the peer's 100 Continue. */
static void asks(void)
{
	static const char head[] = "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nTransfer-Encoding: chunked\r\n\r\n";
	struct stream *s = streams;
	char answer[64];

	open_streams(1);
	put_string(s, head);
	wait_until_read(s);
	send_unseen(s->pair.client, "HTTP/1.1 100 Continue\r\n\r\n", 25, 0);
	must(read(s->pair.fd, answer, sizeof answer) == 25, "reading the interim response");
	put_string(s, "5\r\n");
	put_string(s, "hello");
	put_string(s, "\r\n");
	put_string(s, "0\r\n\r\n");
	wait_until_read(s);
	report("came: %zu\n", s->got);
}

/* A child in its parent's memory writes the body that the peer asked for. It must not start a helper, which would end
 * with the child. */
static void asks_a_child(void)
{
	static const char head[] = "PUT / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 20\r\n\r\n";
	struct pair p = pair_of(listen_here(), 0), next;
	char got[200];
	pid_t pid;

	report("fd=%d", p.fd);
	write_whole(p.fd, head, sizeof head - 1);
	if ((pid = vfork()) == 0) {
		(void)!write(p.fd, bytes, 10);
		(void)!write(p.fd, bytes, 10);
		_exit(0);
	}
	must(waitpid(pid, NULL, 0) == pid, "waitpid");
	report("%zu\n", take(p.client, got, sizeof head - 1 + 20, now_ns() + 1000 * MS));
	next = pair_of(listen_here(), 0);
	write_head(next.fd);
	report("the next head came: %d\n", take(next.client, got, HEAD_SIZE, now_ns() + 1000 * MS) == HEAD_SIZE);
}

/* Writes n bytes that the program keeps back itself (MSG_MORE or a cork), by the call that `how` begins with. */
static void put_kept_back(int fd, const char *how, size_t n)
{
	struct iovec piece = { bytes, n };
	struct mmsghdr message = { .msg_hdr = { .msg_iov = &piece, .msg_iovlen = 1 } };
	int ends[2];

	if (strncmp(how, "splice", 6) == 0) {
		must(pipe2(ends, O_CLOEXEC) == 0 && write(ends[1], bytes, n) == (ssize_t)n, "filling a pipe");
		must(splice(ends[0], NULL, fd, NULL, n, SPLICE_F_MORE) == (ssize_t)n, "splice");
	} else if (strncmp(how, "sendmmsg", 8) == 0) {
		must(sendmmsg(fd, &message, 1, MSG_MORE) == 1 && message.msg_len == n, "sendmmsg");
	} else if (strncmp(how, "corked alone", 12) == 0) {
		set_int(fd, IPPROTO_TCP, TCP_CORK, 1);
	} else if (strncmp(how, "cork", 4) == 0) {
		set_int(fd, IPPROTO_TCP, TCP_CORK, 1);
		must(write(fd, bytes, n) == (ssize_t)n, "writing a body");
	} else {
		must(send(fd, bytes, n, MSG_MORE) == (ssize_t)n, "sending a body");
	}
}

static void let_others_have_it(int fd, const char *how)
{
	static char *args[] = { "true", NULL };
	pid_t pid = 0;

	if (strstr(how, "dup") != NULL)
		must(dup(fd) >= 0, "dup");
	else if (strstr(how, "fork") != NULL && (pid = fork()) == 0)
		unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	else if (strstr(how, "spawn") != NULL)
		must(posix_spawnp(&pid, args[0], NULL, NULL, args, environ) == 0, "posix_spawnp");
	must(pid == 0 || waitpid(pid, NULL, 0) == pid, "waiting for a child");
}

/* The head was written without MSG_MORE and before the cork, so it must not wait for the end of what the program keeps
 * back. Nor, with `last`, must the first piece that was written behind it. */
static void keep_back(const char *how)
{
	struct stream *s = streams;
	bool last = strstr(how, "last") != NULL;
	int i, other;

	open_streams(1);
	other = strstr(how, "name") != NULL ? dup(s->pair.fd) : s->pair.fd;
	put_string(s, head_of("cl", strstr(how, "end") != NULL ? 100 : 200));
	if (last)
		put(s, bytes, 100);
	i = s->pieces - 1;
	put_kept_back(other, how, 100);
	let_others_have_it(s->pair.fd, how);
	sleep_ms(100);
	report("%s came: %d\n", last ? "the first piece" : "the head",
	       s->came[i] != 0 && s->came[i] - s->sent[i] < 30 * MS);
}

/* The program waits for its peer, which the library must not take for a pause in the message. */
static void write_to_a_slow_peer(void)
{
	struct pair p = pair_of(listen_with_segments(), 4096);
	static char got[20000];
	size_t written = 0;
	ssize_t r;

	report("fd=%d", p.fd);
	set_int(p.fd, SOL_SOCKET, SO_SNDBUF, 32768);
	fcntl(p.fd, F_SETFL, O_NONBLOCK);
	write_whole(p.fd, head_of("close", 0), strlen(head_of("close", 0)));
	while ((r = write(p.fd, bytes, 2000)) > 0)
		written += (size_t)r;
	sleep_ms(60);
	take(p.client, got, sizeof got, now_ns() + 20 * MS);
	poll(&(struct pollfd){ p.fd, POLLOUT, 0 }, 1, 1000);
	report("%d, %d\n", written > 10000, write(p.fd, bytes, 2000) > 0);
}

int main(int argc, char **argv)
{
	shared = shared_map(SHARED_FD);
	memset(bytes, 'b', sizeof bytes);
	streams = mmap(NULL, CONNECTIONS * sizeof *streams, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	must(streams != MAP_FAILED, "mmap");
	if (argc == 5)
		pieces(natural("the gap", argv[2]), natural("the size", argv[3]), argv[4]);
	else if (argc == 3 && strcmp(argv[1], "splice") == 0)
		gap = natural("the gap", argv[2]), splice_pieces();
	else if (argc == 3 && strcmp(argv[1], "slow") == 0)
		write_to_a_slow_peer();
	else if (argc == 3 && strcmp(argv[1], "childs") == 0)
		asks_a_child();
	else if (argc == 3 && strcmp(argv[1], "more") == 0)
		keep_back(argv[2]);
	else if (argc == 3)
		messages(argv[2]);
	else if (argc == 2 && strcmp(argv[1], "connections") == 0)
		connections();
	else if (argc == 2 && strcmp(argv[1], "forks") == 0)
		forks();
	else if (argc == 2 && strcmp(argv[1], "hostile") == 0)
		hostile();
	else if (argc == 2 && strcmp(argv[1], "again") == 0)
		again();
	else if (argc == 2 && strcmp(argv[1], "burst") == 0)
		burst();
	else if (argc == 2 && strcmp(argv[1], "asks") == 0)
		asks();
	else
		return 2;
	atomic_store(&over, true);
	return 0;
}
