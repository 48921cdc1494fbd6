/* Steps of p_steps that read, by each call that can, or that wait until a read would succeed. */
#include "steps.h"

#include <poll.h>
#include <sys/uio.h>

static char incoming[65536];

/* How many bytes the step is to read. */
static size_t to_read(const struct step *s)
{
	return (size_t)number(s->verb, s->argument, 0, sizeof incoming);
}

static long do_read(const struct step *s)
{
	return read(fd, incoming, to_read(s));
}

static long do_readeach(const struct step *s)
{
	long n = 0, want = (long)to_read(s);

	while (n < want && read(fd, incoming + n, 1) == 1)
		n++;
	return n;
}

static long do_readv(const struct step *s)
{
	size_t n = to_read(s);
	struct iovec iov[2] = { { incoming, 3 }, { incoming + 3, n - 3 } };

	return readv(fd, iov, 2);
}

static long do_recv(const struct step *s)
{
	return recv(fd, incoming, to_read(s), s->flags);
}

static long do_recvfrom(const struct step *s)
{
	return recvfrom(fd, incoming, to_read(s), s->flags, NULL, NULL);
}

static long do_recvmsg(const struct step *s)
{
	struct iovec iov = { incoming, to_read(s) };
	struct msghdr m = { .msg_iov = &iov, .msg_iovlen = 1 };

	return recvmsg(fd, &m, s->flags);
}

static long do_recvmmsg(const struct step *s)
{
	struct iovec iov = { incoming, to_read(s) };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	return recvmmsg(fd, &m, 1, s->flags, NULL) == 1 ? (long)m.msg_len : -1;
}

#ifndef SYS_recvmmsg_time64
#define SYS_recvmmsg_time64 SYS_recvmmsg
#endif

static long do_recvmmsg_by_number(const struct step *s)
{
	struct iovec iov = { incoming, to_read(s) };
	struct mmsghdr m = { .msg_hdr = { .msg_iov = &iov, .msg_iovlen = 1 } };

	return syscall(SYS_recvmmsg_time64, fd, &m, 1, s->flags, NULL) == 1 ? (long)m.msg_len : -1;
}

static long do_readable(const struct step *s)
{
	(void)s;
	return poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, 5000);
}

const struct verb read_verbs[] = {
	{ "read", do_read, 0 },         { "readeach", do_readeach, 0 },
	{ "readv", do_readv, 0 },       { "recv", do_recv, 0 },
	{ "recvfrom", do_recvfrom, 0 }, { "recvmsg", do_recvmsg, 0 },
	{ "recvmmsg", do_recvmmsg, 0 }, { "SYS_recvmmsg", do_recvmmsg_by_number, 0 },
	{ "readable", do_readable, 0 }, { NULL, NULL, 0 },
};
