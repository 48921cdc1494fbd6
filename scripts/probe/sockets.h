/* What both sides do with a TCP socket. */
#ifndef ONEWRITE_PROBE_SOCKETS_H
#define ONEWRITE_PROBE_SOCKETS_H

#include <err.h>
#include <errno.h>
#include <linux/tcp.h> /* a tcp_info with tcpi_data_segs_in, which netinet/tcp.h lacks */
#include <netinet/in.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/time.h>

static inline struct sockaddr_in loopback(uint16_t port)
{
	return (struct sockaddr_in){
		.sin_family = AF_INET,
		.sin_port = htons(port),
		.sin_addr.s_addr = htonl(INADDR_LOOPBACK),
	};
}

static inline void set_nodelay(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
}

/* The peer is to send segments of at most this size (less 12 bytes for timestamps); 0: the interface's own limit. On
 * loopback, whose own segments have 64 KB, that is what a network would show. Called before fd connects or listens. */
static inline void set_mss(int fd, unsigned mss)
{
	int size = (int)mss, room = 1 << 20; /* and a window that cuts no segment short */

	if (mss == 0)
		return;
	setsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &size, sizeof(size));
	setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
}

/* What has come is acknowledged at once. The kernel forgets this soon: it is told again each time something comes. */
static inline void set_acks_at_once(int fd)
{
	int on = 1;

	setsockopt(fd, IPPROTO_TCP, TCP_QUICKACK, &on, sizeof(on));
}

/* No single call on fd blocks longer than this. */
static inline void set_patience(int fd, unsigned ms)
{
	struct timeval t = { .tv_sec = ms / 1000, .tv_usec = ms % 1000 * 1000 };

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &t, sizeof(t));
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &t, sizeof(t));
}

/* close() is to end the connection with RST, which leaves no port in TIME_WAIT. */
static inline void set_reset(int fd)
{
	struct linger reset = { .l_onoff = 1 };

	setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

/* Sends all n bytes, by one send() if the socket takes them. False: errno says why it could not. */
static inline bool send_all(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && errno != EINTR)
			return false;
		p += sent > 0 ? sent : 0;
		n -= sent > 0 ? (size_t)sent : 0;
	}
	return true;
}

static inline struct tcp_info tcp_info_of(int fd)
{
	struct tcp_info info = { 0 };
	socklen_t size = sizeof(info);

	if (getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &size))
		err(1, "TCP_INFO");
	return info;
}

#endif
