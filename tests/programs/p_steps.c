/* Carries out the calls named on its command line, one after the other, and reports what each returned:
 *
 *	p_steps write='HTTP/1.1 200 OK...' send+MSG_NOSIGNAL=*200 close
 *
 * A step is VERB[/PIECES][+FLAG...][=ARGUMENT]. Bytes to write are the argument itself, or *N for the next N bytes of
 * the endless body. `child:STEP` is done by a forked child. The connection is accepted when it is first needed. */
#include "p_common.h"

#include <aio.h>
#include <dlfcn.h>
#include <limits.h>
#include <linux/io_uring.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <linux/sockios.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/sendfile.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <sys/wait.h>

extern char **environ;

/* A call that succeeds leaves errno alone, with a shim in front or without. */
enum { ERRNO_BEFORE = ENOTSUP };

struct step {
	char verb[24];
	int pieces; /* iovecs, or whatever the verb counts */
	int flags;
	const char *argument;
	char *bytes;
	size_t size;
};

static char **args; /* the steps; args[1] is the one being done */
static const char *self;
static int fd = -1;     /* what the steps act on */
static int other = -1;  /* the descriptor that dup, pass and the like made; `use` swaps the two */
static bool stops;      /* at a final error, as programs do */
static int partner = -1; /* the other end of what `open` made */
static FILE *stream;

static void need_fd(void)
{
	if (fd < 0)
		fd = accept_peer();
}

static long made(int n)
{
	if (n >= 0)
		report("fd=%d", n);
	other = n;
	return n;
}

/* --- writing -------------------------------------------------------------------------------------------------- */

static size_t pieces_of(const struct step *s, struct iovec *iov)
{
	size_t count = (size_t)s->pieces, each = s->size / count;

	for (size_t i = 0; i < count; i++)
		iov[i] = (struct iovec){ s->bytes + i * each, i + 1 < count ? each : s->size - i * each };
	return count;
}

static long do_write(const struct step *s)
{
	return write(fd, s->bytes, s->size);
}

static long do_writev(const struct step *s)
{
	struct iovec iov[IOV_MAX];

	return writev(fd, iov, (int)pieces_of(s, iov));
}

static long do_send(const struct step *s)
{
	return send(fd, s->bytes, s->size, s->flags);
}

static long do_sendto(const struct step *s)
{
	return sendto(fd, s->bytes, s->size, s->flags, NULL, 0);
}

static long do_sendmsg(const struct step *s)
{
	struct iovec iov[IOV_MAX];
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = pieces_of(s, iov) };

	return sendmsg(fd, &m, s->flags);
}

/* One message for each piece. */
static long do_sendmmsg(const struct step *s)
{
	struct iovec iov[64];
	struct mmsghdr m[64] = { { .msg_hdr = { .msg_iov = NULL } } };
	size_t count = pieces_of(s, iov);
	long sent = 0, r;

	for (size_t i = 0; i < count; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &iov[i], .msg_iovlen = 1 };
	r = sendmmsg(fd, m, (unsigned)count, s->flags);
	for (long i = 0; i < r; i++)
		sent += m[i].msg_len;
	return r < 0 ? -1 : sent;
}

static long do_pwritev2(const struct step *s)
{
	struct iovec iov[64];

	return pwritev2(fd, iov, (int)pieces_of(s, iov), -1, 0);
}

extern __typeof__(write) __write;
extern __typeof__(send) __send;

static long do_alias(const struct step *s)
{
	return strcmp(s->verb, "__write") == 0 ? __write(fd, s->bytes, s->size) : __send(fd, s->bytes, s->size, s->flags);
}

/* By number, through libc's syscall(). */
static long do_syscall(const struct step *s)
{
	struct iovec iov = { s->bytes, s->size };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	if (strcmp(s->verb, "SYS_write") == 0)
		return syscall(SYS_write, fd, s->bytes, s->size);
	if (strcmp(s->verb, "SYS_writev") == 0)
		return syscall(SYS_writev, fd, &iov, 1);
	if (strcmp(s->verb, "SYS_sendto") == 0)
		return syscall(SYS_sendto, fd, s->bytes, s->size, s->flags, NULL, 0);
	return syscall(SYS_sendmsg, fd, &m, s->flags);
}

