/* The actors: what runs bare, and behind the shim. They write every piece to its last byte, as a program must, and note
 * what each operation returned on the board, which is memory: nothing of the noting goes through a call under test. */
#include "program.h"

#include <aio.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/futex.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <linux/sockios.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/select.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SKIPPED = -99, STALL_MS = 3000, MANY = 1024 };

extern char **environ;
extern ssize_t __write(int, const void *, size_t);
extern int __dprintf_chk(int, int, const char *, ...);
extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);

static struct board *board;
static const struct program *program;
static int fds[HANDLES], watches[HANDLES];
static FILE *files[HANDLES];
static pthread_t threads[ACTORS];

/* --- the board ---------------------------------------------------------------------------------------------------- */

static void map_board(void)
{
	board = mmap(NULL, sizeof *board, PROT_READ | PROT_WRITE, MAP_SHARED, BOARD_FD, 0);
	if (board == MAP_FAILED) {
		perror("fuzz: the board");
		_exit(125);
	}
	program = &board->program;
}

static void changed(void)
{
	atomic_fetch_add(&board->turn, 1);
	if (atomic_load(&board->waiting) > 0)
		syscall(SYS_futex, &board->turn, FUTEX_WAKE, 1 << 30, NULL, NULL, 0);
}

#define WAIT_UNTIL(condition)                                                                             \
	do {                                                                                              \
		struct timespec t_ = { 0, 20000000 };                                                     \
		uint32_t seen_ = atomic_load(&board->turn);                                               \
		if (condition)                                                                            \
			break;                                                                            \
		atomic_fetch_add(&board->waiting, 1);                                                     \
		if (!(condition))                                                                         \
			syscall(SYS_futex, &board->turn, FUTEX_WAIT, seen_, &t_, NULL, 0);                \
		atomic_fetch_sub(&board->waiting, 1);                                                     \
	} while (1)

static void wait_for_turn(uint32_t i)
{
	const struct op *o = &program->ops[i];
	for (uint32_t j = 0; j < i; j++)
		if (program->ops[j].actor != o->actor && program_conflict(program, &program->ops[j], o))
			WAIT_UNTIL(atomic_load(&board->results[j].done));
}

/* --- signals ------------------------------------------------------------------------------------------------------ */

static void write_piece(const struct op *o, int fd, int watch, struct result *r);

static __thread const struct op *signalled;

static void on_signal(int signo)
{
	int saved = errno;
	if (signo == SIGPIPE)
		atomic_fetch_add(&board->pipe_signals, 1);
	else if (signo == SIGUSR1 && signalled != NULL)
		write_piece(signalled, fds[signalled->handle], watches[signalled->handle],
		            &board->results[signalled - program->ops]);
	errno = saved;
}

static void open_to_ticks(bool open)
{
	sigset_t s;
	if (!program->ticks)
		return;
	sigemptyset(&s);
	sigaddset(&s, SIGALRM);
	pthread_sigmask(open ? SIG_UNBLOCK : SIG_BLOCK, &s, NULL);
}

static void take_signals(bool fresh)
{
	static char stack[128 * 1024];
	struct sigaction a = { .sa_handler = on_signal, .sa_flags = program->alt_stack ? SA_ONSTACK : 0 };
	stack_t alt = { .ss_sp = stack, .ss_size = sizeof stack };
	if (program->alt_stack)
		sigaltstack(&alt, NULL);
	sigaction(SIGUSR1, &a, NULL);
	sigaction(SIGALRM, &a, NULL); /* interrupts: no SA_RESTART */
	open_to_ticks(false);
	if (program->ignore_pipe)
		a.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &a, NULL);
	struct itimerval every = { { 0, 170 }, { 0, 170 } };
	if (program->ticks && fresh)
		setitimer(ITIMER_REAL, &every, NULL);
}

/* --- writing ------------------------------------------------------------------------------------------------------ */

static int split(const char *p, size_t n, struct iovec *iov, int most, struct chance *c)
{
	int count = 0;
	while (count < most - 1) {
		size_t part = one_in(c, 4) ? 0 : below(c, (uint32_t)(most > 64 ? n / 300 : n) + 1);
		iov[count++] = (struct iovec){ (void *)p, part };
		p += part;
		n -= part;
		if (n == 0 && one_in(c, 2) && most <= 64)
			return count;
	}
	iov[count++] = (struct iovec){ (void *)p, n };
	return count;
}

