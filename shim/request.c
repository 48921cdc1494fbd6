#include "request.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define UNIT(mask) ((mask) & -(mask)) /* the lowest bit of a mask: one of what it counts */

/* What a request may begin with. A method that is not here is one whose response is like a GET's, but it is never certain: other
 * protocols begin with capital letters and a space as well (PROXY, HELO). The usual ones stand first. */
static const struct { char letters[9]; uint8_t method; } words[] = {
	{ "GET ", METHOD_OTHER },
	{ "POST ", METHOD_OTHER },
	{ "HEAD ", METHOD_HEAD },
	{ "PUT ", METHOD_OTHER },
	{ "DELETE ", METHOD_OTHER },
	{ "OPTIONS ", METHOD_OTHER },
	{ "PATCH ", METHOD_OTHER },
	{ "CONNECT ", METHOD_CONNECT },
};
_Static_assert(COUNT(words) <= REQUEST_WORD / UNIT(REQUEST_WORD) + 1, "a word's place must fit");
_Static_assert(sizeof words->letters - 2 <= REQUEST_LETTERS / UNIT(REQUEST_LETTERS), "all letters but the last must fit");

static uint32_t known(enum http_method method, bool certain)
{
	return (uint32_t)method * UNIT(REQUEST_METHOD) | (certain ? REQUEST_CERTAIN : 0);
}

static bool same_beginning(size_t a, size_t b, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if (words[a].letters[i] != words[b].letters[i])
			return false;
	return true;
}

/* One byte more. The words that go on with it are those behind the one that fitted so far: the others were refused before. */
static uint32_t step(uint32_t now, char c)
{
	size_t letters = (now & REQUEST_LETTERS) / UNIT(REQUEST_LETTERS), word = (now & REQUEST_WORD) / UNIT(REQUEST_WORD);
	if (letters == 0 && (c == '\r' || c == '\n'))
		return now; /* RFC 9112 section 2.2: empty lines before a request */
	for (size_t w = word; w < COUNT(words); w++) {
		if (words[w].letters[letters] != c || !same_beginning(w, word, letters))
			continue;
		if (c == ' ')
			return known(words[w].method, now & REQUEST_FIRST);
		return (now & ~(uint32_t)(REQUEST_LETTERS | REQUEST_WORD)) | (uint32_t)w * UNIT(REQUEST_WORD) |
		       (uint32_t)(letters + 1) * UNIT(REQUEST_LETTERS);
	}
	return known(METHOD_OTHER, false);
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

void request_follow(struct request *r, const char *p, size_t n)
{
	uint32_t before = atomic_load_explicit(&r->word, memory_order_relaxed), now = before & ~(uint32_t)REQUEST_PEER;
	if (n == 0 || !(before & (REQUEST_PEER | REQUEST_WAIT)))
		return;
	for (size_t i = 0; i < n && now & REQUEST_WAIT; i++)
		now = step(now, p[i]);
	if (now == before ||
	    atomic_compare_exchange_strong_explicit(&r->word, &before, now, memory_order_relaxed, memory_order_relaxed))
		return;
	/* A response was written meanwhile, or somebody else reads here: which byte comes first is not known any more. */
	atomic_fetch_and_explicit(&r->word, ~(uint32_t)(REQUEST_FIRST | REQUEST_CERTAIN), memory_order_relaxed);
}