/* By an instruction of the program's own. */
static long do_unseen(const struct step *s)
{
	return unseen(SYS_write, fd, (long)s->bytes, (long)s->size, 0, 0, 0);
}

/* By a ring of the program's own making: the kernel writes, and nothing was called by name. */
static long do_uring(const struct step *s)
{
	struct io_uring_params p = { .flags = 0 };
	int ring = (int)unseen(SYS_io_uring_setup, 1, (long)&p, 0, 0, 0, 0), keep = errno;
	char *sq, *cq;
	struct io_uring_sqe *sqe;

	must(ring >= 0, "io_uring_setup (kernel.io_uring_disabled must be 0)");
	sq = (char *)unseen(SYS_mmap, 0, p.sq_off.array + p.sq_entries * sizeof(unsigned), PROT_READ | PROT_WRITE,
		MAP_SHARED, ring, IORING_OFF_SQ_RING);
	cq = (char *)unseen(SYS_mmap, 0, p.cq_off.cqes + p.cq_entries * sizeof(struct io_uring_cqe),
		PROT_READ | PROT_WRITE, MAP_SHARED, ring, IORING_OFF_CQ_RING);
	sqe = (struct io_uring_sqe *)unseen(SYS_mmap, 0, p.sq_entries * sizeof *sqe, PROT_READ | PROT_WRITE,
		MAP_SHARED, ring, (long)IORING_OFF_SQES);
	*sqe = (struct io_uring_sqe){ .opcode = IORING_OP_SEND, .fd = fd, .addr = (uint64_t)s->bytes,
		.len = (uint32_t)s->size };
	*(unsigned *)(sq + p.sq_off.array) = 0;
	__atomic_store_n((unsigned *)(sq + p.sq_off.tail), 1, __ATOMIC_RELEASE);
	must(unseen(SYS_io_uring_enter, ring, 1, 1, IORING_ENTER_GETEVENTS, 0, 0) == 1, "io_uring_enter");
	unseen(SYS_close, ring, 0, 0, 0, 0, 0);
	errno = keep;
	return ((struct io_uring_cqe *)(cq + p.cq_off.cqes))->res;
}

static long do_aio(const struct step *s)
{
	struct aiocb a = { .aio_fildes = fd, .aio_buf = s->bytes, .aio_nbytes = s->size };
	const struct aiocb *list[] = { &a };
	struct aiocb *all[] = { &a };

	if (strcmp(s->verb, "lio_listio") == 0) {
		a.aio_lio_opcode = LIO_WRITE;
		must(lio_listio(LIO_WAIT, all, 1, NULL) == 0, "lio_listio");
	} else
		must(aio_write(&a) == 0 && aio_suspend(list, 1, NULL) == 0, "aio_write");
	return aio_return(&a);
}

static int file_of(const struct step *s)
{
	int file = memfd_create("body", MFD_CLOEXEC);

	must(pwrite(file, s->bytes, s->size, 0) == (ssize_t)s->size, "pwrite");
	return file;
}

static bool may_pass(int error)
{
	return error == EAGAIN || error == EINTR || error == ENOBUFS || error == ENOMEM;
}

static long do_sendfile(const struct step *s)
{
	int file = file_of(s);
	struct iovec iov[64];
	size_t count = pieces_of(s, iov);
	long sent = 0, r = 0;

	for (size_t i = 0; i < count && r >= 0; i++, sent += r < 0 ? 0 : r)
		do {
			r = strcmp(s->verb, "sendfile64") == 0 ? sendfile64(fd, file, NULL, iov[i].iov_len)
				: sendfile(fd, file, NULL, iov[i].iov_len);
		} while (r < 0 && may_pass(errno) && (errno = ERRNO_BEFORE));
	close(file);
	return sent > 0 ? sent : r;
}

static long do_splice(const struct step *s)
{
	struct iovec iov[64];
	size_t count = pieces_of(s, iov);
	int ends[2];
	long sent = 0, r = 0;

	must(pipe(ends) == 0, "pipe");
	syscall(SYS_write, ends[1], s->bytes, s->size);
	for (size_t i = 0; i < count && r >= 0; i++, sent += r < 0 ? 0 : r)
		r = splice(ends[0], NULL, fd, NULL, iov[i].iov_len, (unsigned)s->flags);
	close(ends[0]);
	close(ends[1]);
	return sent > 0 ? sent : r;
}