static long inline_write(int fd, const void *p, size_t n)
{
#if defined __x86_64__
	long r;
	__asm__ volatile("syscall" : "=a"(r) : "a"(SYS_write), "D"((long)fd), "S"(p), "d"(n) : "rcx", "r11", "memory");
#elif defined __aarch64__
	register long x8 __asm__("x8") = SYS_write, r __asm__("x0") = fd, x1 __asm__("x1") = (long)p,
		x2 __asm__("x2") = (long)n;
	__asm__ volatile("svc 0" : "+r"(r) : "r"(x8), "r"(x1), "r"(x2) : "memory");
#else
	return syscall(SYS_write, fd, p, n);
#endif
	if (r >= 0)
		return r;
	errno = (int)-r;
	return -1;
}

static ssize_t through_pipe(int fd, const char *p, size_t n, bool map)
{
	int ends[2];
	ssize_t r = -1;
	if (n > 60000)
		n = 60000;
	if (pipe(ends) != 0)
		return -1;
	struct iovec v = { (void *)p, n };
	ssize_t in = map ? vmsplice(ends[1], &v, 1, 0) : write(ends[1], p, n);
	if (in == (ssize_t)n)
		r = splice(ends[0], NULL, fd, NULL, n, 0);
	int saved = errno;
	close(ends[0]);
	close(ends[1]);
	errno = saved;
	return r;
}

static ssize_t by_aio(int fd, const char *p, size_t n)
{
	struct aiocb a = { .aio_fildes = fd, .aio_buf = (void *)p, .aio_nbytes = n };
	const struct aiocb *list[] = { &a };
	if (aio_write(&a) != 0)
		return -1;
	while (aio_error(&a) == EINPROGRESS)
		aio_suspend(list, 1, NULL);
	int error = aio_error(&a);
	ssize_t r = aio_return(&a);
	errno = error;
	return r;
}

static ssize_t through_sendmmsg(int fd, const char *p, size_t n, int flags, struct chance *c)
{
	struct iovec iov[3][8];
	struct mmsghdr v[3] = { 0 };
	unsigned count = 1 + below(c, 3);
	for (unsigned i = 0; i < count; i++) {
		size_t part = i == count - 1 ? n : below(c, (uint32_t)n + 1);
		v[i].msg_hdr.msg_iov = iov[i];
		v[i].msg_hdr.msg_iovlen = (size_t)split(p, part, iov[i], 8, c);
		p += part;
		n -= part;
	}
	int r = sendmmsg(fd, v, count, flags);
	ssize_t sum = r < 0 ? -1 : 0;
	for (int i = 0; i < r; i++)
		sum += v[i].msg_len;
	return sum;
}

static ssize_t through(int door, int fd, const char *p, size_t n, int flags, struct chance *c)
{
	struct iovec iov[MANY];
	struct msghdr m = { .msg_iov = iov };
	struct sockaddr_in to = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	                          .sin_port = htons(9) };
	switch (door) {
	case BY_WRITE: return write(fd, p, n);
	case BY_WRITE_ALIAS: return __write(fd, p, n);
	case BY_WRITEV: return writev(fd, iov, split(p, n, iov, 8, c));
	case BY_WRITEV_MANY: return writev(fd, iov, split(p, n, iov, MANY - (int)below(c, 2) * (int)below(c, 40), c));
	case BY_SEND: return send(fd, p, n, flags);
	case BY_SENDTO: return sendto(fd, p, n, flags, NULL, 0);
	case BY_SENDTO_ADDR: /* TCP pays no heed to it */
		return sendto(fd, p, n, flags, (struct sockaddr *)&to, sizeof to);
	case BY_SENDMSG: m.msg_iovlen = (size_t)split(p, n, iov, 8, c); return sendmsg(fd, &m, flags);
	case BY_SENDMMSG: return through_sendmmsg(fd, p, n, flags, c);
	case BY_PWRITEV2: return pwritev2(fd, iov, split(p, n, iov, 8, c), -1, 0);
	case BY_SENDFILE: {
		off_t at = (off_t)(offsetof(struct board, program.text)) + (p - program->text);
		return sendfile(fd, BOARD_FD, &at, n);
	}
	case BY_SPLICE: return through_pipe(fd, p, n, one_in(c, 2));
	case BY_DPRINTF: return dprintf(fd, "%.*s", (int)n, p);
	case BY_DPRINTF_CHK: return __dprintf_chk(fd, 1, "%.*s", (int)n, p);
	case BY_SYS_WRITE: return syscall(SYS_write, fd, p, n);
	case BY_SYS_WRITEV: return syscall(SYS_writev, fd, iov, split(p, n, iov, 8, c));
	case BY_SYS_SENDTO: return syscall(SYS_sendto, fd, p, n, flags, NULL, 0);
	case BY_SYS_SENDMSG: m.msg_iovlen = (size_t)split(p, n, iov, 8, c); return syscall(SYS_sendmsg, fd, &m, flags);
	case BY_AIO: return by_aio(fd, p, n);
	case BY_INLINE: return inline_write(fd, p, n);
	}
	abort();
}

