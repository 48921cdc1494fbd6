/* The connection of the client: what goes out and what comes in. */
#include <arpa/inet.h>
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <unistd.h>

#include "client.h"

void hang_up(struct connection *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
	c->served = 0;
	c->used = c->have = 0;
}

static bool is_late(const struct connection *c)
{
	return now_us() - c->started > (uint64_t)opt.deadline_ms * 1000;
}

void dial(struct connection *c)
{
	struct sockaddr_storage own;
	socklen_t size = sizeof(own);

	for (;;) {
		c->fd = socket(opt.address->ai_family, SOCK_STREAM | SOCK_CLOEXEC, 0);
		if (c->fd < 0)
			err(1, "socket");
		set_patience(c->fd, opt.deadline_ms);
		set_mss(c->fd, opt.mss);
		if (connect(c->fd, opt.address->ai_addr, opt.address->ai_addrlen) == 0)
			break;
		if (errno != ECONNREFUSED || is_late(c))
			err(1, "cannot connect to %s port %s", opt.host, opt.port);
		close(c->fd);
		nanosleep(&(struct timespec){ .tv_nsec = 5000000 }, NULL);
	}
	set_nodelay(c->fd);
	getsockname(c->fd, (struct sockaddr *)&own, &size);
	c->port = ntohs(((struct sockaddr_in *)&own)->sin_port); /* sin6_port lies at the same place */
}

bool put(struct connection *c, const char *p, size_t n)
{
	while (n > 0) {
		ssize_t sent = send(c->fd, p, n, MSG_NOSIGNAL);

		if (sent < 0 && (errno == EPIPE || errno == ECONNRESET))
			return false;
		if (sent < 0)
			err(1, "%s: cannot send the request", c->path);
		p += sent;
		n -= (size_t)sent;
	}
	return true;
}

bool more(struct connection *c)
{
	ssize_t n;

	if (c->used == c->have)
		c->used = c->have = 0;
	if (c->used > 0) {
		memmove(c->bytes, c->bytes + c->used, c->have - c->used);
		c->have -= c->used;
		c->used = 0;
	}
	if (c->have == sizeof(c->bytes))
		errx(1, "%s: a head or chunk line of more than %zu bytes", c->path, sizeof(c->bytes));
	n = recv(c->fd, c->bytes + c->have, sizeof(c->bytes) - c->have, 0);
	if (n < 0 && errno == ECONNRESET)
		return false;
	if ((n < 0 && errno == EAGAIN) || is_late(c))
		errx(1, "%s: no complete response within %u ms", c->path, opt.deadline_ms);
	if (n < 0)
		err(1, "%s: cannot receive", c->path);
	if (!c->first)
		c->first = now_us();
	if (opt.dump)
		fwrite(c->bytes + c->have, 1, (size_t)n, opt.dump);
	c->have += (size_t)n;
	return n > 0;
}
