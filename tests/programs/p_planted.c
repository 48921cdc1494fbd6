/* p_planted unreadable|fell-short|worker|vfork|leak|full [HOW] carries out what tests/preload/planted.c cannot say in
 * steps. */
#include "p_named.h"
#include "p_pairs.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

static char body[BODY_SIZE];

static void put(int fd, const char *p, size_t n)
{
	write_whole(fd, p, n);
	atomic_fetch_add(&shared->written, n);
}

static void put_message(int fd)
{
	put(fd, HEAD, HEAD_SIZE);
	put(fd, body, BODY_SIZE);
}

/* --- bodies whose memory cannot be read ------------------------------------------------------- */

static const char *nothing;

static void refuse(int fd, size_t n)
{
	ssize_t r = write(fd, nothing, n);

	report("%zd %s, ", r, r < 0 ? strerrorname_np(errno) : "");
}

/* All of a body cannot be read, or its beginning, or its end. Then what can be read is written. */
static void unreadable(void)
{
	int fd = accept_peer();

	nothing = mmap(NULL, 4096, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	for (int i = 0; i < 2; i++) {
		put(fd, HEAD, HEAD_SIZE);
		if (strcmp(how, "all") == 0)
			refuse(fd, BODY_SIZE);
		if (strcmp(how, "beginning") == 0)
			refuse(fd, BODY_SIZE / 2);
		put(fd, body, BODY_SIZE / 2);
		if (strcmp(how, "end") == 0)
			refuse(fd, BODY_SIZE / 2);
		put(fd, body + BODY_SIZE / 2, BODY_SIZE / 2);
	}
	report("all at the peer: %d\n", peer_has_all());
}

/* --- bytes on one connection that no hook sees ------------------------------------------------ */

/* A body and an answer are written on one connection by calls that no hook sees, so its next head shows that a
 * message fell short. That must take the memory hold from that connection only. */
static void fell_short(void)
{
	static const char post[] = "POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n";
	int fd = accept_peer();
	struct pair p = pair_of(listen_here(), 0);
	char answer;

	write_whole(p.client, post, sizeof post - 1);
	send_unseen(p.client, body, BODY_SIZE, 0);
	send_unseen(p.fd, "x", 1, 0);
	must(read(p.client, &answer, 1) == 1, "reading an answer");
	write_whole(p.client, post, sizeof post - 1);
	put_message(fd);
	report("all at the peer: %d\n", peer_has_all());
}

/* The buffer of one head grows, so its old memory is free, while another connection begins its first message. */
static void grown(void)
{
	static const char part[] = "HTTP/1.1 200 OK\r\nX-Long: ", end[] = "\r\nContent-Length: 0\r\n\r\n";
	static char rest[600];
	int first = accept_peer();

	memset(rest, 'x', sizeof rest);
	put(first, part, sizeof part - 1);
	put(first, rest, sizeof rest);
	put_message(accept_peer());
	put(first, end, sizeof end - 1);
	report("all at the peer: %d\n", peer_has_all());
}

/* --- a server that forks its workers ---------------------------------------------------------- */

static void worker(void)
{
	pid_t pid = fork();

	if (pid == 0) {
		int fd = accept_peer();

		put_message(fd);
		put_message(fd);
		report("all at the peer: %d\n", peer_has_all());
		_exit(0);
	}
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
}

/* --- a child of vfork writes the first message ------------------------------------------------ */

enum { FAR_LISTENER_FD = 200 };

static void __attribute__((noinline)) answer_in_a_child(void)
{
	pid_t pid = vfork();

	if (pid == 0) {
		put_message(accept(FAR_LISTENER_FD, NULL, NULL));
		_exit(0);
	}
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "vfork");
}

/* The program starts again with its listener under a number that the library does not ask for at the start. So nothing
 * is known of any socket until the child accepts one. */
static void vforked(void)
{
	int fd;

	if (fcntl(FAR_LISTENER_FD, F_GETFD) < 0) {
		must(dup2(LISTENER_FD, FAR_LISTENER_FD) == FAR_LISTENER_FD && close(LISTENER_FD) == 0, "dup2");
		execl("/proc/self/exe", "p_planted", "vfork", (char *)NULL);
		must(false, "execl");
	}
	answer_in_a_child();
	fd = accept(FAR_LISTENER_FD, NULL, NULL);
	must(fd >= 0, "accept");
	report("fd=%d", fd);
	put_message(fd);
	put_message(fd);
	report("all at the peer: %d\n", peer_has_all());
}

/* --- many connections, and no thread can be made ---------------------------------------------- */

enum { ROUNDS = 1500 };

static long kib_of_memory(void)
{
	long pages = 0;
	FILE *f = fopen("/proc/self/statm", "r");

	must(f != NULL && fscanf(f, "%ld", &pages) == 1, "statm");
	fclose(f);
	return pages * sysconf(_SC_PAGESIZE) / 1024;
}