/* 0, or ETIMEDOUT: nobody said that there is room. */
static int wait_for_room(int fd, int watch)
{
	struct epoll_event e;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = watch >= 0 ? epoll_wait(watch, &e, 1, STALL_MS) : poll(&p, 1, STALL_MS);
	return n == 0 ? ETIMEDOUT : 0;
}

static bool is_nonblocking(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

static void write_piece(const struct op *o, int fd, int watch, struct result *r)
{
	struct chance c = { o->salt };
	const char *p = program->text + o->at;
	size_t done = 0;
	/* glibc's aio does not survive fork */
	int stale = 0, door = o->how == BY_AIO && program_has(program, FORK) ? BY_WRITE : o->how;
	bool whole = door == BY_DPRINTF || door == BY_DPRINTF_CHK || door == BY_AIO; /* all, or nobody knows how much */
	if (whole && is_nonblocking(fd)) {
		r->ret = SKIPPED;
		return;
	}
	if (!whole)
		open_to_ticks(true);
	do {
		ssize_t n = through(door, fd, p + done, o->size - done, o->value, &c);
		if (n > 0) {
			done += (size_t)n;
			stale = 0;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN) {
			if ((r->error = wait_for_room(fd, watch)) != 0)
				break;
		} else if (n < 0) {
			r->error = errno;
			break;
		} else if (o->size > done && ++stale > 1000) { /* no answer, but sendmmsg's when a signal comes after its empty message */
			r->error = ENODATA;
			break;
		}
	} while (done < o->size);
	open_to_ticks(false);
	r->ret = (int64_t)done;
	atomic_fetch_add(&board->accepted[o->conn], done);
}

static void raise_piece(const struct op *o)
{
	signalled = o;
	raise(SIGUSR1);
	signalled = NULL;
}

/* --- stdio -------------------------------------------------------------------------------------------------------- */

static void forget_file(int h)
{
	if (files[h] != NULL)
		fflush(files[h]);
	files[h] = NULL;
}

static void print_piece(const struct op *o, int fd, struct result *r)
{
	const char *p = program->text + o->at;
	int n = (int)o->size;
	if (is_nonblocking(fd)) {
		r->ret = SKIPPED;
		return;
	}
	if (files[o->handle] == NULL && (files[o->handle] = fdopen(fd, "r+")) == NULL) {
		r->error = errno;
		return;
	}
	atomic_store(&board->has_file[o->conn], 1);
	FILE *f = files[o->handle];
	errno = 0;
	switch (o->how) {
	case BY_FPRINTF: r->ret = fprintf(f, "%.*s", n, p); break;
	case BY_FWRITE: r->ret = (int64_t)fwrite(p, 1, (size_t)n, f); break;
	case BY_FPUTS: {
		char *s = strndup(p, (size_t)n);
		r->ret = fputs(s, f) >= 0;
		free(s);
		break;
	}
	case BY_PUTC:
		for (r->ret = 0; r->ret < n && putc(p[r->ret], f) != EOF;)
			r->ret++;
		break;
	}
	r->error = ferror(f) ? errno : 0;
	if (o->value || program_has(program, FORK))
		r->extra = fflush(f);
	clearerr(f);
}

/* --- reading ------------------------------------------------------------------------------------------------------ */

static ssize_t take_in(int door, int fd, char *p, size_t n)
{
	struct iovec iov[2] = { { p, n / 2 }, { p + n / 2, n - n / 2 } };
	struct msghdr m = { .msg_iov = iov, .msg_iovlen = 2 };
	struct mmsghdr mm = { .msg_hdr = m };
	switch (door) {
	case BY_READ: return read(fd, p, n);
	case BY_READ_CHK: return __read_chk(fd, p, n, n);
	case BY_READV: return readv(fd, iov, 2);
	case BY_RECV: return recv(fd, p, n, 0);
	case BY_RECV_CHK: return __recv_chk(fd, p, n, n, 0);
	case BY_RECVFROM: return recvfrom(fd, p, n, 0, NULL, NULL);
	case BY_RECVMSG: return recvmsg(fd, &m, 0);
	case BY_RECVMMSG: return recvmmsg(fd, &mm, 1, 0, NULL) == 1 ? (ssize_t)mm.msg_len : -1;
	case BY_PEEK: {
		ssize_t r = recv(fd, p, n, MSG_PEEK);
		return r <= 0 ? r : recv(fd, p, (size_t)r, 0);
	}
	case BY_SYS_READ: return syscall(SYS_read, fd, p, n);
	}
	abort();
}

static void read_piece(const struct op *o, int fd, struct result *r)
{
	char buf[4096];
	size_t done = 0;
	open_to_ticks(true);
	while (done < o->size) {
		ssize_t n = take_in(o->how, fd, buf + done, o->size - done);
		if (n > 0) {
			done += (size_t)n;
		} else if (n < 0 && errno == EINTR) {
			continue;
		} else if (n < 0 && errno == EAGAIN) {
			struct pollfd p = { .fd = fd, .events = POLLIN };
			if (poll(&p, 1, STALL_MS) == 0) {
				r->error = ETIMEDOUT;
				break;
			}
		} else {
			r->error = n < 0 ? errno : 0;
			break;
		}
	}
	open_to_ticks(false);
	if (memcmp(buf, program->text + o->at, done) != 0)
		r->error = EILSEQ;
	r->ret = (int64_t)done;
	atomic_fetch_add(&board->consumed[o->conn], done);
}

static void look(const struct op *o, int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN | POLLOUT };
	struct timespec none = { 0, 0 };
	struct timeval no_time = { 0, 0 };
	struct epoll_event e = { .events = EPOLLIN | EPOLLOUT };
	fd_set in, out;
	switch (o->how) {
	case BY_POLL: poll(&p, 1, 0); break;
	case BY_PPOLL: ppoll(&p, 1, &none, NULL); break;
	case BY_SELECT:
		FD_ZERO(&in);
		FD_ZERO(&out);
		FD_SET(fd, &in);
		FD_SET(fd, &out);
		select(fd + 1, &in, &out, NULL, &no_time);
		break;
	case BY_EPOLL: {
		int ep = epoll_create1(EPOLL_CLOEXEC);
		epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
		epoll_wait(ep, &e, 1, 0);
		close(ep);
		break;
	}
	}
}

