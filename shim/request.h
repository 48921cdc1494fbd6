/* Which method does the next response answer? Learned from what a server reads, and it may not be known.
 *
 * PURE: no I/O, no memory of its own, no errno; never reads a byte outside [p, p + n).
 *
 * A wait for a request begins when a connection is accepted, and again with the head of each final response. It
 * ends with the first bytes that tell the method. All that is kept of those bytes is their place in a tree of
 * words, so it is bounded whatever the peer sends.
 *
 * Only a connection's first request is certain. What is read behind a response may be the rest of a body that the
 * program answered early, and several requests may come in one read, of which only the first is seen. What is
 * known then is a guess; it decides whether a head waits for a body, and nothing else may rest on it.
 *
 * THREADS. One thread may read while another writes the response. All is in one word, changed in one atomic step,
 * and a step that was prepared before somebody else's is dropped. No other memory depends on it, so the order is
 * relaxed. */
#ifndef ONEWRITE_REQUEST_H
#define ONEWRITE_REQUEST_H

#include <stdatomic.h>

#include "http.h"

struct request {
	_Atomic uint32_t word; /* enum request_bits; 0: nothing is awaited, nothing is known */
};

enum request_bits {
	REQUEST_PEER = 1,       /* awaited: that the peer is heard at all */
	REQUEST_WAIT = 2,       /* awaited: the bytes that tell the method */
	REQUEST_FIRST = 4,      /* ... and the first of them begins a request for certain */
	REQUEST_CERTAIN = 8,    /* known, and no guess */
	REQUEST_METHOD = 0x30,  /* enum http_method */
	REQUEST_PLACE = 0x3f00, /* how far the bytes got in the tree of words in request.c */
};

/* Is what is read next to be looked at? The first thing that every read asks. */
static inline bool request_awaited(const struct request *r)
{
	return (atomic_load_explicit(&r->word, memory_order_relaxed) & (REQUEST_PEER | REQUEST_WAIT)) != 0;
}

/* METHOD_OTHER where it is not known. */
static inline enum http_method request_method(const struct request *r)
{
	uint32_t word = atomic_load_explicit(&r->word, memory_order_relaxed);
	return (enum http_method)((word & REQUEST_METHOD) / (REQUEST_METHOD & -REQUEST_METHOD));
}

/* Was this method seen in the request line of a connection's first request, from its first byte on? */
static inline bool request_is_certain(const struct request *r, enum http_method method)
{
	return (atomic_load_explicit(&r->word, memory_order_relaxed) & REQUEST_CERTAIN) && request_method(r) == method;
}

/* Await a request, and forget the one before. `first`: nothing was read of this connection yet. */
void request_begin(struct request *r, bool first);
/* Await nothing, and know nothing. */
void request_end(struct request *r);
/* Await that the peer is heard; a request that is awaited or known stays so. */
void request_hear(struct request *r);
/* What is known, or awaited, of another name of the connection; never for certain. */
void request_tell(const struct request *from, struct request *to);
/* These n bytes were read. Those behind the method are not looked at. */
void request_follow(struct request *r, const char *p, size_t n);

#endif