extern int __dprintf_chk(int to, int flag, const char *format, ...);
extern int __vdprintf_chk(int to, int flag, const char *format, va_list args);

static long print(const struct step *s, ...)
{
	va_list ap;
	long r;

	va_start(ap, s);
	r = s->verb[0] == 'v' ? vdprintf(fd, "%s", ap) : __vdprintf_chk(fd, 1, "%s", ap);
	va_end(ap);
	return r;
}

static long do_dprintf(const struct step *s)
{
	if (strstr(s->verb, "vdprintf") != NULL)
		return print(s, s->bytes);
	return s->verb[0] == '_' ? __dprintf_chk(fd, 1, "%s", s->bytes) : dprintf(fd, "%s", s->bytes);
}

/* As programs write that care: until all is taken, through short counts and whatever may pass. A 0 is never honest. */
static long do_writeall(const struct step *s)
{
	size_t done = 0;

	while (done < s->size) {
		ssize_t r = s->pieces == 1 ? send(fd, s->bytes + done, s->size - done, s->flags)
			: writev(fd, (struct iovec[]){ { s->bytes + done, 1 }, { s->bytes + done + 1,
				s->size - done - 1 } }, 2);
		if (r == 0 || r > (ssize_t)(s->size - done))
			return -2;
		if (r < 0 && !may_pass(errno))
			return -1;
		if (r < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1);
		done += r < 0 ? 0 : (size_t)r;
		errno = r < 0 ? ERRNO_BEFORE : errno;
	}
	return (long)done;
}

/* Once, and if it is refused, once more. */
static long do_again(const struct step *s)
{
	long r = write(fd, s->bytes, s->size);

	if (r >= 0)
		return r;
	report("refused: %s\n", strerrorname_np(errno));
	errno = ERRNO_BEFORE;
	return write(fd, s->bytes, s->size);
}

static long do_fdopen(const struct step *s)
{
	(void)s;
	stream = fdopen(fd, "w");
	return stream != NULL ? 0 : -1;
}

/* The stream, and with it the descriptor, becomes another one. */
static long do_freopen(const struct step *s)
{
	FILE *was = stream;

	(void)s;
	fd = -1;
	stream = freopen("/dev/null", "w", was);
	return stream != NULL ? 0 : -1;
}

static long do_fprintf(const struct step *s)
{
	return fprintf(stream, "%s", s->bytes);
}

static long do_fwrite(const struct step *s)
{
	long r = (long)fwrite(s->bytes, 1, s->size, stream);

	return fflush(stream) == 0 ? r : -1;
}

/* --- reading -------------------------------------------------------------------------------------------------- */

static char incoming[65536];

static long do_read(const struct step *s)
{
	return read(fd, incoming, (size_t)atoi(s->argument));
}

static long do_readeach(const struct step *s)
{
	long n = 0, want = atoi(s->argument);

	while (n < want && read(fd, incoming + n, 1) == 1)
		n++;
	return n;
}

static long do_readv(const struct step *s)
{
	size_t n = (size_t)atoi(s->argument);
	struct iovec iov[2] = { { incoming, 3 }, { incoming + 3, n - 3 } };

	return readv(fd, iov, 2);
}

static long do_recv(const struct step *s)
{
	return recv(fd, incoming, (size_t)atoi(s->argument), s->flags);
}

static long do_recvfrom(const struct step *s)
{
	return recvfrom(fd, incoming, (size_t)atoi(s->argument), s->flags, NULL, NULL);
}