/* --- descriptors -------------------------------------------------------------------------------------------------- */

static void kick(int conn, uint16_t port)
{
	char byte = (char)conn;
	board->listen_at[conn] = port;
	(void)!send(CONTROL_FD, &byte, 1, 0);
}

static int by_own_listener(int conn, int flags)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int l = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), fd = -1;
	if (bind(l, (struct sockaddr *)&a, len) == 0 && listen(l, 1) == 0 &&
	    getsockname(l, (struct sockaddr *)&a, &len) == 0) {
		kick(conn, ntohs(a.sin_port));
		fd = accept4(l, NULL, NULL, flags);
	}
	int saved = errno;
	close(l);
	errno = saved;
	return fd;
}

static int by_connect(const struct op *o, struct result *r)
{
	uint16_t port = htons(board->connect_to[o->conn]);
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = port };
	struct sockaddr_in6 mapped = { .sin6_family = AF_INET6, .sin6_port = port };
	mapped.sin6_addr.s6_addr[10] = mapped.sin6_addr.s6_addr[11] = 0xff;
	memcpy(mapped.sin6_addr.s6_addr + 12, &a.sin_addr, 4);
	bool six = o->how == BY_CONNECT_MAPPED;
	int type = SOCK_STREAM | o->value | (o->how == BY_CONNECT_NONBLOCK ? SOCK_NONBLOCK : 0);
	int one = 1, fd = socket(six ? AF_INET6 : AF_INET, type, 0);
	if (fd < 0)
		return -1;
	if (o->how == BY_FASTOPEN && o->size > 0) {
		ssize_t n = sendto(fd, program->text + o->at, o->size, MSG_FASTOPEN, (struct sockaddr *)&a, sizeof a);
		for (r->ret = n > 0 ? n : 0; n > 0 && r->ret < o->size; r->ret += n > 0 ? n : 0)
			n = send(fd, program->text + o->at + r->ret, o->size - (size_t)r->ret, MSG_NOSIGNAL);
		if (n < 0)
			r->error = errno;
		atomic_fetch_add(&board->accepted[o->conn], (uint64_t)r->ret);
		return fd;
	}
	if (o->how == BY_LATE_SYN)
		setsockopt(fd, IPPROTO_TCP, TCP_FASTOPEN_CONNECT, &one, sizeof one);
	r->ret = connect(fd, six ? (struct sockaddr *)&mapped : (struct sockaddr *)&a, six ? sizeof mapped : sizeof a);
	if (r->ret != 0)
		r->error = errno;
	return fd;
}

