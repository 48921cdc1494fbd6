/* What refers to a socket once the program has let go of it: p_references NAME [HOW].
 *
 * Each scenario has many rounds. In each a head is written and held, and the program does something a few milliseconds later, in the
 * next round a few more: so some of them meet the helper while it sends, however long the test lets that take. */
#include "p_pairs.h"

#include <dirent.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

enum { FIRST_MS = 1, LAST_MS = 41, STEP_MS = 4, ALL_OVER_MS = 90 };

static const char *how;
static int listener, null;

#define EACH_ROUND(at) for (int at = FIRST_MS; at <= LAST_MS; at += STEP_MS)

/* --- closed at the deadline ----------------------------------------------------------------------------------- */

extern __typeof__(close) __close;

/* Every way in which a descriptor can end by a call that has a name. Returns what has taken its number, or -1. */
static int let_go(int fd)
{
	FILE *stream;

	if (strcmp(how, "close") == 0)
		close(fd);
	else if (strcmp(how, "__close") == 0)
		__close(fd);
	else if (strcmp(how, "SYS_close") == 0)
		syscall(SYS_close, fd);
	else if (strcmp(how, "close_range") == 0)
		close_range((unsigned)fd, ~0u, 0);
	else if (strcmp(how, "SYS_close_range") == 0)
		syscall(SYS_close_range, fd, fd, 0);
	else if (strcmp(how, "closefrom") == 0)
		closefrom(fd);
	else if (strcmp(how, "fclose") == 0)
		fclose(fdopen(fd, "w"));
	else if (strcmp(how, "freopen") == 0) {
		stream = freopen("/dev/null", "w", fdopen(fd, "w"));
		fclose(stream);
	} else if (strcmp(how, "dup2") == 0)
		return dup2(null, fd);
	else if (strcmp(how, "dup3") == 0)
		return dup3(null, fd, O_CLOEXEC);
	else if (strcmp(how, "SYS_dup3") == 0)
		return (int)syscall(SYS_dup3, null, fd, 0);
	else if (strcmp(how, "shutdown") == 0 || strcmp(how, "shutdown both") == 0) {
		shutdown(fd, how[8] == '\0' ? SHUT_WR : SHUT_RDWR);
		return fd;
	} else
		must(false, how);
	return -1;
}

/* The peer has the whole head and then the end, within 3 ms of the close; and whoever waits for events hears no more of it. */
static void gone(void)
{
	int heads = 0, ends = 0, events = 0, epoll = epoll_create1(EPOLL_CLOEXEC);

	EACH_ROUND(at) {
		struct pair p = pair_of(listener, 0);
		struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP };
		int64_t start = now_ns();
		char got[HEAD_SIZE + 1];
		int left;

		epoll_ctl(epoll, EPOLL_CTL_ADD, p.fd, &e);
		write_head(p.fd);
		sleep_until(start + at * MS);
		left = let_go(p.fd);
		ends += poll(&(struct pollfd){ p.client, POLLRDHUP, 0 }, 1, 3) != 1;
		heads += take(p.client, got, sizeof got, now_ns() + 3 * MS) != HEAD_SIZE || memcmp(got, HEAD, HEAD_SIZE) != 0;
		send_unseen(p.client, "x", 1, MSG_NOSIGNAL);
		if (left != p.fd || strncmp(how, "shutdown", 8) != 0) {
			events += epoll_wait(epoll, &e, 1, 0) > 0;
			sleep_until(start + ALL_OVER_MS * MS);
			events += epoll_wait(epoll, &e, 1, 0) > 0;
		}
		close(left);
		close(p.client);
	}
	report("heads that are missing: %d, ends that are late: %d, events of what is closed: %d\n", heads, ends, events);
}

/* --- left at the deadline ------------------------------------------------------------------------------------- */

static void __attribute__((noreturn)) write_and_leave(int at)
{
	int fd = dial(listener, 0);
	int64_t start = now_ns();

	write_whole(fd, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 38);
	sleep_until(start + at * MS);
	shared->sent[0] = now_ns();
	if (strcmp(how, "exec") == 0)
		execl("/bin/true", "true", (char *)NULL);
	if (strcmp(how, "exit") == 0)
		exit(0);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(0);
	if (strcmp(how, "SYS_exit_group") == 0)
		syscall(SYS_exit_group, 0);
	_exit(0);
}

/* A process that ends, or becomes another program, with a head in hand. */
static void left(void)
{
	int heads = 0, ends = 0;

	EACH_ROUND(at) {
		pid_t pid = fork();
		char got[64];
		int fd, status;

		if (pid == 0)
			write_and_leave(at);
		fd = accept(listener, NULL, NULL);
		heads += take(fd, got, sizeof got, now_ns() + 1000 * MS) != 38;
		ends += now_ns() - shared->sent[0] > 150 * MS;
		waitpid(pid, &status, 0);
		close(fd);
	}
	report("heads that are missing: %d, ends that are late: %d\n", heads, ends);
}

