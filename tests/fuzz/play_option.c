/* Carries out SET and GET: options are set and asked for. */
#include "play.h"

#include <fcntl.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

void set_option(const struct op *o, int fd, struct result *r)
{
	int value = o->value, flags;
	struct linger linger = { o->value != 0, 1 };
	bool stdio = atomic_load(&board->has_file[o->conn]); /* stdio loses bytes on a non-blocking descriptor */
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
		if (stdio || watches(o->actor)[o->handle] >= 0) {
			r->ret = SKIPPED;
			break;
		}
		fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
		int ep = epoll_create1(0);
		r->ret = epoll_ctl(ep, EPOLL_CTL_ADD, fd, &e);
		epoll_wait(ep, &e, 1, 0);
		watches(o->actor)[o->handle] = ep;
		r->extra = ep;
		break;
	}
	}
	if (r->ret == -1)
		r->error = errno;
}

void get_option(const struct op *o, int fd, struct result *r)
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
	case OUTQ:
		r->ret = ioctl(fd, SIOCOUTQ, &value);
		value = 0;
		break; /* the count depends on time */
	case READABLE:
		r->ret = ioctl(fd, FIONREAD, &value);
		value = 0;
		break;
	case SOCKNAME: r->ret = getsockname(fd, (struct sockaddr *)&a, &alen); break;
	}
	r->extra = value;
	if (r->ret == -1)
		r->error = errno;
}
