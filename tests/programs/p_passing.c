/* p_passing NAME [HOW] gives one descriptor to two processes, or makes one number mean two descriptors, for
 * tests/preload/sharing.c. */
#include "number.h"
#include "p_message.h"
#include "p_named.h"

#include <dirent.h>
#include <linux/close_range.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/un.h>
#include <sys/wait.h>

#ifndef pidfd_getfd
extern int pidfd_getfd(int pidfd, int fd, unsigned flags);
#endif

enum { SOON_MS = 100 };

/* --- passed to another process ---------------------------------------------------------------- */

static void receive_and_write(int from)
{
	char space[CMSG_SPACE(sizeof(int))], byte;
	struct iovec iov = { &byte, 1 };
	struct msghdr h = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space };
	int fd;

	must(recvmsg(from, &h, 0) == 1 && CMSG_FIRSTHDR(&h) != NULL, "receiving a descriptor");
	memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&h)), sizeof fd);
	must(read(from, &byte, 1) == 1, "being told");
	write_body(fd);
	_exit(0);
}

static long pass(int to, struct mmsghdr *m)
{
	if (is_how("sendmsg") || is_how("options-of-tcp"))
		return sendmsg(to, &m->msg_hdr, 0);
	if (is_how("SYS_sendmsg"))
		return syscall(SYS_sendmsg, to, &m->msg_hdr, 0);
	if (is_how("SYS_sendmmsg"))
		return syscall(SYS_sendmmsg, to, m, 1, 0);
#ifdef SYS_socketcall
	long args[] = { to, (long)&m->msg_hdr, 0 };
	return syscall(SYS_socketcall, 16 /* SYS_SENDMSG */, args);
#else
	return sendmmsg(to, m, 1, 0);
#endif
}

/* Two Unix sockets, of which the first sends to the second. The library sees socket(), so it knows what they are; the
 * option of TCP's is refused, and must say nothing about the socket. */
static void make_pair_with_an_option(int pair[2])
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	socklen_t size = sizeof at;

	for (int i = 0; i < 2; i++)
		must((pair[i] = socket(AF_UNIX, SOCK_DGRAM, 0)) >= 0, "socket");
	must(bind(pair[1], (struct sockaddr *)&at, sizeof at.sun_family) == 0, "an address of the kernel's choice");
	must(getsockname(pair[1], (struct sockaddr *)&at, &size) == 0, "getsockname");
	must(connect(pair[0], (struct sockaddr *)&at, size) == 0, "connect");
	must(setsockopt(pair[0], IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &(int){ 1 }, sizeof(int)) != 0, "a refusal");
}

/* This process writes the head, and the process that received the descriptor writes the body. */
static void passed(void)
{
	char space[CMSG_SPACE(sizeof(int))] = "", byte = 'x';
	struct iovec iov = { &byte, 1 };
	struct mmsghdr m = {
		.msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = space, .msg_controllen = sizeof space }
	};
	struct cmsghdr *c = CMSG_FIRSTHDR(&m.msg_hdr);
	int pair[2], fd;
	pid_t pid;

	if (is_how("options-of-tcp"))
		make_pair_with_an_option(pair);
	else
		must(socketpair(AF_UNIX, SOCK_STREAM, 0, pair) == 0, "socketpair");
	if ((pid = fork()) == 0)
		receive_and_write(pair[1]);
	fd = accept_peer();
	*c = (struct cmsghdr){ .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS, .cmsg_len = CMSG_LEN(sizeof fd) };
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	must(pass(pair[0], &m) == 1, "passing a descriptor");
	write_head(fd);
	must(write(pair[0], "", 1) == 1, "telling");
	wait_for(pid);
}

/* The kernel refuses arguments that cannot be read; the library must not read them before. */
static void unreadable(void)
{
	static struct {
		char page[4096];
	} pages[2] __attribute__((aligned(4096)));
	char *last = (char *)&pages[1] - 16; /* so that the rest of a struct msghdr would be in the next page */
	int fd = accept_peer(), refused = 0;

	must(mprotect(&pages[1], 4096, PROT_NONE) == 0, "mprotect");
	refused += syscall(SYS_sendmsg, fd, 16, 0) < 0 && errno == EFAULT;
	refused += syscall(SYS_sendmsg, fd, &pages[1], 0) < 0 && errno == EFAULT;
	refused += syscall(SYS_sendmsg, fd, last, 0) < 0 && errno == EFAULT;
	refused += syscall(SYS_sendmmsg, fd, last, 1, 0) < 0 && errno == EFAULT;
	refused += syscall(SYS_clone3, last, 88) < 0 && errno == EFAULT;
	refused += syscall(SYS_clone3, last, 8) < 0 && errno == EINVAL;
	report("refused: %d of 6\n", refused);
	write_head(fd);
	write_body(fd);
}