static void open_connection(const struct op *o, struct result *r)
{
	int fd, port = board->runner_port[o->conn];
	switch (o->how) {
	case BY_ACCEPT:
		kick(o->conn, (uint16_t)port);
		fd = accept(LISTENER_FD + o->conn, NULL, NULL);
		if (fd >= 0 && o->value & SOCK_CLOEXEC)
			fcntl(fd, F_SETFD, FD_CLOEXEC);
		break;
	case BY_ACCEPT4:
		kick(o->conn, (uint16_t)port);
		fd = accept4(LISTENER_FD + o->conn, NULL, NULL, o->value);
		break;
	case BY_OWN_LISTENER:
		fd = by_own_listener(o->conn, o->value);
		break;
	default:
		fd = by_connect(o, r);
		break;
	}
	if (fd < 0)
		r->error = errno;
	else
		atomic_store(&board->opened[o->conn], 1);
	r->extra = fds[o->other] = fd;
}

/* A number is about to be taken over: no handle means it any more. */
static void forget_number(int number)
{
	for (int h = 0; h < HANDLES; h++)
		if (fds[h] == number) {
			forget_file(h);
			fds[h] = -1;
		}
}

static void duplicate(const struct op *o, int fd, struct result *r)
{
	int to = 50 + o->other;
	switch (o->how) {
	case BY_DUP: to = dup(fd); break;
	case BY_DUP2: to = dup2(fd, to); break;
	case BY_DUP2_LOW:
		if (fd == 0)
			to = dup(fd);
		else {
			forget_number(0);
			to = dup2(fd, 0);
		}
		break;
	case BY_DUP2_ONTO:
		if (fds[o->value] >= 0 && fds[o->value] != fd) {
			to = fds[o->value];
			forget_number(to);
		}
		to = dup2(fd, to);
		break;
	case BY_DUP3: to = dup3(fd, to, o->salt & 1 ? O_CLOEXEC : 0); break;
	case BY_DUPFD: to = fcntl(fd, F_DUPFD, FIRST_FREE_FD); break;
	case BY_DUPFD_CLOEXEC: to = fcntl(fd, F_DUPFD_CLOEXEC, 30); break;
	case BY_SYS_DUP: to = (int)syscall(SYS_dup, fd); break;
	}
	if (to < 0)
		r->error = errno;
	r->extra = fds[o->other] = to;
}

static void pass(int fd, struct result *r)
{
	char byte = 'f', control[CMSG_SPACE(sizeof(int))] = { 0 };
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	struct cmsghdr *c = CMSG_FIRSTHDR(&m);
	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(sizeof fd);
	memcpy(CMSG_DATA(c), &fd, sizeof fd);
	r->ret = sendmsg(PASS_FD, &m, 0);
	r->error = r->ret < 0 ? errno : 0;
}

static void take(const struct op *o, struct result *r)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	int fd = -1;
	r->ret = recvmsg(TAKE_FD, &m, MSG_DONTWAIT);
	r->error = r->ret < 0 ? errno : 0;
	if (r->ret > 0 && CMSG_FIRSTHDR(&m) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	r->extra = fds[o->other] = fd;
}

static void close_one(const struct op *o, int fd, struct result *r)
{
	int h = o->handle;
	fds[h] = -1;
	if (files[h] != NULL) {
		r->ret = fclose(files[h]);
		files[h] = NULL;
	} else if (o->how == BY_FCLOSE && !is_nonblocking(fd)) {
		FILE *f = fdopen(fd, "r+");
		r->ret = f != NULL ? fclose(f) : -1;
	} else if (o->how == BY_CLOSE_RANGE) {
		r->ret = close_range((unsigned)fd, (unsigned)fd, 0);
	} else if (o->how == BY_SYS_CLOSE) {
		r->ret = syscall(SYS_close, fd);
	} else {
		r->ret = close(fd);
	}
	r->error = r->ret < 0 ? errno : 0;
}

static void close_all(const struct op *o, struct result *r)
{
	for (int h = 0; h < HANDLES; h++) {
		if (fds[h] >= o->value) {
			forget_file(h);
			fds[h] = -1;
		}
		if (watches[h] >= o->value)
			watches[h] = -1;
	}
	switch (o->how % 3) {
	case 0: r->ret = close_range((unsigned)o->value, ~0u, 0); break;
	case 1: closefrom(o->value); break;
	case 2: r->ret = syscall(SYS_close_range, o->value, ~0u, 0); break;
	}
	r->error = r->ret < 0 ? errno : 0;
}

