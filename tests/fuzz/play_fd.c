/* Carries out the operations by which descriptors are made, get second names, and are closed. */
#include "play.h"

#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>

static void kick(int conn, uint16_t port)
{
	board->listen_at[conn] = port;
	tell_peer(I_LISTEN, conn, 0, 0);
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
		for (r->ret = n > 0 ? n : 0; n > 0 && r->ret<o->size; r->ret += n> 0 ? n : 0)
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

void open_connection(const struct op *o, struct result *r)
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
	case BY_OWN_LISTENER: fd = by_own_listener(o->conn, o->value); break;
	default: fd = by_connect(o, r); break;
	}
	if (fd < 0)
		r->error = errno;
	else
		atomic_store(&board->opened[o->conn], 1);
	r->extra = fds(o->actor)[o->other] = fd;
}

/* Something else is about to get the number, so no handle may refer to it any more. */
static void forget_number(int actor, int number)
{
	for (int h = 0; h < HANDLES; h++)
		if (fds(actor)[h] == number) {
			forget_file(h);
			fds(actor)[h] = -1;
		}
}

void duplicate(const struct op *o, int fd, struct result *r)
{
	int to = 50 + o->other;
	switch (o->how) {
	case BY_DUP: to = dup(fd); break;
	case BY_DUP2: to = dup2(fd, to); break;
	case BY_DUP2_LOW:
		if (fd == 0)
			to = dup(fd);
		else {
			forget_number(o->actor, 0);
			to = dup2(fd, 0);
		}
		break;
	case BY_DUP2_ONTO:
		if (fds(o->actor)[o->value] >= 0 && fds(o->actor)[o->value] != fd) {
			to = fds(o->actor)[o->value];
			forget_number(o->actor, to);
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
	r->extra = fds(o->actor)[o->other] = to;
}

void pass(int fd, struct result *r)
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

void take(const struct op *o, struct result *r)
{
	char byte, control[CMSG_SPACE(sizeof(int))];
	struct iovec v = { &byte, 1 };
	struct msghdr m = { .msg_iov = &v, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control };
	int fd = -1;
	r->ret = recvmsg(TAKE_FD, &m, MSG_DONTWAIT);
	r->error = r->ret < 0 ? errno : 0;
	if (r->ret > 0 && CMSG_FIRSTHDR(&m) != NULL)
		memcpy(&fd, CMSG_DATA(CMSG_FIRSTHDR(&m)), sizeof fd);
	r->extra = fds(o->actor)[o->other] = fd;
}

void close_one(const struct op *o, int fd, struct result *r)
{
	int h = o->handle;
	fds(o->actor)[h] = -1;
	if ((r->ret = close_file(h)) != 1) {
		/* fclose() has closed it */
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

void close_all(const struct op *o, struct result *r)
{
	for (int h = 0; h < HANDLES; h++) {
		if (fds(o->actor)[h] >= o->value) {
			forget_file(h);
			fds(o->actor)[h] = -1;
		}
		if (watches(o->actor)[h] >= o->value)
			watches(o->actor)[h] = -1;
	}
	switch (o->how % 3) {
	case 0: r->ret = close_range((unsigned)o->value, ~0u, 0); break;
	case 1: closefrom(o->value); break;
	case 2: r->ret = syscall(SYS_close_range, o->value, ~0u, 0); break;
	}
	r->error = r->ret < 0 ? errno : 0;
}
