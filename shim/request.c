#include "request.h"

#define UNIT(mask) ((mask) & -(mask)) /* the lowest bit of a mask: one of what it counts */

/* The words that a request may begin with, as a tree of letters: where a byte is not the letter of its place, it may be
 * the letter of the place `otherwise` (0: there is none). The responses to methods that are not here are like those to
 * GET, but the method is never certain, since other protocols also begin with capital letters and a space (PROXY,
 * HELO). The usual words stand first. */
enum {
	GET = 0,
	POST = GET + 4,
	PUT = POST + 5,  /* without its P, which it has from POST */
	PATCH = PUT + 3, /* the same */
	HEAD = PATCH + 5,
	DELETE = HEAD + 5,
	OPTIONS = DELETE + 7,
	CONNECT = OPTIONS + 8,
	PLACES = CONNECT + 8,
};
/* clang-format off */
static const struct { char letter; uint8_t otherwise, method; } tree[PLACES] = {
	[GET] = { 'G', POST, 0 }, { 'E', 0, 0 }, { 'T', 0, 0 }, { ' ', 0, METHOD_OTHER },
	[POST] = { 'P', HEAD, 0 }, { 'O', PUT, 0 }, { 'S', 0, 0 }, { 'T', 0, 0 }, { ' ', 0, METHOD_OTHER },
	[PUT] = { 'U', PATCH, 0 }, { 'T', 0, 0 }, { ' ', 0, METHOD_OTHER },
	[PATCH] = { 'A', 0, 0 }, { 'T', 0, 0 }, { 'C', 0, 0 }, { 'H', 0, 0 }, { ' ', 0, METHOD_OTHER },
	[HEAD] = { 'H', DELETE, 0 }, { 'E', 0, 0 }, { 'A', 0, 0 }, { 'D', 0, 0 }, { ' ', 0, METHOD_HEAD },
	[DELETE] = { 'D', OPTIONS, 0 }, { 'E', 0, 0 }, { 'L', 0, 0 }, { 'E', 0, 0 }, { 'T', 0, 0 }, { 'E', 0, 0 },
		{ ' ', 0, METHOD_OTHER },
	[OPTIONS] = { 'O', CONNECT, 0 }, { 'P', 0, 0 }, { 'T', 0, 0 }, { 'I', 0, 0 }, { 'O', 0, 0 }, { 'N', 0, 0 },
		{ 'S', 0, 0 }, { ' ', 0, METHOD_OTHER },
	[CONNECT] = { 'C', 0, 0 }, { 'O', 0, 0 }, { 'N', 0, 0 }, { 'N', 0, 0 }, { 'E', 0, 0 }, { 'C', 0, 0 },
		{ 'T', 0, 0 }, { ' ', 0, METHOD_CONNECT },
};
/* clang-format on */
_Static_assert(PLACES <= REQUEST_PLACE / UNIT(REQUEST_PLACE), "every place must fit");

static inline uint32_t known(enum http_method method, bool certain)
{
	return (uint32_t)method * UNIT(REQUEST_METHOD) | (certain ? REQUEST_CERTAIN : 0);
}

/* The word after n more bytes, where it was `word` before. No place behind a space is ever reached, since the method is
 * known at the space. */
static inline uint32_t word_after(uint32_t word, const char *p, size_t n)
{
	unsigned place = (word & REQUEST_PLACE) / UNIT(REQUEST_PLACE);
	for (const char *end = p + n; p < end; p++) {
		if (place == 0 && (*p == '\r' || *p == '\n'))
			continue; /* RFC 9112 section 2.2: empty lines before a request */
		while (tree[place].letter != *p)
			if ((place = tree[place].otherwise) == 0)
				return known(METHOD_OTHER, false);
		if (*p == ' ')
			return known(tree[place].method, word & REQUEST_FIRST);
		place++;
	}
	return (word & ~(uint32_t)REQUEST_PLACE) | place * UNIT(REQUEST_PLACE);
}

void request_begin(struct request *r, bool first)
{
	atomic_store_explicit(&r->word, REQUEST_WAIT | (first ? REQUEST_FIRST : 0), memory_order_relaxed);
}

void request_end(struct request *r)
{
	atomic_store_explicit(&r->word, 0, memory_order_relaxed);
}

void request_hear(struct request *r)
{
	if (!request_awaited(r))
		atomic_fetch_or_explicit(&r->word, REQUEST_PEER, memory_order_relaxed);
}

void request_tell(const struct request *from, struct request *to)
{
	const uint32_t certain = REQUEST_FIRST | REQUEST_CERTAIN;
	uint32_t word = atomic_load_explicit(&from->word, memory_order_relaxed);
	atomic_store_explicit(&to->word, word & ~certain, memory_order_relaxed);
}

void request_follow(struct request *r, const char *p, size_t n)
{
	uint32_t before = atomic_load_explicit(&r->word, memory_order_relaxed), next = before & ~(uint32_t)REQUEST_PEER;
	if (n == 0 || !(before & (REQUEST_PEER | REQUEST_WAIT)))
		return;
	if (before & REQUEST_WAIT)
		next = word_after(next, p, n);
	if (next == before)
		return;
	const memory_order relaxed = memory_order_relaxed;
	if (atomic_compare_exchange_strong_explicit(&r->word, &before, next, relaxed, relaxed))
		return;
	/* A response was written meanwhile, or another thread reads here, too: it is not known any more which byte
	 * comes first. */
	atomic_fetch_and_explicit(&r->word, ~(uint32_t)(REQUEST_FIRST | REQUEST_CERTAIN), memory_order_relaxed);
}

void request_follow_all(struct request *r, size_t n, const struct iovec *iov, size_t iovcnt)
{
	for (size_t i = 0; i < iovcnt && n > 0 && request_awaited(r); i++) {
		size_t part = iov[i].iov_len < n ? iov[i].iov_len : n;
		request_follow(r, iov[i].iov_base, part);
		n -= part;
	}
}
