/* p_numbers NAME [HOW] takes, fills or gives away descriptor numbers while a head is due on a connection, for
 * tests/preload/identity.c, left.c and references.c: what the helper sends must reach the right socket, and no number
 * of the program's may be touched. */
#include "p_named.h"
#include "p_pairs.h"
#include "number.h"

#include <dirent.h>
#include <linux/close_range.h>
#include <pthread.h>
#include <sys/sendfile.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>

static int listener, null;

enum { NUMBERS = 1200 };

/* Turns the recorder off, which opens its log for each line and so uses a descriptor. */
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

/* Something to which bytes can be written. */
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

/* The program gives each free number to a file or socket of its own while the helper has a head to send. Each number
 * must still be that file or socket afterwards. */
static void chosen(void)
{
	int heads = 0, lost = 0;
	long bytes = 0;

	limit_numbers(NUMBERS);
	be_alone();
	EACH_ROUND(at)
	{
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

/* Only one number is left, and the program needs it again and again. A descriptor of the library's own would take
 * it. */
static void last(void)
{
	struct pair p = pair_of(listener, 0);
	char body[BODY_SIZE] = "";
	int refused = 0, top = natural("the numbers", how);

	limit_numbers((unsigned)top);
	be_alone();
	while (dup(null) >= 0)
		;
	close(top - 1);
	EACH_ROUND(at)
	{
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

/* --- what can be seen in /proc/self/fd -------------------------------------------------------- */

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

/* Looks at /proc/self/fd while heads fall due: the library must not open a descriptor. */
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

/* --- locks on a file that has the number now -------------------------------------------------- */

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

/* A file gets the number of a closed connection whose head is due. If the library closed a descriptor of that file,
 * the process would lose its locks on the file (fcntl(2)). */
static void locks(void)
{
	int lost = 0, moved = 0;

	be_alone();
	EACH_ROUND(at)
	{
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

/* --- closed and replaced by system calls that no hook sees ------------------------------------ */

/* The held head belongs to the socket that had the number; the next write belongs to what has the number now. */
static void replaced(const char *kind, bool late)
{
	bool corks = strcmp(kind, "tcp, and TCP_CORK") == 0;
	long early = 0, wrong = 0;
	char body[BODY_SIZE], got[HEAD_SIZE + BODY_SIZE + 1];

	memset(body, 'b', sizeof body);
	EACH_ROUND(at)
	{
		struct target t = open_target(corks ? "tcp" : kind);
		struct pair p = pair_of(listener, 0);
		int64_t start = now_ns();
		long n;

		write_head(p.fd);
		sleep_until(start + at * MS);
		must(unseen(SYS_dup3, t.fd, p.fd, 0, 0, 0, 0) == p.fd, "dup3");
		if (late)
			sleep_until(start + ALL_OVER_MS * MS);
		for (int on = corks; on >= 0 && corks; on--)
			set_int(p.fd, IPPROTO_TCP, TCP_CORK, on);
		early += bytes_in(&t);
		write_whole(p.fd, body, sizeof body);
		sleep_us(20000);
		n = t.other < 0 ? pread(t.fd, got, sizeof got, 0)
		                : unseen(SYS_read, t.other, (long)got, sizeof got, 0, 0, 0);
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

/* The socket moves to another number and comes back by calls that no hook sees, while its head is due. Its next write
 * must take the head along. */
static void moved(void)
{
	int lost = 0, elsewhere = 900;
	char body[BODY_SIZE], got[HEAD_SIZE + BODY_SIZE];

	memset(body, 'b', sizeof body);
	be_alone();
	limit_numbers(NUMBERS);
	EACH_ROUND(at)
	{
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
		lost += take(p.client, got, sizeof got, now_ns() + 100 * MS) != sizeof got ||
		        memcmp(got, HEAD, HEAD_SIZE) != 0 || memcmp(got + HEAD_SIZE, body, BODY_SIZE) != 0;
		close(p.fd);
		close(p.client);
	}
	report("messages that did not come whole and in order: %d\n", lost);
}

/* --- a number that means two sockets ---------------------------------------------------------- */

static struct pair ours, childs;
static atomic_int stage;
static int hello; /* a file with these bytes */

/* A child of vfork has the memory of its parent, whose other threads go on, but descriptors of its own. It puts another
 * socket under the number of its parent's connection. */
static void *lend_memory(void *unused)
{
	if (vfork() == 0) {
		dup2(childs.fd, ours.fd);
		atomic_store(&stage, 1);
		while (atomic_load(&stage) < 2)
			sleep_us(100);
		if (strcmp(how, "cork") == 0) {
			set_int(ours.fd, IPPROTO_TCP, TCP_CORK, 1);
			set_int(ours.fd, IPPROTO_TCP, TCP_CORK, 0);
		}
		if (strcmp(how, "sendfile") == 0)
			sendfile(ours.fd, hello, NULL, 5);
		else
			write_whole(ours.fd, "hello", 5);
		_exit(0);
	}
	return unused;
}

static void borrowed(void)
{
	pthread_t thread;
	char body[BODY_SIZE], got[1000];
	size_t childs_bytes;

	memset(body, 'b', sizeof body);
	ours = pair_of(listener, 0);
	childs = pair_of(listener, 0);
	hello = memfd_create("hello", MFD_CLOEXEC);
	must(hello >= 0 && pwrite(hello, "hello", 5, 0) == 5, "a file");
	must(pthread_create(&thread, NULL, lend_memory, NULL) == 0, "a thread");
	while (atomic_load(&stage) < 1)
		sleep_us(100);
	write_head(ours.fd);
	atomic_store(&stage, 2);
	pthread_join(thread, NULL);
	write_whole(ours.fd, body, sizeof body);
	childs_bytes = take(childs.client, got, sizeof got, now_ns() + 200 * MS);
	report("for the child's peer: %zu bytes, for ours: %zu\n", childs_bytes,
	       take(ours.client, got, HEAD_SIZE + BODY_SIZE, now_ns() + 1000 * MS));
}

int main(int argc, char **argv)
{
	static const struct named scenarios[] = {
		{ "chosen", chosen },
		{ "last", last },
		{ "strangers", strangers },
		{ "locks", locks },
		{ "moved", moved },
		{ "borrowed", borrowed },
		{ "replaced soon", replaced_soon },
		{ "replaced late", replaced_late },
	};

	named_begin(argc, argv);
	null = open("/dev/null", O_RDWR);
	listener = listen_here();
	return named_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
