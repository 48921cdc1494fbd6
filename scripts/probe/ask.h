/* Asks a server for one thing again and again, on a connection that is kept, and notes what each answer was. */
#ifndef ONEWRITE_PROBE_ASK_H
#define ONEWRITE_PROBE_ASK_H

#include "client.h"
#include "url.h"

enum {
	PATIENCE_S = 10,       /* for a connection, and for a response */
	BODY_MAX = 16 << 20,   /* bytes of a response's body, and of a request's */
	ETHERNET_MSS = 1460,   /* the segments that are asked for: those of a usual network, on loopback as well */
	LOOKED_AT_MAX = 10000, /* responses in one look */
};

struct asker {
	struct url url;
	struct addrinfo *address; /* the first of those that can be connected to, once one is known */
	const char *method;
	char *request;
	size_t request_size;
	struct client client;
	unsigned connections; /* opened so far */
	unsigned served;      /* responses on this one */
	unsigned mss;         /* bytes that a segment of the server's may have */
};

struct answer {
	struct response response;
	struct arrivals arrivals;
	size_t bytes;      /* of the whole response, as it was sent */
	unsigned segments; /* 0: the kernel does not count them */
	uint64_t last_us;
};

/* `post`: the file whose bytes the request has as its body; NULL: none. Refuses one that cannot be read. */
void asker_prepare(struct asker *a, const struct url *url, bool head, const char *post);

/* Connects. False: errno. */
bool asker_connect(struct asker *a);
void asker_hang_up(struct asker *a);

/* Sends the request and takes the response. Connects, and connects again where the server has closed a connection that
 * it had kept. False: see answer->response.failure; NULL: the connection ended before a response. What came is in
 * a->client. */
bool asker_ask(struct asker *a, struct answer *answer);

/* As asker_ask(); fails with a sentence. */
void asker_must(struct asker *a, struct answer *answer);

/* The longest time in which nothing came, between the first byte and the last. */
uint64_t longest_pause(const struct answer *a);

/* The least number of segments for the response: all of its bytes together; or for each part of it that came `pause_us`
 * or more behind the one before. */
unsigned least_segments(const struct answer *a, unsigned mss, uint64_t pause_us);

#endif
