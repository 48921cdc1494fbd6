/* Carries out the calls named on its command line, one after the other, and reports what each returned:
 *
 *	p_steps write='HTTP/1.1 200 OK...' send+MSG_NOSIGNAL=*200 close
 *
 * A step is VERB[/PIECES][+FLAG...][=ARGUMENT]. Bytes to write are the argument itself, or *N for the next N bytes of
 * the endless body. `child:STEP` is done by a forked child. The connection is accepted when it is first needed. */
#include "p_common.h"

#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
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

static long do_sendmmsg(const struct step *s)
{
	struct iovec iov = { s->bytes, s->size };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	return sendmmsg(fd, &m, 1, s->flags) == 1 ? (long)m.msg_len : -1;
}

static int file_of(const struct step *s)
{
	int file = memfd_create("body", MFD_CLOEXEC);

	must(pwrite(file, s->bytes, s->size, 0) == (ssize_t)s->size, "pwrite");
	return file;
}

static long do_sendfile(const struct step *s)
{
	int file = file_of(s);
	long r = strcmp(s->verb, "sendfile64") == 0 ? sendfile64(fd, file, NULL, s->size) : sendfile(fd, file, NULL,
		s->size);

	close(file);
	return r;
}

static long do_splice(const struct step *s)
{
	int ends[2];
	long r;

	must(pipe(ends) == 0, "pipe");
	syscall(SYS_write, ends[1], s->bytes, s->size);
	r = splice(ends[0], NULL, fd, NULL, s->size, (unsigned)s->flags);
	close(ends[0]);
	close(ends[1]);
	return r;
}

static long do_dprintf(const struct step *s)
{
	return dprintf(fd, "%s", s->bytes);
}

/* As programs write that care: until all is taken, through short counts, EAGAIN and EINTR. A 0 is never honest. */
static long do_writeall(const struct step *s)
{
	size_t done = 0;

	while (done < s->size) {
		ssize_t r = s->pieces == 1 ? send(fd, s->bytes + done, s->size - done, s->flags)
			: writev(fd, (struct iovec[]){ { s->bytes + done, 1 }, { s->bytes + done + 1,
				s->size - done - 1 } }, 2);
		if (r == 0 || r > (ssize_t)(s->size - done))
			return -2;
		if (r < 0 && errno == EAGAIN)
			poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, -1);
		else if (r < 0 && errno != EINTR)
			return -1;
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
	return made(fcntl(fd, strcmp(s->verb, "F_DUPFD") == 0 ? F_DUPFD : F_DUPFD_CLOEXEC, over));
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
	if (strcmp(s->verb, "cork") == 0)
		return setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, size);
	if (strcmp(s->verb, "keepalive") == 0)
		return setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &value, size);
	if (strcmp(s->verb, "get-error") == 0)
		return getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &size) == 0 ? value : -1;
	if (strcmp(s->verb, "outq") == 0)
		return ioctl(fd, FIONREAD, &value) == 0 ? value : -1;
	return fcntl(fd, F_SETFL, O_NONBLOCK);
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

	(void)s;
	getsockname(LISTENER_FD, (struct sockaddr *)&at, &size);
	fd = socket(at.ss_family, SOCK_STREAM, 0);
	report("fd=%d", fd);
	return connect(fd, (struct sockaddr *)&at, size);
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

	if (posix_spawn(&pid, self, NULL, NULL, again(s->argument), environ) != 0)
		return -1;
	return reap(pid);
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
	return -1;
}

static long do_exit(const struct step *s)
{
	int status = 7;

	if (strcmp(s->verb, "_exit") == 0)
		_exit(status);
	if (strcmp(s->verb, "_Exit") == 0)
		_Exit(status);
	if (strcmp(s->verb, "quick_exit") == 0)
		quick_exit(status);
	if (strcmp(s->verb, "abort") == 0)
		abort();
	exit(status);
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
	{ "again", do_again, BYTES },
	{ "read", do_read, 0 }, { "readeach", do_readeach, 0 }, { "readv", do_readv, 0 }, { "recv", do_recv, 0 },
	{ "recvfrom", do_recvfrom, 0 }, { "recvmsg", do_recvmsg, 0 }, { "recvmmsg", do_recvmmsg, 0 },
	{ "dup", do_dup, 0 }, { "dup2", do_dup, 0 }, { "dup3", do_dup, 0 }, { "F_DUPFD", do_dup, 0 },
	{ "F_DUPFD_CLOEXEC", do_dup, 0 }, { "replace", do_replace, 0 }, { "use", do_use, 0 }, { "pass", do_pass, 0 },
	{ "fdopen", do_fdopen, 0 }, { "shutdown", do_shutdown, 0 },
	{ "fclose", do_close, 0 },
	{ "nodelay", do_option, 0 }, { "cork", do_option, 0 }, { "keepalive", do_option, 0 },
	{ "get-error", do_option, 0 }, { "outq", do_option, 0 }, { "nonblock", do_option, 0 },
	{ "close", do_close, ADOPT }, { "close_range", do_close, ADOPT }, { "closefrom", do_close, ADOPT },
	{ "open", do_open, ADOPT }, { "connect", do_connect, ADOPT },
	{ "spawn", do_spawn, 0 }, { "system", do_shell, 0 }, { "popen", do_shell, 0 }, { "vfork", do_vfork, 0 },
	{ "exec", do_exec, 0 }, { "exit", do_exit, 0 }, { "_exit", do_exit, 0 }, { "_Exit", do_exit, 0 },
	{ "quick_exit", do_exit, 0 }, { "abort", do_exit, 0 },
	{ "peer", do_peer, 0 }, { "partner", do_partner, 0 }, { "nofiles", do_nofiles, 0 },
	{ "await", do_await, ADOPT }, { "sleep", do_sleep, ADOPT },
};

static const struct { const char *name; int bit; } flag_bits[] = {
	{ "MSG_MORE", MSG_MORE }, { "MSG_NOSIGNAL", MSG_NOSIGNAL }, { "MSG_DONTWAIT", MSG_DONTWAIT },
	{ "MSG_OOB", MSG_OOB }, { "MSG_PEEK", MSG_PEEK },
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
	free(s.bytes);
}

static void do_child(const char *text)
{
	pid_t pid = fork();

	if (pid == 0) {
		do_step(text);
		_exit(0);
	}
	report("child = %ld\n", reap(pid));
}

int main(int argc, char **argv)
{
	(void)argc;
	self = argv[0];
	shared = shared_map(SHARED_FD);
	for (args = argv; args[1] != NULL; args++)
		if (strncmp(args[1], "fd=", 3) == 0)
			fd = atoi(args[1] + 3);
		else if (strncmp(args[1], "child:", 6) == 0) {
			need_fd();
			do_child(args[1] + 6);
		} else
			do_step(args[1]);
	return 0;
}
