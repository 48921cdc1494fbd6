#include <errno.h>
#include <sys/socket.h>

#include "body.h"
#include "client.h"
#include "heads.h"
#include "measure.h"
#include "sockets.h"

ssize_t client_more(struct client *c)
{
	ssize_t n;

	if (c->used > 0)
		memmove(c->bytes, c->bytes + c->used, c->have - c->used);
	c->have -= c->used;
	c->used = 0;
	if (c->have == sizeof(c->bytes)) {
		errno = ENOBUFS;
		return -1;
	}
	do
		n = recv(c->fd, c->bytes + c->have, sizeof(c->bytes) - c->have, 0);
	while (n < 0 && errno == EINTR);
	if (n > 0 && c->acks_at_once)
		set_acks_at_once(c->fd);
	if (n > 0 && c->dump)
		fwrite(c->bytes + c->have, 1, (size_t)n, c->dump);
	c->have += n > 0 ? (size_t)n : 0;
	return n;
}

static void note_arrival(struct arrivals *log, uint64_t us, size_t bytes)
{
	if (log->count < sizeof(log->each) / sizeof(*log->each))
		log->each[log->count++].bytes = 0;
	log->each[log->count - 1].us = us;
	log->each[log->count - 1].bytes += bytes;
}

/* False: the connection has ended, or r->failure. */
static bool more(struct client *c, struct response *r)
{
	ssize_t n = client_more(c);
	uint64_t us = now_us() - r->started_us;
	bool late = us > (uint64_t)c->patience_ms * 1000;

	if (n > 0 && r->first_us == 0)
		r->first_us = us;
	if (n > 0 && c->log)
		note_arrival(c->log, us, (size_t)n);
	if (n == 0 || (n < 0 && errno == ECONNRESET))
		return false;
	if (late || (n < 0 && errno == EAGAIN))
		r->failure = "no complete response in time";
	else if (n < 0)
		r->failure = errno == ENOBUFS ? "the head is too long" : strerror(errno);
	return !r->failure;
}

/* Do the bytes that have come so far begin as a head does? */
static bool begins_a_head(const struct client *c)
{
	size_t n = c->have - c->used;

	return memcmp(c->bytes + c->used, "HTTP/1.", n < 7 ? n : 7) == 0;
}

bool client_head(struct client *c, struct response *r)
{
	const char *head;

	while (!(r->head = head_size(c->bytes + c->used, c->have - c->used)) && begins_a_head(c))
		if (!more(c, r)) {
			if (!r->failure && c->have > c->used)
				r->failure = "the connection ended inside a head";
			return false;
		}
	head = c->bytes + c->used;
	if (r->head < 12 || !begins_a_head(c)) {
		r->failure = "the response does not begin with HTTP/1.";
		return false;
	}
	r->status = (unsigned)atoi(head + 9);
	return !r->failure;
}

static bool take_body(struct client *c, struct body b, struct response *r)
{
	while (!body_is_whole(&b) && !r->failure) {
		size_t framing, n;

		if (c->have == c->used && !more(c, r)) {
			if (!r->failure && b.framing != BODY_TO_CLOSE)
				r->failure = "the connection ended inside the body";
			break;
		}
		framing = body_read(&b, c->bytes + c->used, c->have - c->used, &n);
		if ((r->failure = b.fault))
			break;
		if (n > 0 && r->body_us == 0)
			r->body_us = now_us() - r->started_us;
		if (r->wants_sum)
			r->sum = sum_more(r->sum, c->bytes + c->used + framing, n);
		r->body += n;
		r->wire += framing + n;
		c->used += framing + n;
		if (c->body_max > 0 && r->wire > c->body_max)
			r->failure = "the response is too long";
	}
	return !r->failure;
}

bool client_response(struct client *c, const char *method, struct response *r)
{
	const char *head;
	struct body b;

	r->sum = SUM_START;
	for (;;) {
		if (!client_head(c, r))
			return false;
		head = c->bytes + c->used;
		c->used += r->head;
		if (r->status >= 200 || r->status == 101)
			break;
		r->interim += r->head;
	}
	b = body_of_response(head, r->head, r->status, method);
	r->has_length = head_field(head, r->head, "Content-Length") != NULL;
	r->keeps = r->status != 101 && strcmp(method, "CONNECT") != 0 && b.framing != BODY_TO_CLOSE &&
	           !head_field_is(head, r->head, "Connection", "close") &&
	           (head[7] != '0' || head_field_is(head, r->head, "Connection", "keep-alive"));
	return take_body(c, b, r);
}
