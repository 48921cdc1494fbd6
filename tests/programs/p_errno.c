/* p_errno STATE reports what a successful call leaves in errno, which must be untouched, for tests/preload/names.c.
 * Each call is made on a connection of its own; by STATE, nothing has been written there yet (new), or a head (head), a
 * part of a head (part), or a whole message and another head (later). */
#include "p_common.h"

#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <pty.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <linux/sockios.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/wait.h>

enum { UNTOUCHED = 77, REQUEST = 4 };

static const char *state;
static int fd, client, spare, file; /* the two ends of the connection; a number to be replaced; a file to read from */
static char body[200], got[4096];
static const char *name_of_call;

/* --- calls: each returns 0 or more, or is reported as failed ---------------------------------- */

static struct iovec iov = { body, sizeof body }, in = { got, REQUEST };
static struct msghdr out_message = { .msg_iov = &iov, .msg_iovlen = 1 };
static struct msghdr in_message = { .msg_iov = &in, .msg_iovlen = 1 };
static struct mmsghdr out_messages = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };
static struct mmsghdr in_messages = { .msg_hdr = { .msg_iov = &in, .msg_iovlen = 1 } };
static int value, pipes[2];
static socklen_t size;

static long get(int level, int name)
{
	size = sizeof value;
	return getsockopt(fd, level, name, &value, &size);
}

static long set(int level, int name, int to)
{
	return setsockopt(fd, level, name, &to, sizeof to);
}

static long connect_another(void)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t n = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0), end = socket(AF_INET, SOCK_STREAM, 0), accepted;
	long r = bind(listener, (struct sockaddr *)&at, n) | listen(listener, 1);

	getsockname(listener, (struct sockaddr *)&at, &n);
	r |= connect(end, (struct sockaddr *)&at, n);
	accepted = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	close(end);
	close(listener);
	close(accepted);
	return r | accepted;
}

/* The child checks its errno, too, and reports it by its exit status. */
static long child_ends(long pid)
{
	int status;

	if (pid == 0)
		_exit(errno != UNTOUCHED);
	if (pid > 0 && waitpid((pid_t)pid, &status, 0) == pid && status != 0)
		report("%s: the child's is another\n", name_of_call);
	return pid;
}

static int end_at_once(void *argument)
{
	(void)argument;
	unseen(SYS_exit, errno != UNTOUCHED, 0, 0, 0, 0, 0);
	return 0;
}

static long clone_once(void)
{
	static char stack[65536] __attribute__((aligned(64)));

	return child_ends(clone(end_at_once, stack + sizeof stack - 64, SIGCHLD, NULL));
}

static long spawn(void)
{
	char *arguments[] = { "true", NULL };
	int error, kept;
	pid_t pid;

	error = posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environ);
	kept = errno;
	waitpid(pid, NULL, 0);
	errno = kept;
	return -error;
}

static long run_pipe(void)
{
	FILE *f = popen("true", "r");
	int kept = errno;

	pclose(f);
	errno = kept;
	return 0;
}

static long terminal(void)
{
	int master, kept;
	long pid = forkpty(&master, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0); /* the child's errno is not checked, because forkpty() opens and sets up a terminal there */
	kept = errno;
	waitpid((pid_t)pid, NULL, 0);
	close(master);
	errno = kept;
	return pid;
}

static ssize_t cookie_write(void *cookie, const char *p, size_t n)
{
	(void)cookie;
	(void)p;
	return (ssize_t)n;
}

static long close_stream(FILE *f)
{
	return fclose(f);
}

static FILE *memory_stream(void)
{
	static char *p;
	static size_t n;

	return open_memstream(&p, &n);
}

static FILE *cookie_stream(void)
{
	return fopencookie(NULL, "w", (cookie_io_functions_t){ .write = cookie_write });
}

static jmp_buf back;

static long jump(void)
{
	if (setjmp(back) == 0)
		longjmp(back, 1);
	return 0;
}

static long reopen(void)
{
	FILE *f = fdopen(dup(fd), "r+");

	return freopen("/dev/null", "r", f) != NULL ? fclose(f) : -1;
}

