#include "look.h"

#include <string.h>

#include "lengths.h"
#include "readable.h"
#include "real.h"

/* --- no byte is read without need: if memory cannot be read, that is for the kernel to report - */

enum { PAGE = 4096 }; /* the smallest page size: a thread that has read one byte of a page can read all of it */

/* How many bytes are left in the page of p, from p on? */
static inline size_t left_in_page(const char *p)
{
	return PAGE - ((uintptr_t)p & (PAGE - 1));
}

/* Do these n bytes begin with a head? Pages behind the head's end are not read. */
static enum http_verdict head_of(const char *p, size_t n, enum http_method answers, struct http_head *head)
{
	size_t here = left_in_page(p);
	if (n > here) {
		enum http_verdict v = http_head(p, here, 0, answers, head);
		if (v == HTTP_HEAD || (v == HTTP_NO && (http_opens(p, here) || !http_opens(p, n))))
			return v;
		n = n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX;
		size_t end = http_ends(p, n, 0);
		n = end > 0 ? end : n;
	}
	return http_head(p, n, 0, answers, head);
}

/* Do these n bytes look like exactly one head, with an end as RFC 9112 has it? */
static inline bool ends_as_head(const char *p, size_t n)
{
	if (likely(n <= left_in_page(p)))
		return memcmp(p + n - 4, "\r\n\r\n", 4) == 0;
	return n <= HTTP_HEAD_MAX && http_opens(p, n) && http_ends(p, n, 0) == n;
}

/* Compares page by page. No head is a prefix of another one, so where one page is equal the next one has to be read
 * anyway. */
static __attribute__((noinline)) bool same_by_page(const char *p, const char *known, size_t n)
{
	for (size_t part; n > 0; p += part, known += part, n -= part) {
		part = left_in_page(p) < n ? left_in_page(p) : n;
		if (memcmp(p, known, part) != 0)
			return false;
	}
	return true;
}

/* --- the questions ---------------------------------------------------------------------------- */

size_t look_copy(char *to, size_t room, const struct call *call)
{
	size_t n = 0;
	if (call->iovcnt == 1) {
		n = call->size < room ? call->size : room;
		memcpy(to, call->iov->iov_base, n);
		return n;
	}
	for (size_t i = 0; i < call->iovcnt && n < room; i++) {
		size_t part = call->iov[i].iov_len < room - n ? call->iov[i].iov_len : room - n;
		memcpy(to + n, call->iov[i].iov_base, part);
		n += part;
	}
	return n;
}

enum framing_verdict look_follow(struct framing *f, const struct call *call, size_t from, size_t to,
                                 size_t *followed_bytes)
{
	if (framing_is_data(f, to - from)) {
		*followed_bytes = to - from;
		return framing_skip(f, to - from);
	}
	enum framing_verdict v = FRAMING_INSIDE;
	size_t at = 0, end = from;
	for (size_t i = 0; i < call->iovcnt && at < to && v == FRAMING_INSIDE; at += call->iov[i++].iov_len) {
		size_t len = call->iov[i].iov_len, skip = from > at ? from - at : 0, n = to - at < len ? to - at : len;
		if (skip >= n)
			continue;
		if (http_nowhere(call->iov[i].iov_base)) {
			v = FRAMING_LOST;
			break;
		}
		size_t t;
		v = framing_follow(f, (const char *)call->iov[i].iov_base + skip, n - skip, &t);
		end = at + skip + t;
	}
	*followed_bytes = end - from;
	return v;
}

/* The call's bytes from `from` on, in place, as far as they are contiguous: *n bytes. NULL: there are none. */
static const char *piece(const struct call *call, size_t from, size_t *n)
{
	size_t i = 0;
	while (i < call->iovcnt && from >= call->iov[i].iov_len)
		from -= call->iov[i++].iov_len;
	*n = i < call->iovcnt ? call->iov[i].iov_len - from : 0;
	return *n > 0 ? (const char *)call->iov[i].iov_base + from : NULL;
}

/* enough to tell whether they may be another head */
enum { FIRST_BYTES = 8 };