/* --- fetched from a process ------------------------------------------------------------------- */

static int fetch(int pidfd, int fd)
{
	return is_how("SYS_pidfd_getfd") ? (int)syscall(SYS_pidfd_getfd, pidfd, fd, 0) : pidfd_getfd(pidfd, fd, 0);
}

/* Fetches a descriptor from this process: a second name of its own socket. */
static void fetched(void)
{
	int fd = accept_peer(), pidfd = (int)syscall(SYS_pidfd_open, getpid(), 0), second = fetch(pidfd, fd);

	must(second >= 0, "pidfd_getfd");
	write_head(fd);
	write_body(second);
}

/* Fetches a descriptor from a child, which goes on writing to it. */
static void robbed(void)
{
	int told[2], fd;
	char byte;
	pid_t pid;

	must(pipe(told) == 0, "pipe");
	fd = accept_peer();
	if ((pid = fork()) == 0) {
		must(read(told[0], &byte, 1) == 1, "being told");
		write_body(fd);
		_exit(0);
	}
	close(fd);
	int mine = fetch((int)syscall(SYS_pidfd_open, pid, 0), fd);
	must(mine >= 0, "pidfd_getfd");
	report("fd=%d", mine);
	write_head(mine);
	must(write(told[1], "", 1) == 1, "telling");
	wait_for(pid);
}

/* --- a thread with descriptors of its own ----------------------------------------------------- */

static bool comes_soon(int fd)
{
	return poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, SOON_MS) == 1;
}

static size_t read_all(int fd, size_t most)
{
	char got[400];
	size_t n = 0;
	ssize_t r;

	while (n < most && (r = read(fd, got + n, most - n)) > 0)
		n += (size_t)r;
	return n;
}

/* A process that is told the number of a thread by `orders`, and stops it for 0.4 s, as a machine does that has no CPU
 * for it: the thread neither sleeps nor runs. Says so by `answers`. */
struct stopper {
	int orders, answers;
};

static void stop_what_is_ordered(int orders, int answers)
{
	pid_t tid;

	if (read(orders, &tid, sizeof tid) != sizeof tid)
		_exit(1);
	if (tid != 0)
		must(ptrace(PTRACE_SEIZE, tid, NULL, NULL) == 0 && ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) == 0 &&
		             waitpid(tid, NULL, __WALL) == tid,
		     "stopping a thread");
	must(write(answers, "", 1) == 1, "an answer");
	sleep_us(400000);
	if (tid != 0)
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
	_exit(0);
}

static struct stopper stopper_begin(void)
{
	int orders[2], answers[2];

	must(pipe2(orders, O_CLOEXEC) == 0 && pipe2(answers, O_CLOEXEC) == 0, "pipe2");
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	if (fork() == 0) {
		close(orders[1]);
		stop_what_is_ordered(orders[0], answers[1]);
	}
	return (struct stopper){ orders[1], answers[0] };
}

/* Stops the process's other thread, if there is one. */
static void stop_the_other(struct stopper s)
{
	DIR *tasks = opendir("/proc/self/task");
	const struct dirent *task;
	pid_t other = 0;
	char byte;

	while (tasks != NULL && (task = readdir(tasks)) != NULL)
		if (task->d_name[0] != '.' && number_of_entry(task->d_name) != getpid())
			other = number_of_entry(task->d_name);
	closedir(tasks);
	must(write(s.orders, &other, sizeof other) == sizeof other && read(s.answers, &byte, 1) == 1, "an order");
}

/* If the helper is running, it keeps the old table of descriptors, in which the second connection's number still means
 * the first one. All of the second message must come, and its head in time. */
static void unshared(void)
{
	bool without_cpu = is_how("without a CPU");
	struct stopper s = without_cpu ? stopper_begin() : (struct stopper){ -1, -1 };
	int client, fd = accept_own(&client), late;

	write_head(fd);
	write_body(fd);
	must(read_all(client, 300) == 300, "reading a message");
	if (without_cpu)
		stop_the_other(s);
	must((!is_how("SYS_close_range") ? close_range(500, 600, CLOSE_RANGE_UNSHARE)
	                                 : (int)syscall(SYS_close_range, 500, 600, CLOSE_RANGE_UNSHARE)) == 0,
	     "close_range");
	close(fd);
	late = !comes_soon(client);
	close(client);
	fd = accept_own(&client);
	write_head(fd);
	late += !comes_soon(client);
	write_body(fd);
	close(fd);
	report("late: %d, bytes: %zu\n", late, read_all(client, 400));
}