/* --- numbers -------------------------------------------------------------------------------------------------- */

enum { NUMBERS = 1200 };

/* The recorder opens its log for each line, which is a descriptor as well. */
static void be_alone(void)
{
	unsetenv("RECORDER_LOG");
}

static void limit_numbers(unsigned n)
{
	struct rlimit r;

	getrlimit(RLIMIT_NOFILE, &r);
	r.rlim_cur = n;
	must(setrlimit(RLIMIT_NOFILE, &r) == 0, "setrlimit (the hard limit of RLIMIT_NOFILE has to be 1200 or more)");
}

/* Something that a byte can be written to. */
struct target {
	int fd, other;
	struct stat stat;
};

static struct target open_target(const char *kind)
{
	struct target t = { .other = -1 };
	int ends[2];

	if (strcmp(kind, "file") == 0)
		t.fd = memfd_create("file", MFD_CLOEXEC);
	else if (strcmp(kind, "tcp") == 0) {
		struct pair p = pair_of(listener, 0);

		t.fd = p.fd;
		t.other = p.client;
	} else {
		must((strcmp(kind, "pipe") == 0 ? pipe(ends) : socketpair(AF_UNIX, SOCK_STREAM, 0, ends)) == 0, kind);
		t.other = ends[0];
		t.fd = ends[1];
	}
	must(fstat(t.fd, &t.stat) == 0, "fstat");
	return t;
}

static void close_target(const struct target *t)
{
	close(t->fd);
	if (t->other >= 0)
		close(t->other);
}

static long bytes_in(const struct target *t)
{
	struct stat now;
	int n = 0;

	if (t->other < 0)
		return fstat(t->fd, &now) == 0 ? (long)now.st_size : -1;
	return unseen(SYS_ioctl, t->other, FIONREAD, (long)&n, 0, 0, 0) == 0 ? n : -1;
}

static bool is_target(int fd, const struct target *t)
{
	struct stat now;

	return fstat(fd, &now) == 0 && now.st_ino == t->stat.st_ino && now.st_dev == t->stat.st_dev;
}

/* The program takes every number there is while the helper has a head to send: they stay what it made of them. */
static void chosen(void)
{
	int heads = 0, lost = 0;
	long bytes = 0;

	limit_numbers(NUMBERS);
	be_alone();
	EACH_ROUND(at) {
		struct target t = open_target(how);
		struct pair p = pair_of(listener, 0);
		int64_t start = now_ns();
		char got[HEAD_SIZE + 1];

		write_head(p.fd);
		sleep_until(start + at * MS);
		for (int n = p.fd; n < NUMBERS; n++)
			must(dup2(t.fd, n) == n, "dup2");
		sleep_until(start + ALL_OVER_MS * MS);
		for (int n = p.fd; n < NUMBERS; n++)
			lost += !is_target(n, &t);
		bytes += bytes_in(&t);
		heads += take(p.client, got, sizeof got, now_ns()) != HEAD_SIZE;
		close_range((unsigned)p.fd, ~0u, 0);
		close(p.client);
		close_target(&t);
	}
	report("heads that are missing: %d, numbers that are lost: %d, bytes: %ld\n", heads, lost, bytes);
}

/* Only one number is left, and the program needs it every now and then. */
static void last(void)
{
	struct pair p = pair_of(listener, 0);
	char body[BODY_SIZE] = "";
	int refused = 0, top = atoi(how);

	limit_numbers((unsigned)top);
	be_alone();
	while (dup(null) >= 0)
		;
	close(top - 1);
	EACH_ROUND(at) {
		int64_t start = now_ns();

		write_head(p.fd);
		while (now_ns() < start + 20 * MS) {
			int file = open("/dev/null", O_RDONLY | O_CLOEXEC);

			refused += file < 0;
			if (file >= 0)
				close(file);
			sleep_us(100);
		}
		write_whole(p.fd, body, sizeof body);
	}
	report("descriptors that were refused: %d\n", refused);
}

/* --- what is to be seen in /proc/self/fd ---------------------------------------------------------------------- */

static atomic_bool over;
static atomic_int looks;
static bool known[NUMBERS];