/* What is observed has been read by the kernel, and nothing is asked. */
static bool can_be_read(const void *p, size_t n)
{
	return config.observe || readable(p, n);
}

/* Looks at body bytes from `from` on, and at whatever begins behind the message's end in the same call. */
static void look_at_body(const struct call *call, size_t from, struct sight *s)
{
	for (;;) {
		size_t followed_bytes, n;
		struct http_head next;
		switch (look_follow(&s->framing, call, from, call->size, &followed_bytes)) {
		case FRAMING_INSIDE: s->event = framing_before_body(&s->framing) ? CHUNK_LINE : BODY_PART; return;
		case FRAMING_LOST: s->event = NOT_OURS, s->why = WHY_FRAMING_LOST; return;
		case FRAMING_END: break;
		}
		s->event = BODY_END;
		if ((from += followed_bytes) >= call->size)
			return;
		/* far from all that was read before, so it may not be readable */
		const char *p = piece(call, from, &n);
		if (!can_be_read(p, n < FIRST_BYTES ? n : FIRST_BYTES) ||
		    head_of(p, n, METHOD_OTHER, &next) != HTTP_HEAD) {
			/* a part of a head, or something else: it is not followed */
			s->event = NOT_OURS, s->why = WHY_BEHIND_THE_END;
			return;
		}
		s->why = WHY_PIPELINED;
		from += next.size;
		framing_begin(&s->framing, &next);
		if (from == call->size) {
			if (next.body != BODY_NONE)
				s->event = next.at_once == AT_ONCE_NO ? BODY_PART : NOT_OURS;
			return;
		}
	}
}

/* Is this write the head that the connection sent last? Within the second for which their Date header is the same,
 * servers often send the same head many times. */
static inline bool is_known(const struct msg *m, enum http_method answers, const char *p, size_t n)
{
	if (n != m->known || m->head.method != answers)
		return false;
	return likely(n <= left_in_page(p)) ? memcmp(p, m->buf, n) == 0 : same_by_page(p, m->buf, n);
}

bool look_whole_head(struct msg *m, enum http_method answers, const char *p, size_t n)
{
	if (m->len > 0)
		return false;
	if (is_known(m, answers, p, n))
		return true;
	if (!ends_as_head(p, n))
		return false;
	m->known = 0;
	if (http_head(p, n, 0, answers, &m->head) != HTTP_HEAD || m->head.size != n || !msg_reserve(m, n))
		return false;
	memcpy(m->buf, p, n);
	m->known = n;
	return true;
}

/* Copies the call's bytes behind what is held of the head, up to the head's end and not beyond, and reads the head. */
static enum http_verdict copy_head(struct msg *m, const struct call *call, enum http_method answers)
{
	size_t n = m->len, want = n + call->size < HTTP_HEAD_MAX ? n + call->size : HTTP_HEAD_MAX;
	bool head_ended = false;
	if (!msg_reserve(m, want))
		return HTTP_NO;
	for (size_t i = 0; i < call->iovcnt && !head_ended; i++) {
		const char *p = call->iov[i].iov_base;
		size_t left = call->iov[i].iov_len;
		if (left > 0 && http_nowhere(p))
			return HTTP_NO;
		while (left > 0 && n < want && !head_ended) {
			size_t part = left_in_page(p), seen = n;
			part = part < left ? part : left;
			part = part < want - n ? part : want - n;
			memcpy(m->buf + n, p, part);
			n += part, p += part, left -= part;
			head_ended = http_ends(m->buf, n, seen) > 0;
		}
	}
	return http_head(m->buf, n, m->len, answers, &m->head);
}

/* Reads the head in place if it is in one piece, so most heads that are not held are never copied; bytes of a body
 * behind it are not read. */
static enum http_verdict read_head(struct msg *m, const struct call *call, enum http_method answers)
{
	size_t n = call->iov->iov_len;
	const char *p = call->iov->iov_base;
	if (http_nowhere(p))
		return HTTP_NO;
	if (m->len == 0 && call->iovcnt == 1 && is_known(m, answers, p, n))
		return HTTP_HEAD;
	m->known = 0;
	enum http_verdict v = m->len == 0 ? head_of(p, n, answers, &m->head) : HTTP_MORE;
	return v == HTTP_MORE && (m->len > 0 || call->iovcnt > 1) ? copy_head(m, call, answers) : v;
}