/* --- options ------------------------------------------------------------------------------------------------------ */

static void set_option(const struct op *o, int fd, struct result *r)
{
	int value = o->value, flags;
	struct linger linger = { o->value != 0, 1 };
	bool stdio = atomic_load(&board->has_file[o->conn]); /* stdio loses bytes on a descriptor that does not wait */
	switch (o->how) {
	case NODELAY: r->ret = setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, sizeof value); break;
	case CORK: r->ret = setsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, sizeof value); break;
	case SNDBUF: r->ret = setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, sizeof value); break;
	case LINGER: r->ret = setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger); break;
	case NONBLOCK:
		flags = fcntl(fd, F_GETFL);
		r->ret = stdio ? SKIPPED : fcntl(fd, F_SETFL, value ? flags | O_NONBLOCK : flags & ~O_NONBLOCK);
		break;
	case NONBLOCK_IOCTL: r->ret = stdio ? SKIPPED : ioctl(fd, FIONBIO, &value); break;
	case EDGE: {
		struct epoll_event e = { .events = EPOLLOUT | EPOLLET };
		if (stdio || watches[o->handle] >= 0) {
			r->ret = SKIPPED;
			break;
		}
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		int ep = epoll_create1(0);
		r->ret = epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
		epoll_wait(ep, &e, 1, 0);
		watches[o->handle] = ep;
		r->extra = ep;
		break;
	}
	}
	if (r->ret == -1)
		r->error = errno;
}

static void get_option(const struct op *o, int fd, struct result *r)
{
	int value = 0;
	struct sockaddr_storage a;
	socklen_t len = sizeof value, alen = sizeof a;
	switch (o->how) {
	case NODELAY: r->ret = getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &value, &len); break;
	case CORK: r->ret = getsockopt(fd, IPPROTO_TCP, TCP_CORK, &value, &len); break;
	case SNDBUF: r->ret = getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &value, &len); break;
	case ERROR: r->ret = getsockopt(fd, SOL_SOCKET, SO_ERROR, &value, &len); break;
	case NONBLOCK: value = fcntl(fd, F_GETFL); break;
	case OUTQ: r->ret = ioctl(fd, SIOCOUTQ, &value); value = 0; break; /* how much is a matter of time */
	case READABLE: r->ret = ioctl(fd, FIONREAD, &value); value = 0; break;
	case SOCKNAME: r->ret = getsockname(fd, (struct sockaddr *)&a, &alen); break;
	}
	r->extra = value;
	if (r->ret == -1)
		r->error = errno;
}

/* --- processes ---------------------------------------------------------------------------------------------------- */

static void act(int actor, uint32_t from);
_Noreturn static void end_process(int actor);

static void *thread(void *arg)
{
	act((int)(intptr_t)arg, 0);
	return NULL;
}

static void begin_process(const struct op *o, struct result *r)
{
	if (program_has(program, PRINT))
		fflush(NULL);
	pid_t pid = o->how == BY_FORK_ONLY ? _Fork() : fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		act(o->other, 0);
		end_process(o->other);
	}
	board->pids[o->other] = pid;
	r->error = pid < 0 ? errno : 0;
}

static void wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0 && errno == EINTR) {
	}
}

struct image {
	const char *path;
	char **argv;
};

static int run_image(void *arg)
{
	struct image *image = arg;
	execve(image->path, image->argv, environ);
	_exit(127);
}

static void spawn_piece(const struct op *o, int fd, struct result *r)
{
	char number[16], descriptor[16], command[sizeof board->exe + 64];
	char *argv[] = { (char *)"fuzz-piece", (char *)"--piece", number, descriptor, NULL };
	struct image image = { board->exe, argv };
	int n = (int)(o - program->ops), status = -1, error;
	pid_t pid = -1;
	fcntl(fd, F_SETFD, 0); /* it is to be inherited */
	snprintf(number, sizeof number, "%d", n);
	snprintf(descriptor, sizeof descriptor, "%d", o->how == BY_VFORK_DUP ? 90 : fd);
	snprintf(command, sizeof command, "exec '%s' --piece %d %d", board->exe, n, fd);
	switch (o->how) {
	case BY_POSIX_SPAWN: case BY_POSIX_SPAWNP:
		error = (o->how == BY_POSIX_SPAWN ? posix_spawn : posix_spawnp)(&pid, board->exe, NULL, NULL, argv,
		                                                                environ);
		if (error != 0)
			r->error = error;
		else
			wait_for(pid, &status);
		break;
	case BY_SYSTEM: status = system(command); break;
	case BY_POPEN: {
		FILE *f = popen(command, "r");
		status = f != NULL ? pclose(f) : -1;
		break;
	}
	case BY_VFORK:
		if ((pid = vfork()) == 0) {
			execve(board->exe, argv, environ);
			_exit(127);
		}
		wait_for(pid, &status);
		break;
	case BY_VFORK_DUP:
		if ((pid = vfork()) == 0) {
			dup2(fd, 90);
			close(fd);
			execv(board->exe, argv);
			_exit(127);
		}
		wait_for(pid, &status);
		break;
	case BY_FORK_EXEC:
		if ((pid = fork()) == 0) {
			execve(board->exe, argv, environ);
			_exit(127);
		}
		wait_for(pid, &status);
		break;
	case BY_CLONE: {
		enum { STACK = 256 * 1024 };
		char *stack = malloc(STACK);
		pid = clone(run_image, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &image);
		wait_for(pid, &status);
		free(stack);
		break;
	}
	}
	r->extra = status;
}

