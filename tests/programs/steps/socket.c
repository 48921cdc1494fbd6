/* Steps of p_steps that make something other than an accepted connection to act on: a client, a pipe, a file, another
 * kind of socket. */
#include "steps.h"

#include <signal.h>
#include <sys/ioctl.h>
#include <sys/un.h>

static int partner = -1; /* the other end of what the step `open` made */

/* Opens a pipe, a file or another kind of socket as fd; `partner` is its reading end. */
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
		r = bind(ends[0], (struct sockaddr *)&at, size) | getsockname(ends[0], (struct sockaddr *)&at, &size) |
		    connect(ends[1], (struct sockaddr *)&at, size);
	} else if (strcmp(s->argument, "unix") == 0) {
		struct sockaddr_un name = { .sun_family = AF_UNIX };
		int listener = socket(AF_UNIX, SOCK_STREAM, 0);
		snprintf(name.sun_path + 1, sizeof name.sun_path - 1, "onewrite-test-%d", getpid());
		ends[0] = socket(AF_UNIX, SOCK_STREAM, 0);
		r = bind(listener, (struct sockaddr *)&name, sizeof name) | listen(listener, 1) |
		    connect(ends[0], (struct sockaddr *)&name, sizeof name);
		ends[1] = accept(listener, NULL, NULL);
		close(listener);
	} else
		r = socketpair(AF_UNIX, SOCK_STREAM, 0, ends);
	partner = ends[0];
	fd = ends[1];
	report("fd=%d", fd);
	return r;
}

/* Connects as a client; the peer is the server. */
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

/* Dissolves the connection by AF_UNSPEC; the socket remains. */
static long do_disconnect(const struct step *s)
{
	struct sockaddr none = { .sa_family = AF_UNSPEC };

	return s->verb[0] == 'S' ? syscall(SYS_connect, fd, &none, sizeof none) : connect(fd, &none, sizeof none);
}

/* Accepts the next connection from the peer, by system call number. */
static long do_accept(const struct step *s)
{
	(void)s;
	fd = (int)syscall(SYS_accept4, LISTENER_FD, NULL, NULL, 0);
	report("fd=%d", fd);
	return fd;
}

/* A socket that is not connected. SIGPIPE is ignored, so that a write on it returns. */
static long do_socket(const struct step *s)
{
	(void)s;
	fd = socket(AF_INET, SOCK_STREAM, 0);
	report("fd=%d", fd);
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

/* How many bytes have arrived at the other end of what `open` made. */
static long do_partner(const struct step *s)
{
	int n = 0;

	(void)s;
	return syscall(SYS_ioctl, partner, FIONREAD, &n) == 0 ? n : -1;
}

const struct verb socket_verbs[] = {
	{ "disconnect", do_disconnect, 0 },
	{ "SYS_disconnect", do_disconnect, 0 },
	{ "open", do_open, ADOPT },
	{ "connect", do_connect, ADOPT },
	{ "fastopen", do_connect, BYTES | ADOPT },
	{ "socket", do_socket, ADOPT },
	{ "SYS_accept", do_accept, ADOPT },
	{ "partner", do_partner, 0 },
	{ NULL, NULL, 0 },
};