_Static_assert(WHY_UNCLEAR - WHY_NO_BODY == AT_ONCE_UNCLEAR - AT_ONCE_NO_BODY, "the reasons are in the same order");
static enum reason reason_of(enum http_at_once at_once)
{
	return at_once == AT_ONCE_NO ? WHY_BODY_TO_COME : WHY_NO_BODY + (at_once - AT_ONCE_NO_BODY);
}

/* The call's bytes begin a head, or continue the one that is held: what is the head's state now? */
static void look_at_head(struct msg *m, const struct call *call, enum http_method answers, struct sight *s)
{
	size_t before = m->len;
	switch (read_head(m, call, answers)) {
	case HTTP_NO: s->event = NOT_OURS, s->why = WHY_NOT_HTTP; return;
	case HTTP_MORE:
		s->event = before + call->size < HTTP_HEAD_MAX ? HEAD_PART : NOT_OURS;
		s->why = s->event == HEAD_PART ? WHY_HEAD_GOES_ON : WHY_HEAD_TOO_LONG;
		s->head_bytes = call->size;
		return;
	case HTTP_HEAD: break;
	}
	const struct http_head *head = &m->head;
	s->head_done = true;
	s->head_bytes = head->size - before;
	s->why = reason_of(head->at_once);
	framing_begin(&s->framing, head);
	if (s->head_bytes == call->size) {
		s->event = head->body == BODY_NONE           ? BODY_END
		           : head->at_once == AT_ONCE_NO     ? HEAD_WHOLE
		           : head->at_once == AT_ONCE_EXPECT ? HEAD_ASKS
		                                             : HEAD_NOW;
	} else {
		look_at_body(call, s->head_bytes, s);
		if (head->at_once != AT_ONCE_NO && s->event != BODY_END)
			s->event = HEAD_NOW;
		else if (s->event == CHUNK_LINE)
			s->event = HEAD_WHOLE;
	}
}

/* Does the next head stand where body bytes are due? That is so if this message has no body after all (the answer to a
 * HEAD request that was not seen), or if its body went in a way that no hook saw. But a body may also look like a head
 * (message/http), so bytes that are data by the message's framing are read only once the peer was heard. */
static bool is_next(const struct msg *m, const struct call *call)
{
	bool heard = atomic_load_explicit(&m->read_since, memory_order_relaxed);
	bool data = framing_is_data(&m->framing, call->size);
	if (!heard && (data || !framing_before_body(&m->framing)))
		return false;
	if (framing_is_data(&m->framing, 1) && !can_be_read(call->iov->iov_base, FIRST_BYTES))
		return false; /* the lines between chunks are read anyway */
	return look_opens(call) && m->request == (memcmp(call->iov->iov_base, "HTTP/", 5) != 0);
}

void look(struct msg *m, enum http_method answers, const struct call *call, struct sight *s)
{
	enum hold_state state = m->state;
	*s = (struct sight){
		.event = BODY_PART, .why = WHY_BODY, .in_head = state == IDLE || state == HEAD, .framing = m->framing
	};
	if (call->flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE | MSG_EOR))
		s->event = OPAQUE, s->why = WHY_FLAGS;
	else if (call->size > EMIT_CALL_MAX) /* no call writes so many, and it may be no size at all */
		s->event = OPAQUE, s->why = WHY_SIZE;
	else if (call->hdr != NULL && (call->hdr->msg_namelen > 0 || length_of_control(call->hdr) > 0))
		s->event = OPAQUE, s->why = WHY_CONTROL;
	else if (s->in_head)
		look_at_head(m, call, answers, s);
	else if (is_next(m, call))
		s->event = HEAD_WHOLE, s->why = WHY_NEXT_HEAD;
	else
		look_at_body(call, 0, s);
}