static int numbers_that_are_new(int dir, bool note)
{
	char piece[4096];
	long n;
	int found = 0;

	lseek(dir, 0, SEEK_SET);
	while ((n = syscall(SYS_getdents64, dir, piece, sizeof piece)) > 0)
		for (char *at = piece; at < piece + n; at += ((struct dirent64 *)at)->d_reclen) {
			int fd = atoi(((struct dirent64 *)at)->d_name);

			if (note && fd < NUMBERS)
				known[fd] = true;
			found += fd >= NUMBERS || !known[fd];
		}
	return found;
}

static void *watch(void *argument)
{
	int *found = argument, dir = open("/proc/self/fd", O_RDONLY | O_DIRECTORY);

	numbers_that_are_new(dir, true);
	atomic_fetch_add(&looks, 1);
	while (!atomic_load(&over)) {
		*found += numbers_that_are_new(dir, false);
		sleep_us(100);
		atomic_fetch_add(&looks, 1);
	}
	return NULL;
}

static void strangers(void)
{
	enum { CONNECTIONS = 4 };
	struct pair p[CONNECTIONS];
	char body[BODY_SIZE] = "";
	pthread_t thread;
	int found = 0;

	be_alone();
	for (int i = 0; i < CONNECTIONS; i++)
		p[i] = pair_of(listener, 0);
	must(pthread_create(&thread, NULL, watch, &found) == 0, "pthread_create");
	while (atomic_load(&looks) == 0)
		sleep_us(100);
	for (int round = 0; round < 12; round++)
		for (int i = 0; i < CONNECTIONS; i++) {
			write_head(p[i].fd);
			sleep_us(8000);
			write_whole(p[i].fd, body, sizeof body);
		}
	atomic_store(&over, true);
	pthread_join(thread, NULL);
	report("looked: %d, descriptors that the program did not open: %d\n", atomic_load(&looks) > 10, found);
}

/* --- locks on a file that has the number now ------------------------------------------------------------------- */

static bool is_locked(int file)
{
	struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
	int status;
	pid_t pid = fork();

	if (pid == 0) {
		unseen(SYS_fcntl, file, F_GETLK, (long)&lock, 0, 0, 0);
		_exit(lock.l_type != F_UNLCK);
	}
	waitpid(pid, &status, 0);
	return WEXITSTATUS(status) == 1;
}

static void locks(void)
{
	int lost = 0, moved = 0;

	EACH_ROUND(at) {
		struct pair p = pair_of(listener, 0);
		struct flock lock = { .l_type = F_WRLCK, .l_whence = SEEK_SET };
		int64_t start = now_ns();
		int file;

		write_head(p.fd);
		sleep_until(start + at * MS);
		if (strcmp(how, "unseen") == 0)
			unseen(SYS_close, p.fd, 0, 0, 0, 0, 0);
		else
			close(p.fd);
		file = (int)unseen(SYS_memfd_create, (long)"file", 0, 0, 0, 0, 0);
		moved += file != p.fd;
		must(unseen(SYS_fcntl, file, F_SETLK, (long)&lock, 0, 0, 0) == 0, "F_SETLK");
		sleep_until(start + ALL_OVER_MS * MS);
		lost += !is_locked(file);
		close(file);
		close(p.client);
	}
	report("files with another number: %d, locks that are lost: %d\n", moved, lost);
}

/* --- closed and replaced by system calls that nobody sees ------------------------------------------------------ */

/* The old head is for the socket that had the number, and the next write for what has it now. */
static void replaced(const char *kind, bool late)
{
	long early = 0, wrong = 0;
	char body[BODY_SIZE], got[HEAD_SIZE + BODY_SIZE + 1];

	memset(body, 'b', sizeof body);
	EACH_ROUND(at) {
		struct target t = open_target(kind);
		struct pair p = pair_of(listener, 0);
		int64_t start = now_ns();
		long n;

		write_head(p.fd);
		sleep_until(start + at * MS);
		must(unseen(SYS_dup3, t.fd, p.fd, 0, 0, 0, 0) == p.fd, "dup3");
		if (late)
			sleep_until(start + ALL_OVER_MS * MS);
		early += bytes_in(&t);
		write_whole(p.fd, body, sizeof body);
		sleep_us(20000);
		n = t.other < 0 ? pread(t.fd, got, sizeof got, 0) : unseen(SYS_read, t.other, (long)got, sizeof got, 0, 0, 0);
		wrong += n != BODY_SIZE || memcmp(got, body, BODY_SIZE) != 0;
		close(p.fd);
		close(p.client);
		close_target(&t);
	}
	report("bytes that nobody wrote: %ld, rounds with other bytes than those written: %ld\n", early, wrong);
}

static void replaced_late(void)
{
	replaced(how, true);
}

static void replaced_soon(void)
{
	replaced(how, false);
}

