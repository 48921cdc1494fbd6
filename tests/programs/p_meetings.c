/* p_meetings PHASE CALL has a call of the program meet the helper, for tests/preload/meetings.c.
 *
 * A head is written and held. The call comes at once (`asleep`), or when the helper has been busy with that head for a
 * while
 * (`busy`), or while another thread's head is starting the helper (`starting`), or while a fork in another thread waits
 * for the helper's end and the helper is busy with that head (`stopping`). `ending`: the call ends the process, and
 * while it sends that head, another thread writes one. The test makes each of these slow. A child does all that; its
 * parent reports whether the call took long. */
#include "p_common.h"

#include <err.h>
#include <linux/close_range.h>
#include <linux/sockios.h>
#include <pthread.h>
#include <spawn.h>
#include <sys/ioctl.h>
#include <sys/sendfile.h>
#include <sys/wait.h>

/* The rows of the table name only the fields that they need. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

extern char **environ;

enum { HEAD_SIZE = sizeof HEAD - 1, BODY_SIZE = 200, PART = 50, BUSY_US = 60000, LONG_NS = 50000000 };

static char body[BODY_SIZE];
static FILE *stream;
static int null;

static void write_head(int fd)
{
	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
}

static void write_body(int fd)
{
	must(write(fd, body, BODY_SIZE) == BODY_SIZE, "writing a body");
}

/* After this nothing of the body is held in memory; the kernel may hold the written part. */
static void write_part(int fd)
{
	must(write(fd, body, PART) == PART, "writing a part of a body");
}

static void write_next_head(int fd)
{
	char byte;

	recv(fd, &byte, 1, MSG_DONTWAIT);
	write_head(fd);
}

static int idle = -1; /* another connection, on which nothing was written */

static void write_elsewhere(int fd)
{
	(void)fd;
	write_head(idle);
}

static void send_file(int fd)
{
	int file = memfd_create("body", MFD_CLOEXEC);

	must(pwrite(file, body, BODY_SIZE, 0) == BODY_SIZE && sendfile(fd, file, NULL, BODY_SIZE) == BODY_SIZE,
	     "sendfile");
}

static void send_messages(int fd)
{
	struct iovec iov = { body, BODY_SIZE };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	must(sendmmsg(fd, &m, 1, 0) == 1, "sendmmsg");
}

static void receive(int fd)
{
	char byte;

	must(recv(fd, &byte, 1, MSG_DONTWAIT) == -1 && errno == EAGAIN, "recv");
}

/* --- calls on the descriptor ------------------------------------------------------------------ */

static void close_it(int fd)
{
	must(close(fd) == 0, "close");
}

static void close_by_range(int fd)
{
	must(close_range((unsigned)fd, (unsigned)fd, 0) == 0, "close_range");
}

static void replace(int fd)
{
	must(dup2(null, fd) == fd, "dup2");
}

static void open_stream(int fd)
{
	stream = fdopen(fd, "w");
	must(stream != NULL, "fdopen");
}

static void close_stream(int fd)
{
	(void)fd;
	must(fclose(stream) == 0, "fclose");
}

static void shut_down(int fd)
{
	must(shutdown(fd, SHUT_WR) == 0, "shutdown");
}

static void duplicate(int fd)
{
	must(dup(fd) >= 0, "dup");
}

/* Passes the descriptor over a unix socket whose two ends this process has. To the library that is the same as passing
 * it to any other process. */
static void pass_on(int fd)
{
	int ends[2];
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { 0 } };
	struct iovec iov = { body, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
		                         .cmsg_level = SOL_SOCKET,
		                         .cmsg_type = SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	must(sendmsg(ends[0], &m, 0) == 1, "passing a descriptor");
}

static void set_nodelay(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, 1);
}

static void set_cork(int fd)
{
	set_int(fd, IPPROTO_TCP, TCP_CORK, 1);
}

static void set_keepalive(int fd)
{
	set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
}

static void ask(int fd, int level, int name)
{
	int value[64];
	socklen_t size = sizeof value;

	must(getsockopt(fd, level, name, value, &size) == 0, "getsockopt");
}

static void ask_state(int fd)
{
	ask(fd, IPPROTO_TCP, TCP_INFO);
}

static void ask_nodelay(int fd)
{
	ask(fd, IPPROTO_TCP, TCP_NODELAY);
}

static void ask_error(int fd)
{
	ask(fd, SOL_SOCKET, SO_ERROR);
}

static void ask_buffer(int fd)
{
	ask(fd, SOL_SOCKET, SO_SNDBUF);
}

static void ask_queue(int fd)
{
	int n;

	must(ioctl(fd, SIOCOUTQ, &n) == 0, "ioctl");
}

/* --- calls that start or end processes -------------------------------------------------------- */

static pid_t child;

static void reap(void)
{
	int status = 0;

	if (child > 0)
		must(waitpid(child, &status, 0) == child && status == 0, "a child");
}

static void fork_it(int fd)
{
	(void)fd;
	child = fork();
	if (child == 0)
		_exit(0);
}

static void spawn(int fd)
{
	char *argv[] = { (char *)"true", NULL };

	(void)fd;
	must(posix_spawn(&child, "/bin/true", NULL, NULL, argv, environ) == 0, "posix_spawn");
}

static void __attribute__((noinline)) close_in_vfork(int fd)
{
	child = vfork();
	if (child == 0) {
		close(fd);
		unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	}
}