/* --- children in their parent's memory -------------------------------------------------------- */

/* Writes a message; on a new connection if fd is -1. */
static void __attribute__((noinline, noreturn)) write_in_child(int fd, int client)
{
	if (fd < 0)
		fd = accept_own(&client);
	write_head(fd);
	write_body(fd);
	_exit(!comes_soon(client));
}

static pid_t __attribute__((noinline)) vfork_and_write(const int fd, const int client)
{
	pid_t pid = vfork();

	if (pid == 0)
		write_in_child(fd, client);
	return pid;
}

/* A child of vfork writes a message, possibly the first one of the process. The parent's next head must come in time
 * all the same: the child must not have started a helper that ends with it. */
static void vfork_writes(void)
{
	int client = -1, fd = is_how("first") ? -1 : accept_own(&client), own, late;

	wait_for(vfork_and_write(fd, client));
	own = accept_peer();
	write_head(own);
	atomic_store(&shared->written, 100);
	late = !peer_has_all();
	write_body(own);
	report("late: %d\n", late);
}

/* A child of vfork makes a connection and exits. The parent then has a packet socket under that number, on which each
 * write is one packet, so none may be joined. */
static void vfork_born(void)
{
	struct sockaddr_in at;
	socklen_t size = sizeof at;
	volatile int number = -1;
	int ends[2], mine, other, client;
	char got[400];

	close(accept_own(&client)); /* so that the library has known a connection */
	getsockname(LISTENER_FD, (struct sockaddr *)&at, &size);
	pid_t pid = vfork();
	if (pid == 0) {
		number = socket(AF_INET, SOCK_STREAM, 0);
		_exit(connect(number, (struct sockaddr *)&at, size) != 0);
	}
	wait_for(pid);
	must(socketpair(AF_UNIX, is_how("datagrams") ? SOCK_DGRAM : SOCK_SEQPACKET, 0, ends) == 0, "socketpair");
	mine = ends[0] == number ? ends[0] : ends[1];
	other = ends[0] == mine ? ends[1] : ends[0];
	report("the same number: %d\n", mine == number);
	write_head(mine);
	write_body(mine);
	report("packets: %zd", recv(other, got, sizeof got, 0));
	report(" and %zd\n", recv(other, got, sizeof got, 0));
}

/* --- two processes of one process number ------------------------------------------------------ */

static int connection, another;

/* Runs in its parent's memory and under its parent's process number, but with descriptors of its own, in which the
 * number means another socket. */
static int replace_and_write(void *argument)
{
	(void)argument;
	dup2(another, connection);
	write_head(connection);
	sleep_us(50000);
	write_body(connection);
	_exit(0);
}

static void be_number_one(void)
{
	static char stack[65536] __attribute__((aligned(64)));
	int flags = CLONE_VM | CLONE_VFORK | SIGCHLD, client;

	must(getpid() == 1, "being number 1");
	another = accept_own(&client);
	connection = accept_peer();
	if (is_how("clone"))
		flags |= CLONE_NEWPID;
	else
		must(unshare(CLONE_NEWPID) == 0, "unshare");
	wait_for(clone(replace_and_write, stack + sizeof stack - 64, flags, NULL));
	close(another);
	report("bytes: %zu\n", read_all(client, 400));
	write_head(connection);
	write_body(connection);
}

/* Executes the program again in a new namespace of process numbers, so that the library starts anew there. */
static void number_one(void)
{
	pid_t pid;

	must(unshare(CLONE_NEWPID) == 0, "unshare");
	if ((pid = fork()) == 0) {
		execl("/proc/self/exe", "p_passing", "be-number-one", how, (char *)NULL);
		must(false, "exec");
	}
	wait_for(pid);
}

/* Enters a namespace that the process is already in. Only one of process numbers makes the library retire. */
static void joins(void)
{
	int fd = accept_peer(), space = open(is_how("pid") ? "/proc/self/ns/pid" : "/proc/self/ns/net", O_RDONLY);

	must(setns(space, 0) == 0, "setns");
	close(space);
	write_head(fd);
	write_body(fd);
}

int main(int argc, char **argv)
{
	static const struct named scenarios[] = {
		{ "passed", passed },         { "unreadable", unreadable }, { "fetched", fetched },
		{ "robbed", robbed },         { "unshared", unshared },     { "vfork-writes", vfork_writes },
		{ "vfork-born", vfork_born }, { "number-one", number_one }, { "be-number-one", be_number_one },
		{ "joins", joins },
	};

	named_begin(argc, argv);
	return named_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