/* clang-format off */
#define CALLS(X) \
	X(write(fd, body, sizeof body)) X(send(fd, body, sizeof body, 0)) \
	X(send(fd, body, sizeof body, MSG_DONTWAIT)) X(send(fd, body, sizeof body, MSG_MORE)) \
	X(sendto(fd, body, sizeof body, 0, NULL, 0)) X(writev(fd, &iov, 1)) X(sendmsg(fd, &out_message, 0)) \
	X(sendmmsg(fd, &out_messages, 1, 0)) X(pwritev2(fd, &iov, 1, -1, 0)) \
	X(sendfile(fd, file, NULL, 200)) X(splice(pipes[0], NULL, fd, NULL, 100, 0)) \
	X(dprintf(fd, "%s", "body")) X(write(fd, HEAD, 100)) X(write(fd, "", 0)) X(read(fd, got, REQUEST)) \
	X(readv(fd, &in, 1)) X(preadv2(fd, &in, 1, -1, 0)) X(recv(fd, got, REQUEST, 0)) \
	X(recv(fd, got, REQUEST, MSG_PEEK)) X(recvfrom(fd, got, REQUEST, 0, NULL, NULL)) \
	X(recvmsg(fd, &in_message, 0)) X(recvmmsg(fd, &in_messages, 1, 0, NULL)) \
	X(socket(AF_INET, SOCK_STREAM, 0)) X(connect_another()) X(close(fd)) \
	X(close_range((unsigned)fd, (unsigned)fd, 0)) X(shutdown(fd, SHUT_RD)) X(shutdown(fd, SHUT_WR)) \
	X(dup(fd)) X(dup2(fd, spare)) X(dup2(spare, fd)) X(dup3(fd, spare, 0)) X(fcntl(fd, F_GETFL)) \
	X(fcntl(fd, F_DUPFD, 10)) X(fcntl(fd, F_SETFL, O_NONBLOCK)) X(ioctl(fd, FIONREAD, &value)) \
	X(ioctl(fd, SIOCOUTQ, &value)) X(ioctl(fd, FIONBIO, &value)) X(set(IPPROTO_TCP, TCP_NODELAY, 1)) \
	X(set(IPPROTO_TCP, TCP_NODELAY, 0)) X(set(IPPROTO_TCP, TCP_CORK, 1)) \
	X(set(IPPROTO_TCP, TCP_CORK, 0)) X(set(SOL_SOCKET, SO_KEEPALIVE, 1)) \
	X(set(SOL_SOCKET, SO_SNDBUF, 50000)) X(get(SOL_SOCKET, SO_ERROR)) X(get(SOL_SOCKET, SO_TYPE)) \
	X(get(IPPROTO_TCP, TCP_NODELAY)) X(get(IPPROTO_TCP, TCP_CORK)) X(close_stream(fdopen(fd, "r+"))) \
	X(close_stream(memory_stream())) X(close_stream(fmemopen(NULL, 10, "w"))) \
	X(close_stream(cookie_stream())) X(close_stream(fopen("/dev/null", "w"))) X(reopen()) \
	X(child_ends(fork())) X(child_ends(_Fork())) \
	X(child_ends(syscall(SYS_clone, SIGCHLD, 0L, 0L, 0L, 0L))) X(clone_once()) X(spawn()) X(run_pipe()) \
	X(terminal()) X(unshare(CLONE_FS)) X(prctl(PR_SET_NAME, "p_errno")) X(jump()) X(syscall(SYS_getpid)) \
	X(syscall(SYS_write, fd, body, sizeof body)) X(syscall(SYS_read, fd, got, REQUEST)) \
	X(syscall(SYS_dup, fd)) X(syscall(SYS_shutdown, fd, SHUT_WR)) X(syscall(SYS_close, fd)) \
	X(syscall(SYS_sendmsg, fd, &out_message, 0)) X(syscall(SYS_unshare, CLONE_FS)) \
	X(dlopen("libm.so.6", RTLD_NOW) != NULL ? 0L : -1L)
/* clang-format on */

static const struct {
	const char *name;
} names[] = {
#define X(call) { #call },
	CALLS(X)
#undef X
};

static long call_number(size_t i)
{
	size_t n = 0;
#define X(call)                      \
	if (n++ == i) {              \
		errno = UNTOUCHED;   \
		return (long)(call); \
	}
	CALLS(X)
#undef X
	return -1;
}

/* --- the connection for each call ------------------------------------------------------------- */

static void open_all(void)
{
	fd = accept_own(&client);
	spare = dup(0);
	file = open("/proc/self/exe", O_RDONLY);
	must(pipe(pipes) == 0 && write(pipes[1], body, sizeof body) == sizeof body, "pipe");
	must(write(client, "GET ", REQUEST) == REQUEST, "writing a request");
	must(poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 1000) == 1, "the request");
	if (strcmp(state, "later") == 0)
		must(write(fd, HEAD, 100) == 100 && write(fd, body, sizeof body) == sizeof body, "writing a message");
	if (strcmp(state, "head") == 0 || strcmp(state, "later") == 0)
		must(write(fd, HEAD, 100) == 100, "writing a head");
	if (strcmp(state, "part") == 0)
		must(write(fd, HEAD, 50) == 50, "writing a part of a head");
}

int main(int argc, char **argv)
{
	state = argc > 1 ? argv[1] : "new";
	shared = shared_map(SHARED_FD);
	memset(body, 'b', sizeof body);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		open_all();
		name_of_call = names[i].name;
		long r = call_number(i);
		int left = errno;
		if (r < 0)
			report("%s failed: %s\n", names[i].name, strerrorname_np(left));
		else if (left != UNTOUCHED)
			report("%s left errno %d\n", names[i].name, left);
		close_range(SHARED_FD + 1, 500, 0);
	}
	return 0;
}