static void __attribute__((noinline)) write_in_vfork(int fd)
{
	child = vfork();
	if (child == 0) {
		(void)!write(fd, body, BODY_SIZE);
		unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
	}
}

static void become_another(int fd)
{
	(void)fd;
	execl("/bin/true", "true", (char *)NULL);
}

static void end(int fd)
{
	(void)fd;
	exit(0);
}

static void end_at_once(int fd)
{
	(void)fd;
	_exit(0);
}

static void end_quickly(int fd)
{
	(void)fd;
	quick_exit(0);
}

static void end_by_number(int fd)
{
	(void)fd;
	syscall(SYS_exit_group, 0);
}

static void break_off(int fd)
{
	(void)fd;
	abort();
}

/* --- the meeting ------------------------------------------------------------------------------ */

static const struct call {
	const char *name;
	void (*make)(int fd);
	void (*before)(int fd), (*after_head)(int fd);
} calls[] = {
	{ "head", write_next_head },
	{ "another's head", write_elsewhere },
	{ "body", write_body },
	{ "pass", write_part, .after_head = write_part },
	{ "sendfile", send_file },
	{ "sendmmsg", send_messages },
	{ "recv", receive },
	{ "close", close_it },
	{ "close_range", close_by_range },
	{ "dup2", replace },
	{ "fclose", close_stream, open_stream },
	{ "shutdown", shut_down },
	{ "dup", duplicate },
	{ "fdopen", open_stream },
	{ "SCM_RIGHTS", pass_on },
	{ "getsockopt TCP_NODELAY", ask_nodelay },
	{ "TCP_NODELAY", set_nodelay },
	{ "TCP_CORK", set_cork },
	{ "SO_KEEPALIVE", set_keepalive },
	{ "TCP_INFO", ask_state },
	{ "SO_ERROR", ask_error },
	{ "SO_SNDBUF", ask_buffer },
	{ "SIOCOUTQ", ask_queue },
	{ "fork", fork_it },
	{ "posix_spawn", spawn },
	{ "vfork, close", close_in_vfork },
	{ "vfork, body", write_in_vfork },
	{ "exec", become_another },
	{ "exit", end },
	{ "_exit", end_at_once },
	{ "quick_exit", end_quickly },
	{ "abort", break_off },
	{ "SYS_exit_group", end_by_number },
};

static const struct call *find(const char *name)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	errx(2, "there is no call '%s'", name);
}

static void *write_a_head(void *fd)
{
	write_head(*(int *)fd);
	return NULL;
}

extern int recorder_delays(void) __attribute__((weak)); /* the recorder's */

/* Waits until the call that the test makes slow is on its way; 2 s at most. Bare there is none, and other threads only
 * get the time to write. */
static void wait_until_busy(void)
{
	if (getenv("RECORDER_FAULTS") == NULL) {
		sleep_us(BUSY_US);
		return;
	}
	for (int64_t until = now_ns() + INT64_C(2000000000); recorder_delays() == 0; sleep_us(500))
		if (now_ns() > until) {
			report("the helper was never busy\n");
			return;
		}
}

static void *write_a_late_head(void *fd)
{
	sleep_us(BUSY_US);
	return write_a_head(fd);
}

static void *fork_once(void *argument)
{
	pid_t pid = fork();

	(void)argument;
	if (pid == 0)
		_exit(0);
	must(waitpid(pid, NULL, 0) == pid, "a child");
	return NULL;
}

static pthread_t another;

static void start(void *(*run)(void *), void *argument)
{
	must(pthread_create(&another, NULL, run, argument) == 0, "a thread");
}

/* The fork finds nothing held on `fd`, and then sends the head of `last`. That takes longer than the head of `fd`,
 * which is written meanwhile, may be held. */
static void begin_to_stop(int fd, int last)
{
	write_head(last);
	start(fork_once, NULL);
	sleep_us(60000);
	write_head(fd);
	sleep_us(290000);
}

static void meet(const char *phase, const struct call *call)
{
	bool starting = strcmp(phase, "starting") == 0, stopping = strcmp(phase, "stopping") == 0;
	bool ending = strcmp(phase, "ending") == 0;
	static int fd;

	if (starting || stopping)
		idle = accept_peer();
	fd = accept_peer();
	if (call->before != NULL)
		call->before(fd);
	if (starting)
		start(write_a_head, &fd);
	else if (stopping)
		begin_to_stop(fd, accept_peer());
	else
		write_head(ending ? accept_peer() : fd);
	if (ending)
		start(write_a_late_head, &fd);
	if (call->after_head != NULL)
		call->after_head(fd);
	if (strcmp(phase, "busy") == 0 || starting)
		wait_until_busy();
	shared->sent[0] = now_ns();
	call->make(fd);
	shared->sent[1] = now_ns();
	reap();
	if (starting || stopping)
		pthread_join(another, NULL);
}

int main(int argc, char **argv)
{
	int status;
	pid_t pid;

	if (argc != 3)
		return 2;
	shared = shared_map(SHARED_FD);
	null = open("/dev/null", O_RDWR);
	memset(body, 'b', sizeof body);
	pid = fork();
	if (pid == 0) {
		meet(argv[1], find(argv[2]));
		return 0;
	}
	must(waitpid(pid, &status, 0) == pid, "waiting for the child");
	if (shared->sent[1] == 0) /* the call did not return */
		shared->sent[1] = now_ns();
	report("waited: %d, status %#x\n", shared->sent[1] - shared->sent[0] > LONG_NS, (unsigned)status);
	return 0;
}
