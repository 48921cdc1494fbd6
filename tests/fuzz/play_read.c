/* Carries out READ and LOOK: what the peer sent is read, or waited for. */
#include "play.h"

#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/select.h>
#include <sys/socket.h>
#include <sys/uio.h>

extern ssize_t __read_chk(int, void *, size_t, size_t);
extern ssize_t __recv_chk(int, void *, size_t, size_t, int);

/* Reads into many buffers of few bytes each, as a parser may hand over. */
static ssize_t by_many(int fd, char *p, size_t n)
{
	struct iovec iov[64];
	int count = 0;
	for (size_t at = 0; at < n && count < 64; count++) {
		size_t part = count == 63 ? n - at : (at * 7 + n) % 5;
		part = part < n - at ? part : n - at;
		iov[count] = (struct iovec){ p + at, part };
		at += part;
	}
	return readv(fd, iov, count);
}

static ssize_t by_pipe(int fd, char *p, size_t n)
{
	int ends[2];
	if (pipe(ends) != 0)
		return -1;
	ssize_t r = splice(fd, NULL, ends[1], NULL, n, 0);
	int saved = errno;
	if (r > 0 && read(ends[0], p, (size_t)r) != r)
		r = -1;
	close(ends[0]);
	close(ends[1]);
	errno = saved;
	return r;
}

/* Reads through this door. `expected`: what a door that discards the bytes puts into p. */
static ssize_t take_in(int door, int fd, char *p, size_t n, const char *expected)
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
	case BY_SYS_RECVFROM: return syscall(SYS_recvfrom, fd, p, n, 0, NULL, NULL);
	case BY_READV_MANY: return by_many(fd, p, n);
	case BY_PREADV2: return preadv2(fd, iov, 2, -1, 0);
	case BY_WAITALL: return recv(fd, p, n, MSG_WAITALL);
	case BY_TRUNC: { /* TCP discards the bytes */
		ssize_t r = recv(fd, NULL, n, MSG_TRUNC);
		if (r > 0)
			memcpy(p, expected, (size_t)r);
		return r;
	}
	case BY_SPLICE_IN: return by_pipe(fd, p, n);
	}
	abort();
}

void read_piece(const struct op *o, int fd, struct result *r)
{
	char buf[READ_MOST];
	size_t done = 0;
	open_to_ticks(true);
	while (done < o->size) {
		ssize_t n = take_in(o->how, fd, buf + done, o->size - done, program->text + o->at + done);
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

void look(const struct op *o, int fd)
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