static void answer_one(int listener)
{
	static const struct linger reset = { 1, 0 }; /* so that no connection stays in TIME_WAIT */
	struct pair p = pair_of(listener, 0);
	char got[HEAD_SIZE];

	write_head(p.fd);
	must(take(p.client, got, sizeof got, now_ns() + 2000 * MS) == sizeof got, "reading a head");
	close(p.fd);
	setsockopt(p.client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(p.client);
}

/* Where no helper can be created, the library must keep nothing for each connection. */
static void leak(void)
{
	int listener = listen_here();
	long before = 0;

	unsetenv("RECORDER_LOG");
	for (int i = 0; i < 2 * ROUNDS; i++) {
		if (i == ROUNDS)
			before = kib_of_memory();
		answer_one(listener);
	}
	report("memory grows: %d\n", kib_of_memory() - before > ROUNDS / 4);
}

/* --- full buffers that the library took for empty ones ---------------------------------------- */

enum { FULL = 6, LONG_BODY = 20000, TICKS = 3 };

static struct pair full[FULL];

/* Makes n connections that hold a head, and fills their buffers by calls that no hook sees, until no byte has gone for
 * longer than the kernel waits before it asks the peer again. */
static void make_full(int n)
{
	int listener = listen_here();

	for (int i = 0; i < n; i++) {
		full[i] = pair_of(listener, 4096);
		set_int(full[i].fd, SOL_SOCKET, SO_SNDBUF, 16384);
		write_head(full[i].fd);
	}
	for (int quiet = 0; quiet < 60; quiet++, sleep_us(5000))
		for (int i = 0; i < n; i++)
			while (send_unseen(full[i].fd, body, BODY_SIZE, MSG_DONTWAIT) > 0 ||
			       send_unseen(full[i].fd, body, 1, MSG_DONTWAIT) > 0)
				quiet = 0;
}

static void *write_short_body(void *fd)
{
	(void)!write(*(int *)fd, body, BODY_SIZE);
	return NULL;
}

static void *send_at_once(void *fd)
{
	report("%s, ", send(*(int *)fd, body, BODY_SIZE, MSG_DONTWAIT) < 0 ? strerrorname_np(errno) : "taken");
	return NULL;
}

/* Joins a thread. False: it did not end within a second; it is left running. */
static bool ends_soon(pthread_t thread)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 1;
	return pthread_timedjoin_np(thread, NULL, &limit) == 0;
}

/* Has the peers read one after the other, with a pause before each. */
static void *read_one_by_one(void *unused)
{
	static char piece[65536];

	for (int i = 0; i < FULL; i++) {
		sleep_us(120000);
		take(full[i].client, piece, sizeof piece, now_ns() + 40 * MS);
	}
	return unused;
}

/* The main thread closes the first of the connections, or forks while all of them are full. */
static void call_on_a_full_one(void)
{
	bool forks = strncmp(how, "fork", 4) == 0;
	pthread_t thread;
	int64_t start;

	make_full(forks ? FULL : 1);
	if (strcmp(how, "close, and a writer") == 0)
		pthread_create(&thread, NULL, write_short_body, &full[0].fd);
	sleep_us(50000);
	if (strcmp(how, "fork, and readers") == 0)
		pthread_create(&thread, NULL, read_one_by_one, NULL);
	start = now_ns();
	if (forks) {
		if (fork() == 0)
			_exit(0);
	} else
		close(full[0].fd);
	report("soon: %d\n", now_ns() - start < 700 * MS);
}

/* Another thread writes on a full connection. */
static void thread_on_a_full_one(void)
{
	pthread_t thread;

	make_full(1);
	if (strcmp(how, "cancel") == 0) {
		/* makes the library forget what it knew of the buffer */
		set_int(full[0].fd, IPPROTO_TCP, TCP_NODELAY, 1);
		pthread_create(&thread, NULL, write_short_body, &full[0].fd);
		sleep_us(50000);
		pthread_cancel(thread);
	} else
		pthread_create(&thread, NULL, send_at_once, &full[0].fd);
	report("the thread ends: %d\n", ends_soon(thread));
}

static atomic_int ticks;

static void tick(int signal_number)
{
	struct itimerval soon = { .it_value = { 0, 60000 } };

	(void)signal_number;
	if (atomic_fetch_add(&ticks, 1) + 1 < TICKS)
		setitimer(ITIMER_REAL, &soon, NULL);
}

/* Begins to read when the writer has been interrupted TICKS times. */
static void *read_at_last(void *unused)
{
	static char piece[65536];

	while (atomic_load(&ticks) < TICKS)
		sleep_us(1000);
	take(full[0].client, piece, sizeof piece, now_ns() + 2000 * MS);
	return unused;
}

/* Handlers with SA_RESTART must not end a write early. The body is so long that it is sent by a call of its own if
 * there is no room for head and body. */
static void be_interrupted(void)
{
	struct sigaction restart = { .sa_handler = tick, .sa_flags = SA_RESTART };
	static char long_body[LONG_BODY];
	sigset_t alarms;
	pthread_t reader;
	ssize_t r;

	make_full(1);
	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	sigaction(SIGALRM, &restart, NULL);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	pthread_create(&reader, NULL, read_at_last, NULL);
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	tick(0);
	r = write(full[0].fd, long_body, sizeof long_body);
	report("%s\n", r == LONG_BODY ? "whole" : r < 0 ? strerrorname_np(errno) : "a part");
}

static void meet_full_buffers(void)
{
	if (strcmp(how, "signals") == 0)
		be_interrupted();
	else if (strcmp(how, "cancel") == 0 || strcmp(how, "send") == 0)
		thread_on_a_full_one();
	else
		call_on_a_full_one();
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

int main(int argc, char **argv)
{
	static const struct named scenarios[] = {
		{ "unreadable", unreadable }, { "fell-short", fell_short },  { "worker", worker }, { "leak", leak },
		{ "vfork", vforked },         { "full", meet_full_buffers }, { "grown", grown },
	};

	named_begin(argc, argv);
	memset(body, 'b', sizeof body);
	return named_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
