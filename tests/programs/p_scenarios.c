/* What needs a clock, a thread or a signal: p_scenarios NAME [HOW]. The plain call sequences are p_steps.c's. */
#include "p_common.h"

#include <dirent.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/epoll.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { HEAD_SIZE = sizeof HEAD - 1, BODY_SIZE = 200 };

static const char *how;

static void write_head(int fd)
{
	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
	atomic_fetch_add(&shared->written, HEAD_SIZE);
}

static void write_body(int fd)
{
	char body[BODY_SIZE];

	body_fill(shared, body, sizeof body);
	must(write(fd, body, sizeof body) == (ssize_t)sizeof body, "writing a body");
	atomic_fetch_add(&shared->written, BODY_SIZE);
}

static int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
#ifdef __SANITIZE_THREAD__
	n -= n > 1; /* one is its own: it comes with the first other, and stays */
#endif
	return n;
}

/* --- deadline ------------------------------------------------------------------------------------------------- */

enum { PAUSE_MS = 15 };

static void ignore(int signal_number)
{
	(void)signal_number;
}

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
	struct itimerval often = { { 0, PAUSE_MS * 1000 }, { 0, PAUSE_MS * 1000 } }; /* the first may come before the read */
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

static void deadline(void)
{
	static const struct { const char *how; void (*wait)(void); } waits[] = {
		{ "sleep", wait_asleep }, { "spin", wait_spinning }, { "pipe", wait_in_read }, { "epoll",
			wait_in_epoll },
	};
	int fd = accept_peer();
	size_t w = 0;

	while (strcmp(waits[w].how, how) != 0)
		w++;
	for (int i = 0; i < 50; i++) {
		shared->sent[i] = now_ns();
		write_head(fd);
		waits[w].wait();
		write_body(fd);
	}
}

/* Two programs that go on at once, two that do not, all in one. */
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

/* --- a peer that takes little at a time ------------------------------------------------------------------------ */

enum { FLOOD = 40, LARGE_BODY = 6000 };

static int zeroes, excesses; /* results that no honest call gives */
static int epoll_fd;

static void wait_writable(int fd)
{
	struct epoll_event e;

	if (strcmp(how, "epoll") == 0)
		must(epoll_wait(epoll_fd, &e, 1, 8000) == 1, "epoll_wait: the edge that was promised");
	else
		must(poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 8000) == 1, "poll");
}

static void write_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t r = write(fd, p, n);
		if (r < 0 && errno == EINTR)
			continue;
		if (r < 0) {
			must(errno == EAGAIN, "write");
			wait_writable(fd);
			continue;
		}
		zeroes += r == 0;
		excesses += r > (ssize_t)n;
		p += r;
		n -= (size_t)r;
	}
}

/* A connection with the least of send buffers, written as `how` says. */
static int accept_narrow(void)
{
	struct sigaction interrupt = { .sa_handler = ignore }; /* no SA_RESTART */
	struct itimerval often = { { 0, 700 }, { 0, 700 } };
	struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
	int fd = accept_peer();

	set_int(fd, SOL_SOCKET, SO_SNDBUF, 4096);
	if (strcmp(how, "signals") == 0) {
		sigaction(SIGALRM, &interrupt, NULL);
		setitimer(ITIMER_REAL, &often, NULL);
	} else
		fcntl(fd, F_SETFL, O_NONBLOCK);
	if (strcmp(how, "epoll") == 0) {
		epoll_fd = epoll_create1(0);
		epoll_ctl(epoll_fd, EPOLL_CTL_ADD, fd, &e);
	}
	return fd;
}

static void flood(void)
{
	int fd = accept_narrow();
	char body[LARGE_BODY];

	for (int i = 0; i < FLOOD; i++) {
		char head[128];
		write_all(fd, head, (size_t)snprintf(head, sizeof head,
			"HTTP/1.1 200 OK\r\nContent-Length: %d\r\nX: %d\r\n\r\n",
			LARGE_BODY, i));
		body_fill(shared, body, sizeof body);
		write_all(fd, body, sizeof body);
	}
	report("zeroes %d, excesses %d\n", zeroes, excesses);
}

