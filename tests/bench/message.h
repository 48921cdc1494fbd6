/* A connection within one process, and one message over it: what threads.c and first.c measure. */
#ifndef ONEWRITE_BENCH_MESSAGE_H
#define ONEWRITE_BENCH_MESSAGE_H

#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../scripts/probe/measure.h"
#include "../support/server.h"
#include "number.h"

#define REQUEST "GET / HTTP/1.1\r\nHost: localhost\r\n\r\n"
#define HEAD    "HTTP/1.1 200 OK\r\nServer: bench\r\nContent-Type: text/plain\r\nContent-Length: 200\r\n\r\n"
enum { BODY = 200, MESSAGE = sizeof HEAD - 1 + BODY };

struct connection {
	int server, client; /* both ends are here */
};

static inline struct connection connection_make(int listener, uint16_t port)
{
	struct sockaddr_in to = loopback(port);
	struct connection c = { .client = socket(AF_INET, SOCK_STREAM, 0) };
	if (connect(c.client, (struct sockaddr *)&to, sizeof to) != 0)
		err(1, "connect");
	c.server = accept(listener, NULL, NULL);
	set_nodelay(c.server); /* bare, the body would wait for the acknowledgement of its head */
	return c;
}

static inline void receive(int fd, char *to, size_t n)
{
	for (ssize_t got; n > 0; to += got, n -= (size_t)got)
		if ((got = recv(fd, to, n, 0)) <= 0)
			err(1, "recv");
}

static inline void ask(const struct connection *c)
{
	char request[sizeof REQUEST - 1];
	if (send(c->client, REQUEST, sizeof request, 0) != sizeof request)
		err(1, "send");
	receive(c->server, request, sizeof request);
}

static inline void put(const struct connection *c, const char *p, size_t n)
{
	if (send(c->server, p, n, 0) != (ssize_t)n)
		err(1, "send");
}

/* A request, and its answer in two writes. */
static inline void exchange(const struct connection *c)
{
	static const char body[BODY];
	char got[MESSAGE];
	ask(c);
	put(c, HEAD, sizeof HEAD - 1);
	put(c, body, sizeof body);
	receive(c->client, got, sizeof got);
}

#endif
