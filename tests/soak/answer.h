/* A connection of the soak's servers, and its answers, piece by piece. */
#ifndef ONEWRITE_TESTS_SOAK_ANSWER_H
#define ONEWRITE_TESTS_SOAK_ANSWER_H

#include <bsd/sys/queue.h>

#include "soak.h"

enum { ROOM = 1 << 15 };

enum stage { CONTINUE, ONE_INTERIM, INTERIMS, HEAD_REST, DATA, CHUNK_DATA, CHUNK_LINE_END, LAST_CHUNK, DONE };

struct connection {
	int fd;
	unsigned place, generation;   /* where it is kept, and how often that was used before */
	SLIST_ENTRY(connection) link; /* of those that pause, or of free places */
	uint64_t resume;              /* us; 0: no pause */
	/* the request */
	size_t have;
	char in[ROOM];
	bool posting, wrong;
	uint64_t body_left, body_at; /* of a POST */
	unsigned interims;           /* yet to be sent */
	/* the answer */
	bool answering, no_body, ends; /* `ends`: with the connection */
	enum shape shape;
	enum stage stage;
	uint64_t size, left, at; /* of its body */
	size_t chunk;
	/* the piece that is being written */
	size_t head, n, done; /* n bytes, the first `head` of them the head */
	char out[2 * ROOM];
};

/* A file with as much of the endless body as can be asked for. */
extern int answer_file;

/* "100 Continue", and nothing else yet. */
void answer_continue(struct connection *c);

/* One of the interim responses, and nothing else yet. */
void answer_interim(struct connection *c);

void answer_begin(struct connection *c, enum shape shape, uint64_t size, uint64_t seed, bool no_body);

enum written { ALL_WRITTEN, NO_ROOM, PAUSE, BROKEN };

/* Writes what there is to write, as far as it can be now. PAUSE: not before c->resume. */
enum written answer_write(struct connection *c);

#endif
