/* The client's side of an HTTP/1.1 connection: it reads responses as they come, and notes what they were and when. */
#ifndef ONEWRITE_PROBE_CLIENT_H
#define ONEWRITE_PROBE_CLIENT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <sys/types.h>

/* The bytes of one response, as they came. What comes when there is no more room is counted in the last one. */
struct arrivals {
	size_t count;
	struct arrival {
		uint64_t us; /* from the exchange's beginning on */
		size_t bytes;
	} each[4096];
};

struct client {
	int fd;               /* -1: not connected */
	unsigned patience_ms; /* for one response, from its started_us on */
	FILE *dump;           /* gets every byte received; NULL: none is wanted */
	bool acks_at_once;    /* our kernel is to acknowledge at once what comes, and not to wait for a while */
	struct arrivals *log; /* gets when bytes came; NULL: not wanted */
	uint64_t body_max;    /* bytes of a body that are read; 0: any number */
	size_t used, have;    /* bytes taken, bytes received */
	char bytes[1 << 16];
};

struct response {
	uint64_t started_us; /* set by the caller: now_us() when the exchange began; the times below count from it */
	bool wants_sum;      /* set by the caller */
	unsigned status;
	size_t interim, head;       /* bytes of the 1xx heads, and of the final one */
	size_t wire, body;          /* bytes behind that: as they were sent, and decoded */
	bool has_length;            /* the head has a Content-Length */
	bool keeps;                 /* the connection is there for another exchange */
	uint32_t sum;               /* of the decoded body */
	uint64_t first_us, body_us; /* when the first byte came, and the first of the body; 0: none did */
	const char *failure;        /* what is wrong; NULL where the connection ended before a response */
};

/* Receives once, behind the bytes that are not taken yet. Returns as recv(); -1 with ENOBUFS if there is no room. */
ssize_t client_more(struct client *c);

/* Waits until a whole head is there, and takes nothing: it has r->head bytes, from c->bytes + c->used on. False: see
 * r->failure. */
bool client_head(struct client *c, struct response *r);

/* Takes the whole response to a request of this method, interim responses included. False: see r->failure. */
bool client_response(struct client *c, const char *method, struct response *r);

#endif
