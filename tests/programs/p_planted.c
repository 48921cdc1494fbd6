/* What the tests of planted.c need more than steps for: p_planted unreadable|fell-short|worker|leak [HOW]. */
#include "p_pairs.h"

#include <sys/wait.h>

static const char *how;
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

/* --- bodies whose memory is gone --------------------------------------------------------------------------------- */

static const char *nothing;

static void refuse(int fd, size_t n)
{
	ssize_t r = write(fd, nothing, n);

	report("%zd %s, ", r, r < 0 ? strerrorname_np(errno) : "");
}

/* All of a body, its beginning, or its end; then what is there. */
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

/* --- somebody writes past us, on one connection ------------------------------------------------------------------ */

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

/* --- a server that forks its workers ----------------------------------------------------------------------------- */

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

/* --- many connections, and no thread to be had ------------------------------------------------------------------- */

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
	static const struct linger reset = { 1, 0 }; /* nothing waits in TIME_WAIT */
	struct pair p = pair_of(listener, 0);
	char got[HEAD_SIZE];

	write_head(p.fd);
	must(take(p.client, got, sizeof got, now_ns() + 2000 * MS) == sizeof got, "reading a head");
	close(p.fd);
	setsockopt(p.client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(p.client);
}

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

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } scenarios[] = {
		{ "unreadable", unreadable }, { "fell-short", fell_short }, { "worker", worker }, { "leak", leak },
	};

	how = argc > 2 ? argv[2] : "";
	shared = shared_map(SHARED_FD);
	memset(body, 'b', sizeof body);
	for (size_t i = 0; argc > 1 && i < sizeof scenarios / sizeof *scenarios; i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0) {
			scenarios[i].run();
			return 0;
		}
	return 2;
}