static long do_recvmsg(const struct step *s)
{
	struct iovec iov = { incoming, (size_t)atoi(s->argument) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recvmsg(fd, &m, s->flags);
}

static long do_recvmmsg(const struct step *s)
{
	struct iovec iov = { incoming, (size_t)atoi(s->argument) };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	return recvmmsg(fd, &m, 1, s->flags, NULL) == 1 ? (long)m.msg_len : -1;
}

/* --- the descriptor ------------------------------------------------------------------------------------------- */

static long do_dup(const struct step *s)
{
	int over = s->argument[0] != '\0' ? atoi(s->argument) : 77;

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
	int r = dup2(fd, atoi(s->argument));

	close(fd);
	fd = r;
	report("fd=%d", fd);
	return r;
}

/* Something else takes this number: an implicit close. */
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

/* Over a unix socket to ourselves, as to any other process. */
static long do_pass(const struct step *s)
{
	int ends[2], got = -1;
	union { struct cmsghdr head; char room[CMSG_SPACE(sizeof(int))]; } control = { .head = { 0 } };
	struct iovec iov = { (char[]){ "x" }, 1 };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1, .msg_control = &control,
		.msg_controllen = sizeof control };

	(void)s;
	must(socketpair(AF_UNIX, SOCK_STREAM, 0, ends) == 0, "socketpair");
	control.head = (struct cmsghdr){ CMSG_LEN(sizeof(int)), SOL_SOCKET, SCM_RIGHTS };
	memcpy(CMSG_DATA(&control.head), &fd, sizeof fd);
	must(sendmsg(ends[0], &m, 0) == 1 && recvmsg(ends[1], &m, 0) == 1, "passing a descriptor");
	memcpy(&got, CMSG_DATA(&control.head), sizeof got);
	close(ends[0]);
	close(ends[1]);
	return made(got);
}

static long do_option(const struct step *s)
{
	int value = atoi(s->argument);
	socklen_t size = sizeof value;

	if (strcmp(s->verb, "nodelay") == 0)
		return setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, size);
	if (strcmp(s->verb, "quickack") == 0)
		return setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &value, size);
	if (strcmp(s->verb, "oobinline") == 0)
		return setsockopt(fd, SOL_SOCKET, SO_OOBINLINE, &value, size);
	if (strcmp(s->verb, "cork") == 0)
		return setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, size);
	if (strcmp(s->verb, "sndbuf") == 0)
		return setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, size);
	if (strcmp(s->verb, "zerocopy") == 0)
		return setsockopt(fd, SOL_SOCKET, SO_ZEROCOPY, &value, size);
	if (strcmp(s->verb, "linger") == 0)
		return setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, value }, sizeof(struct linger));
	if (strcmp(s->verb, "ulp") == 0)
		return setsockopt(fd, IPPROTO_TCP, TCP_ULP, s->argument, (socklen_t)strlen(s->argument));
	if (strcmp(s->verb, "SYS_setsockopt") == 0)
		return syscall(SYS_setsockopt, fd, SOL_SOCKET, SO_KEEPALIVE, &value, size);
	if (strcmp(s->verb, "keepalive") == 0)
		return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, size);
	if (strcmp(s->verb, "get-error") == 0)
		return getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) == 0 ? value : -1;
	if (strcmp(s->verb, "outq") == 0)
		return ioctl(fd, SIOCOUTQ, &value) == 0 ? 0 : -1; /* the count depends on the peer's ACKs */
	return fcntl(fd, F_SETFL, O_NONBLOCK);
}

/* The program's own settings, asked so that nobody else notices: 10 is TCP_NODELAY, 1 is TCP_CORK. */
static long do_settings(const struct step *s)
{
	int nodelay = 0, cork = 0, size = sizeof(int);

	(void)s;
	unseen(SYS_getsockopt, fd, IPPROTO_TCP, TCP_NODELAY, (long)&nodelay, (long)&size, 0);
	unseen(SYS_getsockopt, fd, IPPROTO_TCP, TCP_CORK, (long)&cork, (long)&size, 0);
	return (nodelay != 0) * 10 + (cork != 0);
}

static long do_shutdown(const struct step *s)
{
	(void)s;
	return shutdown(fd, SHUT_WR);
}

static long do_close(const struct step *s)
{
	int was = s->argument[0] != '\0' ? atoi(s->argument) : fd;

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

/* Other things than an accepted TCP connection, with `partner` as their reading end. */
static long do_open(const struct step *s)
{
	int ends[2] = { -1, -1 }, r = 0;
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;

	if (strcmp(s->argument, "pipe") == 0)
		r = pipe(ends);
	else if (strcmp(s->argument, "file") == 0)
		ends[1] = memfd_create("file", 0);
	else if (strcmp(s->argument, "udp") == 0) {
		ends[0] = socket(AF_INET, SOCK_DGRAM, 0);
		ends[1] = socket(AF_INET, SOCK_DGRAM, 0);
		r = bind(ends[0], (struct sockaddr *)&at, size) | getsockname(ends[0], (struct sockaddr *)&at, &size)
			| connect(ends[1], (struct sockaddr *)&at, size);
	} else if (strcmp(s->argument, "unix") == 0) {
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		int listener = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "onewrite-test-%d", getpid());
		ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
		r = bind(listener, (struct sockaddr *)&name, sizeof name) | listen(listener, 1)
			| connect(ends[0], (struct sockaddr *)&name, sizeof name);
		ends[1] = accept(listener, NULL, NULL);
		close(listener);
	} else
		r = socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	partner = ends[0];
	fd = ends[1];
	report("fd=%d", fd);
	return r;
}