static void exec_image(int how, const char *path, char **argv)
{
	switch (how) {
	case BY_EXECVE: execve(path, argv, environ); break;
	case BY_EXECV: execv(path, argv); break;
	case BY_EXECVP: execvp(path, argv); break;
	case BY_EXECVPE: execvpe(path, argv, environ); break;
	case BY_EXECL: execl(path, argv[0], argv[1], argv[2], argv[3], NULL); break;
	case BY_EXECLE: execle(path, argv[0], argv[1], argv[2], argv[3], NULL, environ); break;
	case BY_EXECLP: execlp(path, argv[0], argv[1], argv[2], argv[3], NULL); break;
	case BY_FEXECVE: {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		fexecve(fd, argv, environ);
		int saved = errno;
		if (fd >= 0)
			close(fd);
		errno = saved;
		break;
	}
	case BY_EXECVEAT: execveat(AT_FDCWD, path, argv, environ, 0); break;
	case BY_SYS_EXECVE: syscall(SYS_execve, path, argv, environ); break;
	}
}

static void go_on_in_new_image(const struct op *o, struct result *r)
{
	char actor[16], number[16];
	char *argv[] = { (char *)"fuzz-go-on", (char *)"--go-on", actor, number, NULL };
	snprintf(actor, sizeof actor, "%d", o->actor);
	snprintf(number, sizeof number, "%d", (int)(o - program->ops));
	for (int h = 0; h < HANDLES; h++)
		forget_file(h);
	memcpy(board->fds[o->actor], fds, sizeof fds);
	memcpy(board->watches[o->actor], watches, sizeof watches);
	exec_image(o->how, board->exe, argv);
	r->error = errno;
}

static void reap(int actor)
{
	for (uint32_t i = 0; i < program->nops; i++) {
		const struct op *o = &program->ops[i];
		if (o->actor != actor)
			continue;
		if (o->kind == THREAD)
			pthread_join(threads[o->other], NULL);
		else if (o->kind == FORK)
			wait_for(board->pids[o->other], &board->status[o->other]);
	}
}

_Noreturn static void end_process(int actor)
{
	switch (program->end[actor]) {
	case BY__EXIT: _exit(3);
	case BY_EXIT_C99: _Exit(4);
	case BY_QUICK_EXIT: quick_exit(5);
	case BY_SYS_EXIT: syscall(SYS_exit_group, 6); abort();
	case BY_ABORT: abort();
	}
	exit(2);
}

/* --- one operation ------------------------------------------------------------------------------------------------ */

static void pause_us(int64_t us)
{
	struct timespec t = { us / 1000000, us % 1000000 * 1000 };
	while (nanosleep(&t, &t) < 0 && errno == EINTR) {
	}
}

