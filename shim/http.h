/* Is this the head of an HTTP/1.x message, where does it end, what does it announce?
 *
 * PURE: no I/O, no memory of its own, no errno; never reads a byte outside [p, p + n).
 * Sources: RFC 9110 (semantics), RFC 9112 (HTTP/1.1 framing, section 6.3 for the body). */
#ifndef ONEWRITE_HTTP_H
#define ONEWRITE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A head longer than this (bytes) is nobody's small message: it is released and passed on. */
#define HTTP_HEAD_MAX 16384

enum http_verdict {
	HTTP_NO,   /* these bytes do not open an HTTP/1.x message (or the head is over HTTP_HEAD_MAX) */
	HTTP_MORE, /* they open one, and its empty line is still to come */
	HTTP_HEAD, /* a whole head: *out is filled in */
};

enum http_method { METHOD_OTHER, METHOD_HEAD, METHOD_CONNECT };

enum http_body {                   /* RFC 9112 section 6.3 */
	         BODY_NONE,        /* the head is the whole message */
	         BODY_LENGTH,      /* Content-Length: out->length bytes follow (more than 0) */
	         BODY_CHUNKED,     /* Transfer-Encoding ends in chunked */
	         BODY_UNTIL_CLOSE, /* a response without either; whatever cannot be told */
};

/* Why a head that announces a body is nevertheless sent at once; AT_ONCE_NO: it may be held. */
enum http_at_once {
	AT_ONCE_NO,
	AT_ONCE_NO_BODY, /* no body can follow: 1xx, 204, 304, Content-Length: 0, request without framing */
	AT_ONCE_EXPECT,  /* request with Expect (100-continue): the peer speaks next */
	AT_ONCE_UPGRADE, /* request with Upgrade: the peer speaks next */
	AT_ONCE_TUNNEL,  /* 101, CONNECT, 2xx to a CONNECT: not HTTP any more after this head */
	AT_ONCE_STREAM,  /* text/event-stream, multipart/x-mixed-replace, X-Accel-Buffering: no */
	AT_ONCE_UNCLEAR, /* request with a framing nobody can tell (bad Content-Length, last coding not chunked) */
};

struct http_head {
	size_t size;             /* bytes up to and including the first empty line */
	bool request;            /* else a response */
	uint16_t status;         /* responses: 100..999; 0 in requests */
	enum http_method method; /* requests: their own; responses: what they answer, as given */
	enum http_body body;
	enum http_at_once at_once;
	uint64_t length; /* BODY_LENGTH only */
};

/* No memory of a program lies there: below what anybody may map (vm.mmap_min_addr), or, on x86-64, in the kernel's
 * half. Elsewhere a program's addresses may be above the middle, or have a tag in the highest byte. */
static inline bool http_nowhere(const void *p)
{
#ifdef __x86_64__
	return (intptr_t)p < 65536;
#else
	return (uintptr_t)p + 4096 < 65536 + 4096; /* MAP_FAILED is the last page's */
#endif
}

/* The cheapest look, for bytes that are almost never HTTP: false for everything that cannot open a message.
 * True needs http_head() to decide. Inline, a few instructions. Nothing shorter than 8 bytes opens a message. */
static inline bool http_may_open(const char *p, size_t n)
{
	return n >= 8 && !http_nowhere(p) && (unsigned char)(p[0] - 'A') < 26 && (unsigned char)(p[2] - 'A') < 26;
}

/* Do these bytes, the first of a write, open a message: "HTTP/1." or "METHOD SP target SP HTTP/1."?
 * Only a start line that got as far as its version in this very write opens one. */
bool http_opens(const char *p, size_t n);

/* How many bytes are there up to and including the first empty line that ends at p[seen] or later? 0: none ends in
 * these n bytes, which open a message. No page behind that line is read. */
size_t http_ends(const char *p, size_t n, size_t seen);

/* Look at the first n bytes of a message. `seen` of them were looked at by an earlier call that answered HTTP_MORE
 * (0 the first time); the search for the empty line resumes there, minus the few bytes an empty line may straddle.
 * `answers` is the method of the request that a response answers (METHOD_OTHER when unknown). */
enum http_verdict http_head(const char *p, size_t n, size_t seen, enum http_method answers, struct http_head *out);

/* The method at the start of a request that is being read; needs only "HEAD " or "CONNECT ".
 * HTTP_MORE while n bytes are a prefix of one of the two; HTTP_HEAD when *method is known. */
enum http_verdict http_request_method(const char *p, size_t n, enum http_method *method);

/* Words for traces. */
const char *http_at_once_name(enum http_at_once why);

#endif
