/* p_traced OBSTACLE sends messages while the trace cannot be written, for tests/preload/traced.c.
 *
 * The trace is the file that ONEWRITE_TRACE names, in a directory of its own. The library opens it for each line, so
 * the program itself can put each obstacle in the way. */
#include "p_pairs.h"
#include "number.h"

#include <pthread.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>

enum { MANY = 500, LONGEST = 1 << 20 };

static const char *trace, *obstacle, *self;
static char body[BODY_SIZE];
static atomic_bool over;

static bool is(const char *name)
{
	return strcmp(obstacle, name) == 0;
}

static void send_messages(int fd, int count)
{
	int64_t began = now_ms();

	for (int i = 0; i < count; i++) {
		errno = ENOTSUP;
		write_head(fd);
		write_whole(fd, body, sizeof body);
		if (errno != ENOTSUP)
			report("errno is %s\n", strerrorname_np(errno));
	}
	if (now_ms() - began >= 400)
		report("it took %ld ms\n", (long)(now_ms() - began));
}

static void lead_to(const char *path)
{
	must(symlink(path, trace) == 0, "symlink");
}

static void lead_to_descriptor(int fd)
{
	char path[64];

	snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
	lead_to(path);
}

static void lead_to_closed_pipe(void)
{
	int ends[2];

	must(pipe(ends) == 0 && close(ends[0]) == 0, "pipe");
	lead_to_descriptor(ends[1]);
}

/* Makes the trace a FIFO that has a reader but no room. */
static int full_fifo(void)
{
	must(mkfifo(trace, 0600) == 0, "a FIFO");
	int fd = open(trace, O_RDWR | O_NONBLOCK);
	must(fd >= 0, "opening it");
	while (unseen(SYS_write, fd, (long)body, sizeof body, 0, 0, 0) > 0)
		;
	return fd;
}

/* The first line that is written again tells how many lines were dropped. */
static void look_for_count(int fd)
{
	char text[65537];
	ssize_t n = 0, r;

	while (n < 65536 && (r = unseen(SYS_read, fd, (long)text + n, 65536 - n, 0, 0, 0)) > 0)
		n += r;
	text[n] = '\0';
	report("lines that are missing are counted: %d\n", strstr(text, " dropped=") != NULL);
}

/* Opens and closes the reading end of the FIFO all the time. */
static void *flicker(void *none)
{
	while (!atomic_load(&over)) {
		long fd = unseen(SYS_openat, AT_FDCWD, (long)trace, O_RDONLY | O_NONBLOCK, 0, 0, 0);
		unseen(SYS_close, fd, 0, 0, 0, 0, 0);
	}
	return none;
}

static void send_past_a_flickering_reader(int fd)
{
	pthread_t reader;

	must(mkfifo(trace, 0600) == 0 && pthread_create(&reader, NULL, flicker, NULL) == 0, "a FIFO with a reader");
	for (int i = 0; i < MANY / 10; i++)
		send_messages(fd, 10);
	atomic_store(&over, true);
	pthread_join(reader, NULL);
}

static char *terminal(int *master)
{
	static char name[64];
	int slave;

	must(openpty(master, &slave, name, NULL, NULL) == 0, "openpty");
	if (is("stopped terminal"))
		must(tcflow(slave, TCOOFF) == 0, "tcflow");
	return name;
}

/* The first child leads the session and has the terminal; its own child is a background process. */
static void send_from_the_background(void)
{
	struct termios t;
	int master, status = 0;
	char *name = terminal(&master);
	pid_t leader;

	lead_to(name);
	leader = fork();
	if (leader != 0) {
		waitpid(leader, &status, 0);
		report("it went through: %d\n", status == 0);
		return;
	}
	setsid();
	int tty = open(name, O_RDWR);
	must(tcgetattr(tty, &t) == 0, "tcgetattr");
	t.c_lflag |= TOSTOP;
	must(tcsetattr(tty, TCSANOW, &t) == 0, "tcsetattr");
	pid_t job = fork();
	if (job == 0) {
		setpgid(0, 0);
		send_messages(accept_peer(), 2);
		_exit(0);
	}
	waitpid(job, &status, WUNTRACED);
	if (WIFSTOPPED(status))
		kill(job, SIGKILL);
	_exit(status != 0);
}