static void perform(const struct op *o, struct result *r)
{
	char *const nothing[] = { (char *)"nothing", (char *)"", (char *)"", (char *)"", NULL };
	int fd = o->handle < HANDLES ? fds[o->handle] : -1, watch = o->handle < HANDLES ? watches[o->handle] : -1;
	if (o->handle < HANDLES && fd < 0) {
		r->ret = SKIPPED;
		return;
	}
	switch (o->kind) {
	case OPEN: open_connection(o, r); break;
	case PIECE: write_piece(o, fd, watch, r); break;
	case SIGNAL: raise_piece(o); break;
	case SPAWN: spawn_piece(o, fd, r); break;
	case PRINT: print_piece(o, fd, r); break;
	case FLUSH: r->ret = files[o->handle] != NULL ? fflush(files[o->handle]) : SKIPPED; break;
	case READ: read_piece(o, fd, r); break;
	case LOOK: look(o, fd); break;
	case SET: set_option(o, fd, r); break;
	case GET: get_option(o, fd, r); break;
	case DUP: duplicate(o, fd, r); break;
	case PASS: pass(fd, r); break;
	case TAKE: take(o, r); break;
	case CLOSE: close_one(o, fd, r); break;
	case CLOSE_ALL: close_all(o, r); break;
	case SHUT:
		r->ret = shutdown(fd, o->value);
		r->error = r->ret < 0 ? errno : 0;
		break;
	case THREAD: r->error = pthread_create(&threads[o->other], NULL, thread, (void *)(intptr_t)o->other); break;
	case FORK: begin_process(o, r); break;
	case EXEC: go_on_in_new_image(o, r); break;
	case NO_EXEC:
		exec_image(o->how, "/nonexistent/program", (char **)nothing);
		r->error = errno;
		break;
	case PAUSE: pause_us(o->value); break;
	case AWAIT:
		WAIT_UNTIL(atomic_load(&board->received[o->conn]) >= atomic_load(&board->accepted[o->conn]) ||
		           atomic_load(&board->gone[o->conn]) || atomic_load(&board->over[o->conn]));
		break;
	case AWAIT_GONE: /* it may be that not enough was written for that */
		WAIT_UNTIL(atomic_load(&board->gone[o->conn]) || atomic_load(&board->over[o->conn]) ||
		           atomic_load(&board->accepted[o->conn]) < program->plans[o->conn].gone_after);
		break;
	}
}

static void done(uint32_t i)
{
	atomic_store(&board->results[i].done, 1);
	changed();
}

static void act(int actor, uint32_t from)
{
	for (uint32_t i = from; i < program->nops; i++) {
		if (program->ops[i].actor != actor)
			continue;
		wait_for_turn(i);
		perform(&program->ops[i], &board->results[i]);
		done(i);
	}
	reap(actor);
}

/* --- entrances ---------------------------------------------------------------------------------------------------- */

int play_go_on(int actor, int op)
{
	map_board();
	memcpy(fds, board->fds[actor], sizeof fds);
	memcpy(watches, board->watches[actor], sizeof watches);
	for (int h = 0; h < HANDLES; h++) { /* what was close-on-exec is gone */
		if (fds[h] >= 0 && fcntl(fds[h], F_GETFD) < 0)
			fds[h] = -1;
		if (watches[h] >= 0 && fcntl(watches[h], F_GETFD) < 0)
			watches[h] = -1;
	}
	take_signals(false);
	done((uint32_t)op);
	act(actor, (uint32_t)op + 1);
	end_process(actor);
}

int play_piece(int op, int fd)
{
	map_board();
	write_piece(&program->ops[op], fd, -1, &board->results[op]);
	return 0;
}

_Noreturn static void play(void)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	board->pid = getpid();
	memset(fds, 0xff, sizeof fds);
	memset(watches, 0xff, sizeof watches);
	if (program_has(program, PASS)) {
		int pair[2];
		socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair);
		for (int i = 0; i < 2; i++) {
			dup2(pair[i], PASS_FD + i);
			close(pair[i]);
		}
	}
	if (program->no_stdin)
		close(0);
	take_signals(true);
	act(0, 0);
	end_process(0);
}

static void make_listeners(void)
{
	for (int c = 0; c < CONNS; c++) {
		struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t len = sizeof a;
		int l = socket(AF_INET, SOCK_STREAM, 0);
		if (bind(l, (struct sockaddr *)&a, len) != 0 || listen(l, 4) != 0 ||
		    getsockname(l, (struct sockaddr *)&a, &len) != 0 ||
		    dup2(l, LISTENER_FD + c) < 0) {
			perror("fuzz: a listener");
			_exit(125);
		}
		if (l != LISTENER_FD + c)
			close(l);
		board->runner_port[c] = ntohs(a.sin_port);
	}
}

/* A warm process with nothing in it: every program is a fork of it, so that 100,000 of them need no 100,000 images. */
int play_runner(void)
{
	struct rlimit none = { 0, 0 };
	char byte = 0;
	map_board();
	setrlimit(RLIMIT_CORE, &none);
	make_listeners();
	if (send(CONTROL_FD, &byte, 1, 0) != 1)
		return 125;
	while (recv(CONTROL_FD, &byte, 1, 0) == 1) {
		int status = -1;
		pid_t pid = fork();
		if (pid == 0)
			play();
		wait_for(pid, &status);
		if (send(CONTROL_FD, &status, sizeof status, 0) != sizeof status)
			return 125;
	}
	return 0;
}
