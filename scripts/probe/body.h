/* The body of a message (RFC 9112, sections 6 and 7.1), read as its bytes come, in whatever pieces. */
#ifndef ONEWRITE_PROBE_BODY_H
#define ONEWRITE_PROBE_BODY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct body {
	enum { BODY_OF_LENGTH, BODY_IN_CHUNKS, BODY_TO_CLOSE } framing;
	uint64_t left;     /* bytes of data still to come, of the body or of the chunk; of chunks 0 at the beginning */
	const char *fault; /* what is wrong with the next byte; NULL: nothing */
	/* in chunks */
	enum { CHUNK_SIZE, CHUNK_DATA, CHUNK_END, TRAILERS, CHUNKS_READ } at;
	bool has_trailers;
	unsigned digits; /* of the chunk's size */
	size_t line;     /* bytes of the current line so far */
	char last;       /* the byte before */
};

struct body body_of_request(const char *head, size_t size);
struct body body_of_response(const char *head, size_t size, unsigned status, const char *method);

/* Reads on in the n bytes at p. Returns how many of the first of them are framing; *data of those that follow are data.
 * The caller takes both, and calls again with what is left. Both are 0 at the end of the body and at a fault. */
size_t body_read(struct body *b, const char *p, size_t n, size_t *data);

/* A body that ends with the connection is never whole. */
bool body_is_whole(const struct body *b);

#endif