/* The socket moves to another number and comes back, while its head is due. Nobody sees it go; its next write takes the head along. */
static void moved(void)
{
	int lost = 0, elsewhere = 900;
	char body[BODY_SIZE], got[HEAD_SIZE + BODY_SIZE];

	memset(body, 'b', sizeof body);
	limit_numbers(NUMBERS);
	EACH_ROUND(at) {
		struct pair p = pair_of(listener, 0);

		write_head(p.fd);
		must(unseen(SYS_dup3, p.fd, elsewhere, 0, 0, 0, 0) == elsewhere, "dup3");
		if (strcmp(how, "closed") == 0)
			unseen(SYS_close, p.fd, 0, 0, 0, 0, 0);
		else
			must(unseen(SYS_dup3, null, p.fd, 0, 0, 0, 0) == p.fd, "dup3");
		sleep_us(at * 1000L);
		must(unseen(SYS_dup3, elsewhere, p.fd, 0, 0, 0, 0) == p.fd, "dup3");
		unseen(SYS_close, elsewhere, 0, 0, 0, 0, 0);
		write_whole(p.fd, body, sizeof body);
		lost += take(p.client, got, sizeof got, now_ns() + 100 * MS) != sizeof got || memcmp(got, HEAD, HEAD_SIZE) != 0 ||
			memcmp(got + HEAD_SIZE, body, BODY_SIZE) != 0;
		close(p.fd);
		close(p.client);
	}
	report("messages that did not come whole and in order: %d\n", lost);
}

/* --- SO_LINGER ------------------------------------------------------------------------------------------------ */

/* {1, 0}: the connection is reset by the close, and the head was there before. */
static void reset(void)
{
	int heads = 0, late = 0;

	EACH_ROUND(at) {
		struct pair p = pair_of(listener, 0);
		struct linger hard = { 1, 0 };
		int64_t start = now_ns();
		char got[HEAD_SIZE + 1];

		setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		write_head(p.fd);
		sleep_until(start + at * MS);
		close(p.fd);
		late += poll(&(struct pollfd){ p.client, POLLRDHUP, 0 }, 1, 3) != 1;
		heads += take(p.client, got, HEAD_SIZE, now_ns() + 3 * MS) != HEAD_SIZE;
		late += unseen(SYS_read, p.client, (long)got, 1, 0, 0, 0) != -1 || errno != ECONNRESET;
		close(p.client);
	}
	report("heads that are missing: %d, resets that are late: %d\n", heads, late);
}

/* {1, 1}: the close waits for the peer, for a second, in the thread that closes; heads of others are not kept by that. */
static int other_fd;
static int64_t other_written;

static void *write_elsewhere(void *argument)
{
	(void)argument;
	sleep_us(300000);
	other_written = now_ns();
	write_head(other_fd);
	return NULL;
}

static void linger(void)
{
	struct pair p = pair_of(listener, 4096), other = pair_of(listener, 0);
	struct linger second = { 1, 1 };
	static char piece[20000];
	int64_t start;
	pthread_t thread;
	char byte;

	other_fd = other.fd;
	setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &second, sizeof second);
	must(send_unseen(p.fd, piece, sizeof piece, 0) == sizeof piece, "filling the peer's buffer");
	start = now_ns();
	write_head(p.fd);
	pthread_create(&thread, NULL, write_elsewhere, NULL);
	sleep_until(start + atoi(how) * MS);
	start = now_ns();
	close(p.fd);
	start = now_ns() - start;
	pthread_join(thread, NULL);
	report("close waited: %d\n", start > 900 * MS && start < 1500 * MS);
	report("another head came: %d\n", take(other.client, &byte, 1, other_written + 50 * MS) == 1);
}

/* --- the first head of a process with two threads --------------------------------------------------------------- */

static void *idle(void *argument)
{
	pause();
	return argument;
}

static void first(void)
{
	int fd = accept_peer();
	pthread_t thread;

	pthread_create(&thread, NULL, idle, NULL);
	sleep_us(2000);
	shared->sent[0] = now_ns();
	write_head(fd);
	sleep_us(60000);
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); } scenarios[] = {
		{ "gone", gone }, { "left", left }, { "chosen", chosen }, { "last", last }, { "strangers", strangers },
		{ "locks", locks }, { "replaced soon", replaced_soon }, { "replaced late", replaced_late }, { "moved", moved }, { "reset", reset },
		{ "linger", linger }, { "first", first },
	};

	how = argc > 2 ? argv[2] : "";
	shared = shared_map(SHARED_FD);
	null = open("/dev/null", O_RDWR);
	listener = listen_here();
	for (size_t i = 0; argc > 1 && i < sizeof scenarios / sizeof *scenarios; i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0) {
			scenarios[i].run();
			return 0;
		}
	return 2;
}
