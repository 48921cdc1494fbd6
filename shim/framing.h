/* How much of the message is still to come? Follows a body through any split of writes.
 *
 * PURE: no I/O, no memory of its own; looks at chunk-size lines and trailers only, never at data bytes.
 * RFC 9112 sections 6 and 7. */
#ifndef ONEWRITE_FRAMING_H
#define ONEWRITE_FRAMING_H

#include "http.h"

enum framing_verdict {
	FRAMING_INSIDE, /* the message goes on after these bytes */
	FRAMING_END,    /* the message is complete; bytes beyond what was taken belong to the next one */
	FRAMING_LOST,   /* cannot be told any more (malformed chunk size, say): pass everything, untouched */
};

struct framing {
	uint64_t left;    /* bytes of counted data still to come (whole body, or this chunk) */
	uint64_t counted; /* body bytes seen so far */
	uint8_t phase;    /* enum in framing.c: what is awaited */
	uint8_t line;     /* progress within a chunk-size line or trailer line */
};

/* Start behind a head: FRAMING_END when the head is the whole message, else FRAMING_INSIDE. */
enum framing_verdict framing_begin(struct framing *f, const struct http_head *head);

/* Feed the next n bytes as written. *taken: how many of them belong to this message (all, unless FRAMING_END). */
enum framing_verdict framing_follow(struct framing *f, const char *p, size_t n, size_t *taken);

/* n bytes went by that cannot be looked at (sendfile, splice), or need not be. */
enum framing_verdict framing_skip(struct framing *f, uint64_t n);

/* Are the next n bytes data, whatever they say? */
bool framing_is_data(const struct framing *f, uint64_t n);

/* Are they all that is still to come? */
bool framing_is_rest(const struct framing *f, uint64_t n);

/* True while no body byte has been written: only chunk-size lines at most (they may still join the head). */
static inline bool framing_before_body(const struct framing *f)
{
	return f->counted == 0;
}

#endif
