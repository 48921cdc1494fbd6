/* How much of the message is still to come? Follows a body however it is split into writes.
 *
 * PURE: no I/O, no memory of its own. It reads chunk-size lines and trailers only, never data bytes.
 * RFC 9112 sections 6 and 7. */
#ifndef ONEWRITE_FRAMING_H
#define ONEWRITE_FRAMING_H

#include "http.h"

enum framing_verdict {
	FRAMING_INSIDE, /* the message goes on after these bytes */
	FRAMING_END,    /* the message is complete; the bytes behind *consumed belong to the next one */
	FRAMING_LOST,   /* the end cannot be told any more (a malformed chunk size, for example): pass all bytes on */
};

/* Guarded by its owner; that of a message by the message's turn. */
struct framing {
	uint64_t left;    /* bytes of data still to come, of the body or of this chunk; grows while a size is read */
	uint64_t counted; /* data bytes of the body so far */
	uint8_t phase;    /* enum phase in framing.c: what comes next */
	uint8_t line;     /* enum line in framing.c: how far a chunk-size line or trailer line has come */
};

/* Start behind a head. Returns FRAMING_END if the head is the whole message, else FRAMING_INSIDE. */
enum framing_verdict framing_begin(struct framing *f, const struct http_head *head);

/* Feed the next n bytes of the stream. *consumed: how many of them belong to this message (n, unless FRAMING_END). */
enum framing_verdict framing_follow(struct framing *f, const char *p, size_t n, size_t *consumed);

/* The same for n bytes that cannot be read (sendfile, splice), or need not be. FRAMING_LOST if they are not all data of
 * the current body or chunk. */
enum framing_verdict framing_skip(struct framing *f, uint64_t n);

/* Will the next n bytes be data, whatever their values are? */
bool framing_is_data(const struct framing *f, uint64_t n);

/* Will the next n bytes be all the data that is still to come, in a body of known length? */
bool framing_is_rest(const struct framing *f, uint64_t n);

/* True while no data byte of the body has been written, but chunk-size lines at most, which may still join the head. */
static inline bool framing_before_body(const struct framing *f)
{
	return f->counted == 0;
}

#endif
