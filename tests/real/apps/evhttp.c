/* A server made with libevent's evhttp. Argument: the port. */
#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "../../support/number.h"

static struct event_base *base;

struct pieces {
	struct evhttp_request *request;
	struct timeval pause;
	int n;
};

static void next_piece(evutil_socket_t fd, short what, void *arg)
{
	struct pieces *pieces = arg;
	struct evbuffer *body;

	(void)fd, (void)what;
	if (pieces->n == 3) {
		evhttp_send_reply_end(pieces->request);
		free(pieces);
		return;
	}
	body = evbuffer_new();
	evbuffer_add_printf(body, "piece %d of a body that comes in pieces, fifty bytes\n", pieces->n++);
	evhttp_send_reply_chunk(pieces->request, body);
	evbuffer_free(body);
	event_base_once(base, -1, EV_TIMEOUT, next_piece, pieces, &pieces->pause);
}

static void in_pieces(struct evhttp_request *request, void *pause)
{
	struct pieces *pieces = calloc(1, sizeof(*pieces));

	pieces->request = request;
	pieces->pause.tv_usec = pause ? 100000 : 0;
	evhttp_send_reply_start(request, 200, "OK");
	next_piece(-1, 0, pieces);
}

static void plain(struct evhttp_request *request, void *size)
{
	struct evbuffer *body = evbuffer_new();

	for (size_t n = 0; n < (size_t)size; n += 50)
		evbuffer_add_printf(body, "line %05zu of a body that has fifty bytes to a line\n", n / 50);
	evhttp_send_reply(request, 200, "OK", body);
	evbuffer_free(body);
}

static void moved(struct evhttp_request *request, void *unused)
{
	(void)unused;
	evhttp_add_header(evhttp_request_get_output_headers(request), "Location", "/small");
	evhttp_send_reply(request, 302, "Found", NULL);
}

static void fresh(struct evhttp_request *request, void *unused)
{
	(void)unused;
	evhttp_send_reply(request, 304, "Not Modified", NULL);
}

int main(int argc, char **argv)
{
	struct evhttp *http;

	if (argc != 2)
		return 1;
	base = event_base_new();
	http = evhttp_new(base);
	evhttp_set_cb(http, "/small", plain, (void *)200);
	evhttp_set_cb(http, "/large", plain, (void *)200000);
	evhttp_set_cb(http, "/chunked", in_pieces, NULL);
	evhttp_set_cb(http, "/stream", in_pieces, base);
	evhttp_set_cb(http, "/moved", moved, NULL);
	evhttp_set_cb(http, "/fresh", fresh, NULL);
	if (evhttp_bind_socket(http, "127.0.0.1", (unsigned short)number("PORT", argv[1], 1, USHRT_MAX)) != 0)
		return 1;
	return event_base_dispatch(base);
}
