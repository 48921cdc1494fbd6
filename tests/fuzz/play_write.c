/* Carries out the operations that write: every piece is written to its last byte, through one of many doors, or through
 * stdio. */
#include "play.h"

#include <aio.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/sendfile.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { MANY = 1024 };

extern ssize_t __write(int, const void *, size_t);
extern int __dprintf_chk(int, int, const char *, ...);

static FILE *files[HANDLES];

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

ssize_t through(int door, int fd, const char *p, size_t n, int flags, struct chance *c)
{
	struct iovec iov[MANY];
	struct msghdr m = { .msg_iov = iov };
	struct sockaddr_in to = { .sin_family = AF_INET,
		                  .sin_addr.s_addr = htonl(INADDR_LOOPBACK),
		                  .sin_port = htons(9) };
	switch (door) {
	case BY_WRITE: return write(fd, p, n);
	case BY_WRITE_ALIAS: return __write(fd, p, n);
	case BY_WRITEV: return writev(fd, iov, split(p, n, iov, 8, c));
	case BY_WRITEV_MANY: return writev(fd, iov, split(p, n, iov, MANY - (int)below(c, 2) * (int)below(c, 40), c));
	case BY_SEND: return send(fd, p, n, flags);
	case BY_SENDTO: return sendto(fd, p, n, flags, NULL, 0);
	case BY_SENDTO_ADDR: /* TCP ignores the address */
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

/* Returns 0, or ETIMEDOUT: the kernel did not report any room. */
static int wait_for_room(int fd, int watch)
{
	struct epoll_event e;
	struct pollfd p = { .fd = fd, .events = POLLOUT };
	int n = watch >= 0 ? epoll_wait(watch, &e, 1, STALL_MS) : poll(&p, 1, STALL_MS);
	return n == 0 ? ETIMEDOUT : 0;
}

bool is_nonblocking(int fd)
{
	return fcntl(fd, F_GETFL) & O_NONBLOCK;
}

void write_through(const struct op *o, int how, int fd, int watch, struct result *r)
{
	struct chance c = { o->salt };
	const char *p = program->text + o->at;
	size_t done = 0;
	int flags = o->kind == LEAVE ? MSG_NOSIGNAL : o->value;
	/* glibc's aio does not work in a forked child */
	int stale = 0, door = how == BY_AIO && program_has(program, FORK) ? BY_WRITE : how;
	bool whole = door == BY_DPRINTF || door == BY_DPRINTF_CHK || door == BY_AIO; /* they do not tell how much */
	if (whole && is_nonblocking(fd)) {
		r->ret = SKIPPED;
		return;
	}
	if (!whole)
		open_to_ticks(true);
	do {
		ssize_t n = through(door, fd, p + done, o->size - done, flags, &c);
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
		} else if (o->size > done && ++stale > 1000) {
			/* only sendmmsg may return 0, if a signal comes after its empty message */
			r->error = ENODATA;
			break;
		}
	} while (done < o->size);
	open_to_ticks(false);
	r->ret = (int64_t)done;
	atomic_fetch_add(&board->accepted[o->conn], done);
}

void write_piece(const struct op *o, int fd, int watch, struct result *r)
{
	write_through(o, o->how, fd, watch, r);
}

/* --- stdio ------------------------------------------------------------------------------------ */

void forget_file(int h)
{
	if (files[h] != NULL)
		fflush(files[h]);
	files[h] = NULL;
}

void print_piece(const struct op *o, int fd, struct result *r)
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

int flush_file(int h)
{
	return files[h] != NULL ? fflush(files[h]) : SKIPPED;
}

int close_file(int h)
{
	if (files[h] == NULL)
		return 1;
	int r = fclose(files[h]);
	files[h] = NULL;
	return r;
}
