/* A preloaded library for p_limits that stands in front of libc and gives an accepted connection a number higher by
 * `high_by` than the kernel's; every call on such a number reaches the descriptor. So a process can have descriptors
 * beyond any limit that it may set itself. */
#include <dlfcn.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "headers.h"

int high_by;

#define NEXT(name) ((__typeof__(name) *)dlsym(RTLD_NEXT, #name))
#define LOW(fd)    ((fd) == accepted + high_by ? accepted : (fd))

static int accepted;

int accept(int fd, struct sockaddr *restrict address, socklen_t *restrict size)
{
	accepted = NEXT(accept)(fd, address, size);
	return accepted < 0 ? -1 : accepted + high_by;
}

#define ON(type, name, params, args)    \
	type name params                \
	{                               \
		fd = LOW(fd);           \
		return NEXT(name) args; \
	}
ON(ssize_t, write, (int fd, const void *p, size_t n), (fd, p, n))
ON(ssize_t, writev, (int fd, const struct iovec *iov, int n), (fd, iov, n))
ON(ssize_t, send, (int fd, const void *p, size_t n, int flags), (fd, p, n, flags))
ON(ssize_t, sendmsg, (int fd, const struct msghdr *m, int flags), (fd, m, flags))
ON(ssize_t, recv, (int fd, void *p, size_t n, int flags), (fd, p, n, flags))
ON(int, getsockopt, (int fd, int level, int name, void *restrict p, socklen_t *restrict n), (fd, level, name, p, n))
ON(int, setsockopt, (int fd, int level, int name, const void *p, socklen_t n), (fd, level, name, p, n))
ON(int, close, (int fd), (fd))

#define WITH_ARGUMENT(name, of_command)                 \
	int name(int fd, of_command command, ...)       \
	{                                               \
		va_list list;                           \
		void *a;                                \
		va_start(list, command);                \
		a = va_arg(list, void *);               \
		va_end(list);                           \
		return NEXT(name)(LOW(fd), command, a); \
	}
WITH_ARGUMENT(fcntl, int)
WITH_ARGUMENT(ioctl, ioctl_request)

int poll(struct pollfd *p, nfds_t n, int ms)
{
	struct pollfd low[16];
	int r;

	for (nfds_t i = 0; i < n; i++)
		low[i] = (struct pollfd){ LOW(p[i].fd), p[i].events, 0 };
	r = NEXT(poll)(low, n, ms);
	for (nfds_t i = 0; i < n; i++)
		p[i].revents = low[i].revents;
	return r;
}

/* There is only one descriptor with a high number. */
int(close_range)(unsigned first, unsigned last, int flags)
{
	return high_by > 0 ? close(accepted) : NEXT(close_range)(first, last, flags);
}
