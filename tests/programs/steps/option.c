/* Steps of p_steps that set or ask the connection's options. */
#include "steps.h"

#include <linux/sockios.h>
#include <sys/ioctl.h>

static long do_option(const struct step *s)
{
	static const struct {
		const char *verb;
		int level, name;
		socklen_t size;
	} numbers[] = {
		{ "nodelay", IPPROTO_TCP, TCP_NODELAY, sizeof(int) },
		{ "quickack", IPPROTO_TCP, TCP_QUICKACK, sizeof(int) },
		{ "oobinline", SOL_SOCKET, SO_OOBINLINE, sizeof(int) },
		{ "cork", IPPROTO_TCP, TCP_CORK, sizeof(int) },
		{ "short-cork", IPPROTO_TCP, TCP_CORK, 2 }, /* the length is too short for an int */
		{ "sndbuf", SOL_SOCKET, SO_SNDBUF, sizeof(int) },
		{ "zerocopy", SOL_SOCKET, SO_ZEROCOPY, sizeof(int) },
	};
	if (strcmp(s->verb, "ulp") == 0)
		return setsockopt(fd, IPPROTO_TCP, TCP_ULP, s->argument, (socklen_t)strlen(s->argument));
	int value = argument(s, 0);
	socklen_t size = sizeof value;

	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
		if (strcmp(s->verb, numbers[i].verb) == 0)
			return setsockopt(fd, numbers[i].level, numbers[i].name, &value, numbers[i].size);
	if (strcmp(s->verb, "SYS_cork") == 0)
		return syscall(SYS_setsockopt, fd, IPPROTO_TCP, TCP_CORK, &value, size);
	if (strcmp(s->verb, "linger") == 0)
		return setsockopt(fd, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, value }, sizeof(struct linger));
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

#ifndef SO_TIMESTAMPING_NEW
#define SO_TIMESTAMPING_NEW 65
#endif

/* Sets an option for which the library holds nothing because single writes matter to the program, or TCP_CORK; on the
 * connection, or on the listener by a call that no hook sees. */
static long do_watch(const struct step *s)
{
	bool listener = strncmp(s->verb, "listener-", 9) == 0, number = strncmp(s->verb, "SYS_", 4) == 0;
	const char *what = listener ? s->verb + 9 : number ? s->verb + 4 : s->verb;
	bool stamps = strncmp(what, "stamps", 6) == 0;
	int level = stamps ? SOL_SOCKET : IPPROTO_TCP, value = argument(s, 0), at = listener ? LISTENER_FD : fd;
	int name = strcmp(what, "stamps") == 0  ? SO_TIMESTAMPING
	           : stamps                     ? SO_TIMESTAMPING_NEW
	           : strcmp(what, "lowat") == 0 ? TCP_NOTSENT_LOWAT
	                                        : TCP_CORK;

	if (stamps) /* TX_ACK, SOFTWARE and OPT_TSONLY: a software stamp when the peer has acknowledged a write */
		value = 1 << 9 | 1 << 4 | 1 << 11;
	return listener ? unseen(SYS_setsockopt, at, level, name, (long)&value, sizeof value, 0)
	       : number ? syscall(SYS_setsockopt, at, level, name, &value, sizeof value)
	                : setsockopt(at, level, name, &value, sizeof value);
}

/* Counts the time stamps that the kernel has made. */
static long do_stamps_made(const struct step *s)
{
	char control[512], data[16];
	long n = 0;

	(void)s;
	sleep_us(20000);
	for (;; n++) {
		struct iovec iov = { data, sizeof data };
		struct msghdr m = {
			.msg_iov = &iov, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control
		};
		if (recvmsg(fd, &m, MSG_ERRQUEUE | MSG_DONTWAIT) < 0)
			break;
	}
	errno = ERRNO_BEFORE;
	return n;
}

/* Asks for the program's own settings by calls that no hook sees. TCP_NODELAY counts 10, TCP_CORK 1. */
static long do_settings(const struct step *s)
{
	int nodelay = 0, cork = 0, size = sizeof(int);

	(void)s;
	unseen(SYS_getsockopt, fd, IPPROTO_TCP, TCP_NODELAY, (long)&nodelay, (long)&size, 0);
	unseen(SYS_getsockopt, fd, IPPROTO_TCP, TCP_CORK, (long)&cork, (long)&size, 0);
	return (nodelay != 0) * 10 + (cork != 0);
}

const struct verb option_verbs[] = {
	{ "settings", do_settings, 0 },
	{ "sndbuf", do_option, 0 },
	{ "zerocopy", do_option, 0 },
	{ "linger", do_option, 0 },
	{ "ulp", do_option, 0 },
	{ "SYS_setsockopt", do_option, 0 },
	{ "nodelay", do_option, 0 },
	{ "quickack", do_option, 0 },
	{ "oobinline", do_option, 0 },
	{ "cork", do_option, 0 },
	{ "keepalive", do_option, 0 },
	{ "get-error", do_option, 0 },
	{ "outq", do_option, 0 },
	{ "SYS_cork", do_option, 0 },
	{ "short-cork", do_option, 0 },
	{ "stamps", do_watch, 0 },
	{ "stamps-new", do_watch, 0 },
	{ "SYS_stamps", do_watch, 0 },
	{ "lowat", do_watch, 0 },
	{ "listener-stamps", do_watch, ADOPT },
	{ "listener-lowat", do_watch, ADOPT },
	{ "listener-cork", do_watch, ADOPT },
	{ "stamps-made", do_stamps_made, 0 },
	{ "nonblock", do_option, 0 },
	{ NULL, NULL, 0 },
};