/* A SIGPIPE was pending before. It is still pending afterwards, and there is no second one. */
static void send_with_a_signal_waiting(int fd)
{
	struct timespec now = { 0, 0 };
	sigset_t set;
	int first;

	sigemptyset(&set);
	sigaddset(&set, SIGPIPE);
	sigprocmask(SIG_BLOCK, &set, NULL);
	kill(getpid(), SIGPIPE);
	lead_to_closed_pipe();
	send_messages(fd, 2);
	first = sigtimedwait(&set, NULL, &now);
	report("signals: %d, %d\n", first == SIGPIPE, sigtimedwait(&set, NULL, &now) == SIGPIPE);
}

/* Another file has stderr's number now; the library must not write to it. */
static void send_with_another_stderr(int fd)
{
	int ends[2], n = 0;

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && dup2(ends[1], 2) == 2, "socketpair");
	send_messages(fd, 2);
	ioctl(ends[0], FIONREAD, &n);
	report("bytes that came by its number: %d\n", n);
}

/* Executes this program again with a socket as its stderr. */
static void send_with_a_socket_for_stderr(const char *again)
{
	char text[300] = "";
	int ends[2];

	if (again == NULL) {
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0 && dup2(ends[1], 2) == 2, "socketpair");
		snprintf(text, sizeof text, "%d", ends[0]);
		execl(self, self, obstacle, text, NULL);
	}
	lead_to("/dev/full");
	send_messages(accept_peer(), 2);
	recv(natural("the socket", again), text, sizeof text - 1, MSG_DONTWAIT);
	report("it says why: %d\n", strstr(text, "ENOSPC") != NULL);
}

static void limit(int which, rlim_t most)
{
	must(setrlimit(which, &(struct rlimit){ most, most }) == 0, "setrlimit");
}

static void be_hindered(int fd)
{
	int ends[2], reader, spare;

	if (is("fifo"))
		must(mkfifo(trace, 0600) == 0, "mkfifo");
	else if (is("closed pipe"))
		lead_to_closed_pipe();
	else if (is("socket")) {
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
		lead_to_descriptor(ends[1]);
	} else if (is("full disk"))
		lead_to("/dev/full");
	else if (is("no directory")) {
		char *slash = (char *)strrchr(trace, '/');
		*slash = '\0';
		must(rmdir(trace) == 0, "rmdir");
		*slash = '/';
	} else if (is("long file")) {
		must(close(open(trace, O_CREAT | O_WRONLY, 0600)) == 0 && truncate(trace, LONGEST) == 0, "a long file");
		limit(RLIMIT_FSIZE, LONGEST);
	} else if (is("stopped terminal"))
		lead_to(terminal(&ends[0]));
	else if (is("full fifo")) {
		reader = full_fifo();
		send_messages(fd, 2);
		while (unseen(SYS_read, reader, (long)body, sizeof body, 0, 0, 0) > 0)
			;
		memset(body, 'b', sizeof body);
		send_messages(fd, 1);
		look_for_count(reader);
		return;
	} else if (is("no number")) {
		spare = dup(LISTENER_FD);
		limit(RLIMIT_NOFILE, (rlim_t)spare + 1);
		send_messages(fd, 2);
		close(spare);
		send_messages(fd, 1);
		look_for_count(open(trace, O_RDONLY));
		return;
	} else if (is("deleted")) {
		send_messages(fd, 1);
		unlink(trace);
	}
	send_messages(fd, 2);
	if (is("deleted"))
		report("it is there again: %d\n", access(trace, F_OK) == 0);
}

int main(int argc, char **argv)
{
	trace = getenv("ONEWRITE_TRACE");
	unlink(trace); /* it may have a first line already */
	if (argc < 2 || trace == NULL)
		return 2;
	shared = shared_map(SHARED_FD);
	self = argv[0];
	obstacle = argv[1];
	memset(body, 'b', sizeof body);
	if (is("background"))
		send_from_the_background();
	else if (is("socket for stderr"))
		send_with_a_socket_for_stderr(argv[2]);
	else if (is("another stderr")) {
		lead_to("/dev/full");
		send_with_another_stderr(accept_peer());
	} else if (is("reader that flickers"))
		send_past_a_flickering_reader(accept_peer());
	else if (is("signal that waits"))
		send_with_a_signal_waiting(accept_peer());
	else
		be_hindered(accept_peer());
	return 0;
}
