/* Which method does the next response answer? That is learned from what a server reads, and it may not be known.
 *
 * PURE: no I/O, no memory of its own, no errno; never reads a byte outside [p, p + n).
 *
 * A wait for a request begins when a connection is accepted, and again with the head of each final response. It ends
 * with the first bytes that tell the method. All that is kept of those bytes is their place in a tree of words, so it
 * is bounded whatever the peer sends.
 *
 * Only a connection's first request is certain. What is read behind a response may be the rest of a body that the
 * program answered early, and several requests may come in one read, of which only the first is seen. What is known
 * then is a guess; it decides whether a head waits for a body, and nothing else may depend on it.
 *
 * THREADS. One thread may read while another writes the response. All is in one word, changed in one atomic step, and a
 * step is dropped if another thread changed the word since it was prepared. No other memory depends on the word, so the
 * order is relaxed. */
#ifndef ONEWRITE_REQUEST_H
#define ONEWRITE_REQUEST_H

#include <stdatomic.h>
#include <sys/uio.h>

#include "http.h"

struct request {
	_Atomic uint32_t word; /* enum request_bits; 0: nothing is awaited, nothing is known */
};

enum request_bits {
	REQUEST_PEER = 1,       /* awaited: any bytes of the peer */
	REQUEST_WAIT = 2,       /* awaited: the bytes that tell the method */
	REQUEST_FIRST = 4,      /* with REQUEST_WAIT: the first of these bytes certainly begins a request */
	REQUEST_CERTAIN = 8,    /* the method is known, and is no guess */
	REQUEST_METHOD = 0x30,  /* enum http_method */
	REQUEST_PLACE = 0x3f00, /* how far the bytes have got in the tree of words in request.c */
};

/* Are the bytes that are read next to be looked at? This is the first thing that every read asks. */
static inline bool request_awaited(const struct request *r)
{
	return (atomic_load_explicit(&r->word, memory_order_relaxed) & (REQUEST_PEER | REQUEST_WAIT)) != 0;
}

/* The method; METHOD_OTHER where it is not known. */
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

/* Awaits a request, and forgets the one before. `first`: nothing was read of this connection yet. */
void request_begin(struct request *r, bool first);
/* Awaits nothing, and knows nothing. */
void request_end(struct request *r);
/* Awaits that the peer is heard. A request that is awaited or known stays so. */
void request_hear(struct request *r);
/* Copies what is known, or awaited, to another name of the connection, where it is never certain. */
void request_tell(const struct request *from, struct request *to);
/* These n bytes were read. The bytes behind the method are not looked at. */
void request_follow(struct request *r, const char *p, size_t n);
/* The same for the first n bytes of this vector. */
void request_follow_all(struct request *r, size_t n, const struct iovec *iov, size_t iovcnt);

#endif
