/* The server's side: it listens. What it reads (heads.h, body.h) and what it writes is up to each program, for that is
 * what they differ in: the manner of writing is what they are for. */
#ifndef ONEWRITE_TESTS_SERVER_H
#define ONEWRITE_TESTS_SERVER_H

#include "../../scripts/probe/sockets.h"

/* A socket that listens on the address; *port is the port, and is set if it is 0, which stands for any free one. The
 * clients are to send segments of at most `mss` bytes (see set_mss()). `flags`: SOCK_NONBLOCK or 0. Ends the program
 * with 1 if it cannot listen. */
static inline int server_listen(in_addr_t address, uint16_t *port, unsigned mss, int flags)
{
	struct sockaddr_in here = loopback(*port);
	socklen_t size = sizeof(here);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | flags, 0), on = 1;

	here.sin_addr.s_addr = htonl(address);
	set_mss(fd, mss);
	if (*port != 0)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	if (fd < 0 || bind(fd, (struct sockaddr *)&here, size) || listen(fd, 4096) ||
	    getsockname(fd, (struct sockaddr *)&here, &size))
		err(1, "cannot listen");
	*port = ntohs(here.sin_port);
	return fd;
}

#endif