/* 100 KB in chunks, each in three writes; then as many by their count, and as many until the end. */
static void long_bodies(void)
{
	static const char *const heads[] = { "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
		"HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n", "HTTP/1.0 200 OK\r\n\r\n" };
	int fd = accept_narrow();
	char data[2500];

	for (int kind = 0; kind < 3; kind++) {
		write_all(fd, heads[kind], strlen(heads[kind]));
		for (int i = 0; i < 40; i++) {
			if (kind == 0)
				write_all(fd, "9c4\r\n", 5);
			body_fill(shared, data, sizeof data);
			write_all(fd, data, sizeof data);
			if (kind == 0)
				write_all(fd, "\r\n", 2);
		}
		if (kind == 0)
			write_all(fd, "0\r\n\r\n", 5);
	}
	report("zeroes %d, excesses %d\n", zeroes, excesses);
}

/* Messages whose last chunk comes right behind another small segment, to a peer that is slow to acknowledge. The head waits for
 * its deadline before, if it is to be a stream. */
static void last_chunks(void)
{
	static const char chunk[] = "5\r\nhello\r\n", last[] = "0\r\n\r\n";
	bool stream = strcmp(how, "stream") == 0;
	int fd = accept_peer(), nodelay = 1;
	socklen_t size = sizeof nodelay;

	for (int i = 0; i < 21; i++) {
		must(write(fd, CHUNKED_HEAD, 100) == 100, "writing a head");
		if (stream)
			sleep_us(60000);
		must(write(fd, chunk, 10) == 10, "writing a chunk");
		shared->sent[i] = now_ns();
		must(write(fd, last, 5) == 5, "writing the last chunk");
		sleep_us(60000);
	}
	must(getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size) == 0 && nodelay == 0, "TCP_NODELAY being off");
}

/* The peer has reset the connection: the program finds out by an error or, if it did not say otherwise, by SIGPIPE. */
static void broken(void)
{
	int fd = accept_peer(), flags = strcmp(how, "nosignal") == 0 ? MSG_NOSIGNAL : 0;
	struct pollfd p = { fd, 0, 0 };

	report_bytes("!reset", 6);
	must(poll(&p, 1, 5000) == 1, "seeing the reset");
	if (strcmp(how, "ignored") == 0)
		signal(SIGPIPE, SIG_IGN);
	for (int i = 0; i < 10; i++) {
		ssize_t head = send(fd, HEAD, HEAD_SIZE, flags), body = head < 0 ? -1 : send(fd, HEAD, BODY_SIZE / 2,
			flags);
		if (body < 0 && errno == EPIPE) {
			report("EPIPE\n");
			return;
		}
		must(body >= 0 || errno == ECONNRESET, "send");
	}
	report("no error in ten messages\n");
}

/* A head is held when the peer resets; the helper meets the error, a later call reports it. */
static void late_error(void)
{
	int fd = accept_peer();
	struct pollfd p = { fd, 0, 0 };

	report_bytes("!reset", 6);
	must(poll(&p, 1, 5000) == 1, "seeing the reset");
	send(fd, HEAD, HEAD_SIZE, MSG_NOSIGNAL);
	sleep_us(30000);
	for (int i = 0; i < 3; i++)
		if (send(fd, "body", 4, MSG_NOSIGNAL) < 0 && (errno == ECONNRESET || errno == EPIPE)) {
			report("an error of the connection\n");
			return;
		}
	report("no error\n");
}

/* --- signals -------------------------------------------------------------------------------------------------- */

enum { MESSAGES = 2000, MARKS = 500, MARK_SIZE = 16 };

static volatile sig_atomic_t marks, refusals, writes; /* the last: that have returned */
static volatile sig_atomic_t no_more;
static const struct itimerval in_a_while = { { 0, 0 }, { 0, 100 } };
static int handler_fd;

static void write_digits(char *end, int n)
{
	for (; n > 0; n /= 10)
		*--end = (char)('0' + n % 10);
}

