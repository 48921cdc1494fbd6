/* Steps of p_steps that copy the descriptor, pass it on, or close it. */
#include "steps.h"

static int other = -1; /* the descriptor that dup, pass and the like made; the step `use` exchanges it with fd */

static long made(int n)
{
	if (n >= 0)
		report("fd=%d", n);
	other = n;
	return n;
}

static long do_dup(const struct step *s)
{
	int over = argument(s, 77);

	if (strcmp(s->verb, "dup") == 0)
		return made(dup(fd));
	if (strcmp(s->verb, "dup2") == 0)
		return made(dup2(fd, over));
	if (strcmp(s->verb, "dup3") == 0)
		return made(dup3(fd, over, O_CLOEXEC));
	if (strcmp(s->verb, "fcntl64") == 0)
		return made(fcntl64(fd, F_DUPFD, over));
	if (strcmp(s->verb, "SYS_dup") == 0)
		return made((int)syscall(SYS_dup, fd));
	if (strcmp(s->verb, "SYS_dup3") == 0)
		return made((int)syscall(SYS_dup3, fd, over, 0));
	if (strcmp(s->verb, "SYS_fcntl") == 0)
		return made((int)syscall(SYS_fcntl, fd, F_DUPFD, over));
	return made(fcntl(fd, strcmp(s->verb, "F_DUPFD") == 0 ? F_DUPFD : F_DUPFD_CLOEXEC, over));
}

/* The connection moves to another number, as inetd hands it to its servers. */
static long do_onto(const struct step *s)
{
	int r = dup2(fd, natural(s->verb, s->argument));

	close(fd);
	fd = r;
	report("fd=%d", fd);
	return r;
}

/* /dev/null takes the connection's number, which closes the connection implicitly. */
static long do_replace(const struct step *s)
{
	int null = open("/dev/null", O_RDWR), r;

	r = s->argument[0] == '3' ? dup3(null, fd, 0) : dup2(null, fd);
	close(null);
	return r;
}

static long do_use(const struct step *s)
{
	int was = fd;

	(void)s;
	fd = other;
	other = was;
	return 0;
}

/* Receives a message by the call that the verb names. */
static long receive(const char *verb, int from, struct msghdr *m)
{
	struct mmsghdr several = { .msg_hdr = *m };
	long r;

	if (strcmp(verb, "pass") == 0 || strcmp(verb, "pass-stamped") == 0)
		return recvmsg(from, m, 0);
	if (strcmp(verb, "pass-SYS_recvmsg") == 0)
		return syscall(SYS_recvmsg, from, m, 0);
	r = strcmp(verb, "pass-recvmmsg") == 0 ? recvmmsg(from, &several, 1, 0, NULL)
	                                       : syscall(SYS_recvmmsg, from, &several, 1, 0, NULL);
	*m = several.msg_hdr;
	return r;
}

/* Passes the descriptor over a unix socket whose two ends this process has. To the library that is the same as passing
 * it to any other process. */
static long do_pass(const struct step *s)
{
	int ends[2], got = -1;
	union {
		struct cmsghdr head;
		char room[CMSG_SPACE(sizeof(int))];
	} control = { .head = { 0 } };
	struct iovec iov = { (char[]){ "x" }, 1 };
	struct msghdr m = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control, .msg_controllen = sizeof control
	};

	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	/* The kernel stamps received packets in software, which any kind of socket allows */
	if (strcmp(s->verb, "pass-stamped") == 0)
		set_int(ends[0], SOL_SOCKET, SO_TIMESTAMPING, 1 << 3 | 1 << 4);
	control.head = (struct cmsghdr){ .cmsg_len = CMSG_LEN(sizeof(int)),
		                         .cmsg_level = SOL_SOCKET,
		                         .cmsg_type = SCM_RIGHTS };
	FILL_BESIDE_LENGTHS(m);
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	must(sendmsg(ends[0], &m, 0) == 1 && receive(s->verb, ends[1], &m) == 1, "passing a descriptor");
	memcpy(&got, CMSG_DATA(&control.head), sizeof got);
	close(ends[0]);
	close(ends[1]);
	return made(got);
}

/* Fetches the descriptor from this process by pidfd_getfd, as it would from any other process. */
static long do_fetch(const struct step *s)
{
	int self_fd = (int)syscall(SYS_pidfd_open, getpid(), 0), got = (int)syscall(SYS_pidfd_getfd, self_fd, fd, 0);

	(void)s;
	close(self_fd);
	return made(got);
}

static long do_shutdown(const struct step *s)
{
	int how = argument(s, SHUT_WR);

	return s->verb[0] == 'S' ? (int)syscall(SYS_shutdown, fd, how) : shutdown(fd, how);
}

static long do_close(const struct step *s)
{
	int was = argument(s, fd);

	if (was == fd)
		fd = -1;
	if (strcmp(s->verb, "SYS_close") == 0)
		return syscall(SYS_close, was);
	if (strcmp(s->verb, "SYS_close_range") == 0)
		return syscall(SYS_close_range, was, was, 0);
	if (strcmp(s->verb, "close_range") == 0)
		return close_range((unsigned)was, (unsigned)was, 0);
	if (strcmp(s->verb, "closefrom") == 0)
		return closefrom(was), 0;
	return strcmp(s->verb, "fclose") == 0 ? fclose(stream) : close(was);
}

/* Calls that would take the number away if they did not fail. */
static long do_fail(const struct step *s)
{
	int r = strcmp(s->verb, "vain-dup2") == 0   ? dup2(-1, fd)
	        : strcmp(s->verb, "vain-dup3") == 0 ? dup3(REPORT_FD, fd, 1)
	                                            : close_range((unsigned)fd, (unsigned)fd, 1 << 10);

	errno = ERRNO_BEFORE;
	return r;
}

const struct verb descriptor_verbs[] = {
	{ "vain-dup2", do_fail, 0 },
	{ "vain-dup3", do_fail, 0 },
	{ "vain-close_range", do_fail, 0 },
	{ "SYS_shutdown", do_shutdown, 0 },
	{ "dup", do_dup, 0 },
	{ "dup2", do_dup, 0 },
	{ "dup3", do_dup, 0 },
	{ "F_DUPFD", do_dup, 0 },
	{ "F_DUPFD_CLOEXEC", do_dup, 0 },
	{ "fcntl64", do_dup, 0 },
	{ "SYS_dup", do_dup, 0 },
	{ "SYS_dup3", do_dup, 0 },
	{ "SYS_fcntl", do_dup, 0 },
	{ "onto", do_onto, 0 },
	{ "replace", do_replace, 0 },
	{ "use", do_use, ADOPT },
	{ "pass", do_pass, 0 },
	{ "pass-recvmmsg", do_pass, 0 },
	{ "pass-SYS_recvmsg", do_pass, 0 },
	{ "pass-SYS_recvmmsg", do_pass, 0 },
	{ "fetch", do_fetch, 0 },
	{ "pass-stamped", do_pass, 0 },
	{ "shutdown", do_shutdown, 0 },
	{ "close", do_close, ADOPT },
	{ "close_range", do_close, ADOPT },
	{ "closefrom", do_close, ADOPT },
	{ "fclose", do_close, 0 },
	{ "SYS_close", do_close, 0 },
	{ "SYS_close_range", do_close, 0 },
	{ NULL, NULL, 0 },
};