/* As a client: the peer is the server. */
static long do_connect(const struct step *s)
{
	struct sockaddr_storage at;
	socklen_t size = sizeof at;

	int protocol = 0, one = 1;
	socklen_t option = sizeof protocol;

	getsockname(LISTENER_FD, (struct sockaddr *)&at, &size);
	getsockopt(LISTENER_FD, SOL_SOCKET, SO_PROTOCOL, &protocol, &option);
	fd = socket(at.ss_family, SOCK_STREAM, protocol);
	report("fd=%d", fd);
	if (strcmp(s->verb, "fastopen") == 0)
		return sendto(fd, s->bytes, s->size, MSG_FASTOPEN, (struct sockaddr *)&at, size);
	if (s->flags & MSG_FASTOPEN)
		must(setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one) == 0, "TCP_FASTOPEN_CONNECT");
	return connect(fd, (struct sockaddr *)&at, size);
}

/* Connected to nobody. */
static long do_socket(const struct step *s)
{
	(void)s;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	report("fd=%d", fd);
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

static long do_ignore(const struct step *s)
{
	(void)s;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

static long do_stops(const struct step *s)
{
	(void)s;
	stops = true;
	return 0;
}

static long do_readable(const struct step *s)
{
	(void)s;
	return poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 5000);
}

/* --- processes ------------------------------------------------------------------------------------------------ */

/* This program again, on the same descriptor, with the argument as its steps. */
static char **again(const char *step)
{
	static char number[16];
	static char *argv[6];

	snprintf(number, sizeof number, "fd=%d", fd);
	argv[0] = (char *)self;
	argv[1] = number;
	argv[2] = (char *)step;
	return argv;
}

static long reap(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static long do_spawn(const struct step *s)
{
	pid_t pid;

	if ((strcmp(s->verb, "spawnp") == 0 ? posix_spawnp : posix_spawn)(&pid, self, NULL, NULL, again(s->argument),
		environ) != 0)
		return -1;
	return reap(pid);
}

static long do_daemon(const struct step *s)
{
	(void)s;
	return daemon(1, 1);
}

/* What wants a process of one thread, or every thread to take part. */
static long do_privilege(const struct step *s)
{
	if (strcmp(s->verb, "setuid") == 0)
		return setuid(getuid());
	return unshare(CLONE_NEWUSER);
}

static long do_shell(const struct step *s)
{
	char command[512];
	FILE *p;

	snprintf(command, sizeof command, "exec '%s' fd=%d '%s'", self, fd, s->argument);
	if (strcmp(s->verb, "system") == 0)
		return system(command);
	p = popen(command, "w");
	return p != NULL ? pclose(p) : -1;
}

static long do_vfork(const struct step *s)
{
	char **argv = again(s->argument);
	pid_t pid = vfork();

	if (pid == 0) {
		execv(self, argv);
		_exit(9);
	}
	return reap(pid);
}

/* Through the door that the verb names; what is left of the command line goes on in the new program. */
static long do_exec(const struct step *s)
{
	static char number[16];

	snprintf(number, sizeof number, "fd=%d", fd);
	args[0] = (char *)self;
	args[1] = number;
	if (strcmp(s->argument, "execv") == 0)
		execv(self, args);
	else if (strcmp(s->argument, "execve") == 0)
		execve(self, args, environ);
	else if (strcmp(s->argument, "execvp") == 0)
		execvp(self, args);
	else if (strcmp(s->argument, "execvpe") == 0)
		execvpe(self, args, environ);
	else if (strcmp(s->argument, "execl") == 0)
		execl(self, self, number, args[2], (char *)NULL);
	else if (strcmp(s->argument, "execlp") == 0)
		execlp(self, self, number, args[2], (char *)NULL);
	else if (strcmp(s->argument, "execle") == 0)
		execle(self, self, number, args[2], (char *)NULL, environ);
	else if (strcmp(s->argument, "fexecve") == 0)
		fexecve(open(self, O_RDONLY | O_CLOEXEC), args, environ);
	else if (strcmp(s->argument, "execveat") == 0)
		execveat(AT_FDCWD, self, args, environ, 0);
	else
		execv("/nothing", args);
	return -1;
}

/* What is still to be written when the process ends. */
static struct step last;

static void write_last(void)
{
	if (write(fd, last.bytes, last.size) != (ssize_t)last.size)
		_exit(8);
}

static long do_at_exit(const struct step *s)
{
	last = *s;
	last.bytes = strndup(s->bytes, s->size);
	return strcmp(s->verb, "atexit") == 0 ? atexit(write_last) : at_quick_exit(write_last);
}

static long do_exit(const struct step *s)
{
	int status = 7;

	if (strcmp(s->verb, "_exit") == 0)
		_exit(status);
	if (strcmp(s->verb, "_Exit") == 0)
		_Exit(status);
	if (strcmp(s->verb, "SYS_exit_group") == 0)
		syscall(SYS_exit_group, status);
	if (strcmp(s->verb, "quick_exit") == 0)
		quick_exit(status);
	if (strcmp(s->verb, "abort") == 0)
		abort();
	exit(status);
}

/* --- other people's code -------------------------------------------------------------------------------------- */

/* A library that binds past every preload. */
static long do_deepbind(const struct step *s)
{
	(void)s;
	return dlopen("libm.so.6", RTLD_NOW | RTLD_DEEPBIND) != NULL ? 0 : -1;
}

/* A library that loads another one which only its own run path knows. */
static long do_plugin(const struct step *s)
{
	void *plugin = dlopen(s->argument, RTLD_NOW);
	int (*load)(void) = plugin != NULL ? (int (*)(void))dlsym(plugin, "load") : NULL;

	if (load == NULL)
		report("%s\n", dlerror());
	errno = ERRNO_BEFORE;
	return load != NULL ? load() : -1;
}

static long do_uring_setup(const struct step *s)
{
	struct io_uring_params p = { .flags = 0 };
	long ring = syscall(SYS_io_uring_setup, 1, &p);

	(void)s;
	must(ring >= 0, "io_uring_setup (kernel.io_uring_disabled must be 0)");
	return (long)close((int)ring);
}

/* --- the peer ------------------------------------------------------------------------------------------------- */

static long do_peer(const struct step *s)
{
	char packet[2048] = ">";

	memcpy(packet + 1, s->argument, strlen(s->argument));
	report_bytes(packet, strlen(packet));
	return 0;
}

static long do_await(const struct step *s)
{
	(void)s;
	errno = ETIMEDOUT;
	return peer_has_all() ? 0 : -1;
}

static long do_sleep(const struct step *s)
{
	sleep_us(atoi(s->argument) * 1000L);
	return 0;
}

/* How many bytes have come out at the other end of what `open` made? */
static long do_partner(const struct step *s)
{
	int n = 0;

	(void)s;
	return syscall(SYS_ioctl, partner, FIONREAD, &n) == 0 ? n : -1;
}

/* No more descriptors from here on: the library must need none. */
static long do_nofiles(const struct step *s)
{
	struct rlimit none = { 0, 0 };

	(void)s;
	return setrlimit(RLIMIT_NOFILE, &none);
}

/* --- one step ------------------------------------------------------------------------------------------------- */

static const struct verb {
	const char *name;
	long (*run)(const struct step *);
	enum { BYTES = 1, ADOPT = 2 } kind; /* BYTES: the argument is bytes to write; ADOPT: needs no connection yet */
} verbs[] = {
	{ "write", do_write, BYTES }, { "writev", do_writev, BYTES }, { "send", do_send, BYTES },
	{ "sendto", do_sendto, BYTES }, { "sendmsg", do_sendmsg, BYTES }, { "sendmmsg", do_sendmmsg, BYTES },
	{ "sendfile", do_sendfile, BYTES }, { "sendfile64", do_sendfile, BYTES }, { "splice", do_splice, BYTES },
	{ "dprintf", do_dprintf, BYTES }, { "fwrite", do_fwrite, BYTES }, { "writeall", do_writeall, BYTES },
	{ "again", do_again, BYTES }, { "pwritev2", do_pwritev2, BYTES }, { "__write", do_alias, BYTES },
	{ "__send", do_alias, BYTES }, { "SYS_write", do_syscall, BYTES }, { "SYS_writev", do_syscall, BYTES },
	{ "SYS_sendto", do_syscall, BYTES }, { "SYS_sendmsg", do_syscall, BYTES }, { "unseen", do_unseen, BYTES },
	{ "uring", do_uring, BYTES }, { "aio_write", do_aio, BYTES }, { "lio_listio", do_aio, BYTES },
	{ "vdprintf", do_dprintf, BYTES }, { "__dprintf_chk", do_dprintf, BYTES },
	{ "__vdprintf_chk", do_dprintf, BYTES }, { "fprintf", do_fprintf, BYTES },
	{ "atexit", do_at_exit, BYTES }, { "at_quick_exit", do_at_exit, BYTES },
	{ "read", do_read, 0 }, { "readeach", do_readeach, 0 }, { "readv", do_readv, 0 }, { "recv", do_recv, 0 },
	{ "recvfrom", do_recvfrom, 0 }, { "recvmsg", do_recvmsg, 0 }, { "recvmmsg", do_recvmmsg, 0 },
	{ "dup", do_dup, 0 }, { "dup2", do_dup, 0 }, { "dup3", do_dup, 0 }, { "F_DUPFD", do_dup, 0 },
	{ "F_DUPFD_CLOEXEC", do_dup, 0 }, { "replace", do_replace, 0 }, { "use", do_use, ADOPT }, { "pass", do_pass, 0 },
	{ "fcntl64", do_dup, 0 }, { "SYS_dup", do_dup, 0 }, { "SYS_dup3", do_dup, 0 }, { "SYS_fcntl", do_dup, 0 },
	{ "onto", do_onto, 0 }, { "fdopen", do_fdopen, 0 }, { "freopen", do_freopen, 0 }, { "shutdown", do_shutdown, 0 },
	{ "fclose", do_close, 0 }, { "SYS_close", do_close, 0 }, { "SYS_close_range", do_close, 0 },
	{ "settings", do_settings, 0 }, { "sndbuf", do_option, 0 }, { "zerocopy", do_option, 0 },
	{ "linger", do_option, 0 }, { "ulp", do_option, 0 }, { "SYS_setsockopt", do_option, 0 },
	{ "nodelay", do_option, 0 }, { "quickack", do_option, 0 }, { "oobinline", do_option, 0 }, { "cork", do_option, 0 }, { "keepalive", do_option, 0 },
	{ "get-error", do_option, 0 }, { "outq", do_option, 0 }, { "nonblock", do_option, 0 },
	{ "close", do_close, ADOPT }, { "close_range", do_close, ADOPT }, { "closefrom", do_close, ADOPT },
	{ "open", do_open, ADOPT }, { "connect", do_connect, ADOPT }, { "fastopen", do_connect, BYTES | ADOPT },
	{ "socket", do_socket, ADOPT }, { "stops", do_stops, ADOPT }, { "ignore-sigpipe", do_ignore, 0 }, { "readable", do_readable, 0 },
	{ "spawn", do_spawn, 0 }, { "spawnp", do_spawn, 0 }, { "daemon", do_daemon, 0 }, { "system", do_shell, 0 }, { "popen", do_shell, 0 }, { "vfork", do_vfork, 0 },
	{ "exec", do_exec, 0 }, { "exit", do_exit, 0 }, { "_exit", do_exit, 0 }, { "_Exit", do_exit, 0 },
	{ "quick_exit", do_exit, 0 }, { "abort", do_exit, 0 },
	{ "SYS_exit_group", do_exit, 0 }, { "setuid", do_privilege, 0 }, { "unshare", do_privilege, 0 },
	{ "deepbind", do_deepbind, 0 }, { "plugin", do_plugin, 0 }, { "uring-setup", do_uring_setup, 0 },
	{ "peer", do_peer, 0 }, { "partner", do_partner, 0 }, { "nofiles", do_nofiles, 0 },
	{ "await", do_await, ADOPT }, { "sleep", do_sleep, ADOPT },
};

static const struct { const char *name; int bit; } flag_bits[] = {
	{ "MSG_MORE", MSG_MORE }, { "MSG_NOSIGNAL", MSG_NOSIGNAL }, { "MSG_DONTWAIT", MSG_DONTWAIT },
	{ "MSG_OOB", MSG_OOB }, { "MSG_PEEK", MSG_PEEK }, { "MSG_ZEROCOPY", MSG_ZEROCOPY },
	{ "MSG_FASTOPEN", MSG_FASTOPEN },
};

static const struct verb *parse(struct step *s, const char *text)
{
	size_t n = strcspn(text, "/+=");
	const char *equals = strchr(text, '='), *end = equals != NULL ? equals : text + strlen(text);

	*s = (struct step){ .pieces = 1, .argument = equals != NULL ? equals + 1 : "" };
	memcpy(s->verb, text, n < sizeof s->verb ? n : sizeof s->verb - 1);
	if (text[n] == '/')
		s->pieces = atoi(text + n + 1);
	for (size_t i = 0; i < sizeof flag_bits / sizeof *flag_bits; i++)
		if (memmem(text, (size_t)(end - text), flag_bits[i].name, strlen(flag_bits[i].name)) != NULL)
			s->flags |= flag_bits[i].bit;
	for (size_t i = 0; i < sizeof verbs / sizeof *verbs; i++)
		if (strcmp(verbs[i].name, s->verb) == 0)
			return &verbs[i];
	report("no such step: %s\n", s->verb);
	exit(3);
}

static void draw_bytes(struct step *s)
{
	bool body = s->argument[0] == '*';

	s->size = body ? strtoul(s->argument + 1, NULL, 10) : strlen(s->argument);
	s->bytes = calloc(1, s->size + 1);
	if (body)
		body_fill(shared, s->bytes, s->size);
	else
		memcpy(s->bytes, s->argument, s->size);
}

static void do_step(const char *text)
{
	struct step s;
	const struct verb *v = parse(&s, text);
	long r;

	if (!(v->kind & ADOPT))
		need_fd();
	if (v->kind & BYTES)
		draw_bytes(&s);
	errno = ERRNO_BEFORE;
	r = v->run(&s);
	if (v->kind & BYTES && r > 0)
		atomic_fetch_add(&shared->written, (uint64_t)r);
	if (errno != ERRNO_BEFORE && strcmp(s.verb, "await") != 0)
		report("%s = %ld, errno %s\n", s.verb, r, strerrorname_np(errno));
	else
		report("%s = %ld\n", s.verb, r);
	if (stops && r < 0 && (errno == EPIPE || errno == ECONNRESET || errno == ETIMEDOUT) && strcmp(s.verb, "await") != 0)
		exit(0);
	free(s.bytes);
}

static int clone_child(void *step)
{
	do_step(step);
	_exit(0);
}

/* "child:STEP", and the other ways to have one. */
static bool do_child(const char *text)
{
	static const char *const ways[] = { "child:", "_Fork:", "clone:", "clone-vm:", "SYS_fork:" };
	char stack[256 * 1024] __attribute__((aligned(16))); /* within ours: of another one ASan knows nothing */
	size_t way = 0;
	char *step;
	pid_t pid;

	while (way < 5 && strncmp(text, ways[way], strlen(ways[way])) != 0)
		way++;
	if (way == 5)
		return false;
	need_fd();
	step = (char *)text + strlen(ways[way]);
	pid = way == 0 ? fork() : way == 1 ? _Fork() : way == 2 ? clone(clone_child, stack + sizeof stack, SIGCHLD, step)
		: way == 3 ? clone(clone_child, stack + sizeof stack, SIGCHLD | CLONE_VM, step)
		: (pid_t)syscall(SYS_clone, SIGCHLD, 0, 0, 0, 0);
	if (pid == 0)
		clone_child(step);
	report("child = %ld\n", reap(pid));
	return true;
}

int main(int argc, char **argv)
{
	(void)argc;
	self = argv[0];
	shared = shared_map(SHARED_FD);
	for (args = argv; args[1] != NULL; args++)
		if (strncmp(args[1], "fd=", 3) == 0)
			fd = atoi(args[1] + 3);
		else if (!do_child(args[1]))
			do_step(args[1]);
	return 0;
}