/* "#0000120000001\r\n": the first mark, after twelve writes. Or a whole message on its own socket. */
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
		setitimer(ITIMER_REAL, &in_a_while, NULL); /* however slow the handler is, the program gets on */
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

/* --- threads -------------------------------------------------------------------------------------------------- */

struct relay {
	pthread_barrier_t head_written, body_written;
	int fd;
	unsigned first; /* where this connection's bodies begin in the endless one */
};

enum { RELAYED = 300 };

static void *write_bodies(void *argument)
{
	struct relay *r = argument;
	char body[BODY_SIZE];

	for (unsigned i = 0; i < RELAYED; i++) {
		for (unsigned k = 0; k < BODY_SIZE; k++)
			body[k] = body_byte(r->first + i * BODY_SIZE + k);
		pthread_barrier_wait(&r->head_written);
		must(write(r->fd, body, BODY_SIZE) == BODY_SIZE, "writing a body");
		pthread_barrier_wait(&r->body_written);
	}
	return NULL;
}

static void *write_heads(void *argument)
{
	struct relay *r = argument;

	for (int i = 0; i < RELAYED; i++) {
		must(write(r->fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
		pthread_barrier_wait(&r->head_written);
		pthread_barrier_wait(&r->body_written);
	}
	return NULL;
}

/* Four connections; on each, one thread writes the heads and another the bodies. */
static void relays(void)
{
	static struct relay relay[4];
	pthread_t heads[4], bodies[4];

	for (unsigned i = 0; i < 4; i++) {
		relay[i] = (struct relay){ .fd = accept_peer(), .first = i * 1000003 };
		pthread_barrier_init(&relay[i].head_written, NULL, 2);
		pthread_barrier_init(&relay[i].body_written, NULL, 2);
	}
	for (int i = 0; i < 4; i++) {
		pthread_create(&heads[i], NULL, write_heads, &relay[i]);
		pthread_create(&bodies[i], NULL, write_bodies, &relay[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(heads[i], NULL);
		pthread_join(bodies[i], NULL);
	}
}

static void *read_to_end(void *argument)
{
	int fd = *(int *)argument;
	char piece[512];

	while (recv(fd, piece, sizeof piece, 0) > 0)
		;
	return NULL;
}

/* A thread sits in recv on the socket, or on a dup of it, all the while. */
static void reader(void)
{
	int fd = accept_peer(), reads = strcmp(how, "dup") == 0 ? dup(fd) : fd;
	pthread_t thread;

	pthread_create(&thread, NULL, read_to_end, &reads);
	sleep_us(2000);
	for (int i = 0; i < RELAYED; i++) {
		write_head(fd);
		write_body(fd);
	}
	report("all at the peer: %d\n", peer_has_all());
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
}

static atomic_bool stop;

static void *write_messages(void *argument)
{
	int fd = *(int *)argument;
	char body[BODY_SIZE];

	memset(body, 'b', sizeof body);
	for (int i = 0; i < MESSAGES; i++) {
		must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
		must(write(fd, body, BODY_SIZE) == BODY_SIZE, "writing a body");
	}
	atomic_store(&stop, true);
	return NULL;
}

/* A process that forks while another of its threads writes. */
static void forks(void)
{
	int fd = accept_peer(), failed = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, write_messages, &fd);
	while (!atomic_load(&stop)) {
		pid_t pid = fork();
		int status = -1;
		if (pid == 0)
			_exit(0);
		failed += waitpid(pid, &status, 0) != pid || status != 0;
	}
	pthread_join(thread, NULL);
	report("children that failed: %d\n", failed);
}

/* A thread is cancelled somewhere in its writes; the connection closes, and the next one works. */
static void cancelled(void)
{
	for (int i = 0; i < 4; i++) {
		int fd = accept_peer();
		pthread_t thread;
		void *result;
		atomic_store(&stop, false);
		pthread_create(&thread, NULL, write_messages, &fd);
		sleep_us(300 * i);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		close(fd);
	}
	report("done\n");
}

/* --- the helper ----------------------------------------------------------------------------------------------- */

static void no_hold_no_thread(void)
{
	int fd = accept_peer();
	char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";

	write_body(fd);
	must(write(fd, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1, "write");
	report("threads: %d\n", threads());
}

/* After ten messages, and then nothing, the process is by itself again. */
static void idle(void)
{
	int fd = accept_peer();
	int64_t until;

	for (int i = 0; i < 10; i++) {
		write_head(fd);
		write_body(fd);
	}
	for (until = now_ns() + INT64_C(5000000000); threads() > 1 && now_ns() < until;)
		sleep_us(10000);
	report("threads: %d\n", threads());
	write_head(fd); /* and it comes back */
	report("all at the peer: %d\n", peer_has_all());
}

/* To be alone is needed for a new namespace; CLONE_THREAD asks for nothing else, so it can be asked often. On a busy machine the
 * helper may not come to its end in time; asked again it does. */
static void alone(void)
{
	int fd = accept_peer(), refused = 0;

	for (int i = 0; i < MESSAGES; i++) {
		write_head(fd);
		refused += unshare(CLONE_THREAD) != 0 && unshare(CLONE_THREAD) != 0;
		write_body(fd);
	}
	report("refused: %d\n", refused);
}

/* A held head never reaches whatever has its descriptor's number next. */
static void reused(void)
{
	int client[2], fd = accept_own(&client[0]), next;
	char got[400];

	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
	if (strcmp(how, "replaced") == 0) {
		next = accept_own(&client[1]);
		unseen(SYS_dup3, next, fd, 0, 0, 0, 0);
		next = fd;
	} else {
		if (strcmp(how, "unseen") == 0)
			unseen(SYS_close, fd, 0, 0, 0, 0, 0);
		else
			close(fd);
		next = accept_own(&client[1]);
	}
	/* accept_own() makes its listener first: the number may come around with the client's end */
	report("the number is reused: %d\n", next == fd || client[1] == fd);
	sleep_us(30000);
	report("bytes on the new connection: %zd and %zd\n", recv(client[1], got, sizeof got, MSG_DONTWAIT),
		recv(next, got, sizeof got, MSG_DONTWAIT));
	must(write(next, HEAD, HEAD_SIZE) == HEAD_SIZE && write(next, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing");
	shutdown(next, SHUT_RDWR);
	report("its own bytes: %zd\n", recv(client[1], got, sizeof got, MSG_WAITALL));
}

/* Nor does the helper touch a file that has the number next: whoever closes any descriptor of a file ends its process's locks on it. */
static void locked(void)
{
	int client, fd = accept_own(&client), status;
	char name[] = "/tmp/p_scenarios.XXXXXX";
	struct flock whole = { .l_type = F_WRLCK, .l_whence = SEEK_SET };

	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
	int file = mkstemp(name);
	must(file >= 0 && unlink(name) == 0, "making a file");
	unseen(SYS_dup3, file, fd, 0, 0, 0, 0);
	close(file);
	must(fcntl(fd, F_SETLK, &whole) == 0, "locking it");
	sleep_us(30000);
	pid_t other = fork();
	if (other == 0)
		_exit(fcntl(fd, F_GETLK, &whole) == 0 && whole.l_type == F_WRLCK);
	must(other > 0 && waitpid(other, &status, 0) == other, "asking from another process");
	report("locked: %d\n", WEXITSTATUS(status));
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } scenarios[] = {
		{ "deadline", deadline }, { "deadlines", deadlines }, { "flood", flood }, { "long-bodies", long_bodies },
		{ "last-chunks", last_chunks }, { "broken", broken },
		{ "late-error", late_error }, { "signals", signals }, { "relays", relays }, { "reader", reader },
			{ "forks", forks },
		{ "cancelled", cancelled }, { "no-hold", no_hold_no_thread }, { "idle", idle }, { "alone", alone },
		{ "reused", reused }, { "locked", locked },
	};

	how = argc > 2 ? argv[2] : "";
	shared = shared_map(SHARED_FD);
	for (size_t i = 0; argc > 1 && i < sizeof scenarios / sizeof *scenarios; i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0) {
			scenarios[i].run();
			return 0;
		}
	return 2;
}
