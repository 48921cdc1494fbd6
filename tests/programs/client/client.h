/* An HTTP/1.1 client that sees what came back as it came: segments, pieces, times. */
#ifndef ONEWRITE_TESTS_CLIENT_H
#define ONEWRITE_TESTS_CLIENT_H

#include <stdio.h>

#include "../wire.h"

extern struct options {
	unsigned count;
	unsigned connections; /* load: this many at once; 0: report each exchange */
	double seconds;
	unsigned deadline_ms; /* for one exchange, connecting included */
	unsigned mss;         /* the largest segment to send us; 0: the interface's */
	bool close;           /* a connection each */
	bool expect;          /* wait for 100 Continue before the body */
	bool pieces;          /* a write for each line of the head, one for the body */
	const char *method;
	const char *fields; /* more head lines, each with its CRLF */
	size_t body_size;
	char *body;
	const char *host;
	const char *port;
	struct addrinfo *address;
	FILE *dump;
} opt;

struct connection {
	int fd; /* -1: not connected */
	unsigned port;
	unsigned served; /* exchanges completed on this connection */
	uint64_t started, first;
	const char *path;
	size_t used, have; /* received and taken, received */
	char bytes[1 << 16];
};

struct exchange {
	unsigned status, segments, port;
	size_t interim, head, wire, body;
	uint32_t sum;
	uint64_t continue_us, first_us, body_us, last_us;
};

/* connection.c */

/* A server that is still starting refuses; keep asking until the deadline. */
void dial(struct connection *c);
void hang_up(struct connection *c);

/* False: the peer has closed. */
bool put(struct connection *c, const char *p, size_t n);

/* More bytes behind those not yet taken. False: the peer has closed. */
bool more(struct connection *c);

/* exchange.c */

/* A request, and all that answers it. */
struct exchange exchange(struct connection *c, const char *path);

#endif
