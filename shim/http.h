/* Parses the head of an HTTP/1.x message: is it one, where does it end, what does it announce?
 *
 * PURE: no I/O, no memory of its own, no errno; never reads a byte outside [p, p + n).
 * Sources: RFC 9110 (semantics), RFC 9112 (HTTP/1.1 framing, section 6.3 for the body). */
#ifndef ONEWRITE_HTTP_H
#define ONEWRITE_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A head of more bytes than this is not held: joining it would save little. */
#define HTTP_HEAD_MAX 16384

enum http_verdict {
	HTTP_NO,   /* these bytes do not begin an HTTP/1.x message, or its head is longer than HTTP_HEAD_MAX */
	HTTP_MORE, /* they begin one, and the empty line that ends its head is still to come */
	HTTP_HEAD, /* they begin with a whole head */
};

enum http_method { METHOD_OTHER, METHOD_HEAD, METHOD_CONNECT };

enum http_body {                   /* RFC 9112 section 6.3 */
	         BODY_NONE,        /* the head is the whole message */
	         BODY_LENGTH,      /* Content-Length: out->length bytes follow (more than 0) */
	         BODY_CHUNKED,     /* Transfer-Encoding ends in chunked */
	         BODY_UNTIL_CLOSE, /* a response without either, or a framing that cannot be told */
};

/* Why a head must be sent at once; AT_ONCE_NO: it may be held. */
enum http_at_once {
	AT_ONCE_NO,
	AT_ONCE_NO_BODY, /* no body follows: 1xx, 204, 304, length 0, answer to HEAD, request without framing */
	AT_ONCE_EXPECT,  /* request with Expect (100-continue): the peer answers before the body */
	AT_ONCE_UPGRADE, /* request with Upgrade: the peer answers before the body */
	AT_ONCE_TUNNEL,  /* 101, CONNECT, 2xx to a CONNECT: what follows this head is not HTTP */
	AT_ONCE_STREAM,  /* text/event-stream, multipart/x-mixed-replace, X-Accel-Buffering: no */
	AT_ONCE_UNCLEAR, /* request whose framing cannot be told (bad Content-Length, last coding not chunked) */
};

struct http_head {
	size_t size;             /* bytes up to and including the first empty line */
	bool request;            /* else a response */
	uint16_t status;         /* responses: 100..999; 0 in requests */
	enum http_method method; /* of a request: its own; of a response: that of the request, as the caller gave it */
	enum http_body body;
	enum http_at_once at_once;
	uint64_t length; /* BODY_LENGTH only */
};

/* True: no memory of a program lies at p, because that is below all addresses that may be mapped (vm.mmap_min_addr) or,
 * on x86-64, in the kernel's half. On other architectures a program's addresses may lie above the middle, or have a tag
 * in the highest byte. */
static inline bool http_nowhere(const void *p)
{
#ifdef __x86_64__
	return (intptr_t)p < 65536;
#else
	return (uintptr_t)p + 4096 < 65536 + 4096; /* nor does any lie in the last page, where MAP_FAILED is */
#endif
}

/* A cheap first look at bytes that are hardly ever HTTP. False: they do not begin a message (no message begins with a
 * write of less than 8 bytes). True: http_opens() or http_head() has to decide. */
static inline bool http_may_open(const char *p, size_t n)
{
	return n >= 8 && !http_nowhere(p) && (unsigned char)(p[0] - 'A') < 26 && (unsigned char)(p[2] - 'A') < 26;
}

/* Do these bytes, the first of a write, begin a message: "HTTP/1." or "METHOD SP target SP HTTP/1."? They do only if
 * this very write has the start line up to its version. */
bool http_opens(const char *p, size_t n);

/* How many bytes are there up to and including the first empty line that ends at p[seen] or later? 0: none ends in
 * these n bytes, which begin a message. No page behind that line is read. */
size_t http_ends(const char *p, size_t n, size_t seen);

/* Parse the first n bytes of a message; *out is set if the result is HTTP_HEAD. `seen`: how many of them an earlier
 * call was given that returned HTTP_MORE (0 the first time), so that the search for the empty line need not begin anew.
 * `answers`: the method of the request that a response answers, METHOD_OTHER if it is not known. */
enum http_verdict http_head(const char *p, size_t n, size_t seen, enum http_method answers, struct http_head *out);

/* The method at the beginning of a request; only HEAD and CONNECT are told apart from METHOD_OTHER. HTTP_MORE: these n
 * bytes may become one of the two. HTTP_HEAD: *method is known. */
enum http_verdict http_request_method(const char *p, size_t n, enum http_method *method);

/* Words for traces. */
const char *http_at_once_name(enum http_at_once why);

#endif
