/* A server as many are: one thread around poll(), a write for each line of the head, then one for the page, and Nagle's
 * algorithm left on. It is correct, and 40 ms slow on every kept-alive request.
 *
 *	legacy [PORT]           on 127.0.0.1; any free port unless given; says which on stdout
 *
 * Answers GET and HEAD; keeps connections alive as HTTP/1.1 asks. */
#include <err.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <unistd.h>

#include "../../scripts/probe/heads.h"
#include "../support/server.h"
#include "../support/number.h"

enum { CONNECTIONS = 64, REQUEST_MAX = 8192 };

struct connection {
	size_t have; /* bytes of request so far */
	char request[REQUEST_MAX];
};

static struct pollfd polled[1 + CONNECTIONS]; /* [0] listens */
static struct connection connections[1 + CONNECTIONS];
static nfds_t polled_count = 1;

static const char page[] = "<!DOCTYPE html>\n<html>\n<head><title>It works</title></head>\n<body>\n<h1>It works!</h1>\n"
			   "<p>The page is short, the wait is long: who is waiting for whom?</p>\n</body>\n</html>\n";

static bool put(int fd, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t did = write(fd, p, n);

		if (did < 0)
			return false;
		p += did;
		n -= (size_t)did;
	}
	return true;
}

__attribute__((format(printf, 2, 3))) static bool say(int fd, const char *format, ...)
{
	char line[128]; /* long enough for the longest that is said */
	va_list args;

	va_start(args, format);
	int n = vsnprintf(line, sizeof line, format, args);
	va_end(args);
	return put(fd, line, (size_t)n);
}

/* Answers one whole request; false when the connection is to be closed. */
static bool answer(int fd, const char *request, size_t size)
{
	bool head = strncmp(request, "HEAD ", 5) == 0;
	bool known = head || strncmp(request, "GET ", 4) == 0;
	bool keep = known && memmem(request, size, " HTTP/1.1\r\n", 11) &&
	            !head_field_is(request, size, "Connection", "close");
	const char *body = known ? page : "Only GET and HEAD here.\n";

	return say(fd, "HTTP/1.1 %s\r\n", known ? "200 OK" : "501 Not Implemented") &&
	       say(fd, "Server: legacy/1.0\r\n") &&
	       say(fd, "Content-Type: %s\r\n", known ? "text/html" : "text/plain") &&
	       say(fd, "Content-Length: %zu\r\n", strlen(body)) &&
	       say(fd, "Connection: %s\r\n", keep ? "keep-alive" : "close") && say(fd, "\r\n") &&
	       (head || put(fd, body, strlen(body))) && keep;
}

/* Reads what there is and answers every request that is complete; false when the connection is to be closed. */
static bool serve(int fd, struct connection *c)
{
	ssize_t got = read(fd, c->request + c->have, REQUEST_MAX - c->have);
	size_t size;

	if (got <= 0)
		return false;
	c->have += (size_t)got;
	while ((size = head_size(c->request, c->have)) > 0) {
		if (!answer(fd, c->request, size))
			return false;
		c->have -= size;
		memmove(c->request, c->request + size, c->have);
	}
	return c->have < REQUEST_MAX;
}

int main(int argc, char **argv)
{
	uint16_t port = argc > 1 ? (uint16_t)number("PORT", argv[1], 0, UINT16_MAX) : 0;
	int listener = server_listen(INADDR_LOOPBACK, &port, 0, 0);

	signal(SIGPIPE, SIG_IGN);
	printf("Serving HTTP on 127.0.0.1 port %d\n", port);
	fflush(stdout);

	polled[0] = (struct pollfd){ .fd = listener, .events = POLLIN };
	for (;;) {
		/* While all places are taken, new connections wait in the backlog. */
		polled[0].events = polled_count <= CONNECTIONS ? POLLIN : 0;
		if (poll(polled, polled_count, -1) < 0)
			err(1, "poll");
		/* Downwards, because the last connection takes the place of one that is closed. */
		for (nfds_t i = polled_count - 1; i > 0; i--) {
			if (!polled[i].revents || serve(polled[i].fd, &connections[i]))
				continue;
			close(polled[i].fd);
			polled[i] = polled[--polled_count];
			connections[i] = connections[polled_count];
		}
		if (polled[0].revents) {
			int fd = accept(listener, NULL, NULL);

			if (fd >= 0) {
				connections[polled_count].have = 0;
				polled[polled_count++] = (struct pollfd){ .fd = fd, .events = POLLIN };
			}
		}
	}
}
