/* What are these bytes? Applies the recogniser (http.h) and the framing (framing.h) to one output call. Changes nothing
 * of a message but m->head, m->known, and m->buf behind m->len. The caller has the turn. */
#ifndef ONEWRITE_LOOK_H
#define ONEWRITE_LOOK_H

#include "conn.h"
#include "emit.h"
#include "reason.h"

struct sight {
	enum hold_event event;
	enum reason why;
	size_t head_bytes; /* how many of the call's bytes belong to a head that was not complete before the call */
	bool in_head;      /* the bytes begin a head, or continue one */
	bool head_done;    /* the message's head is complete with this call, and is described by m->head */
	struct framing framing; /* the state of the message's body when all of the call is written */
};

/* Do the call's bytes open a message? */
static inline bool look_opens(const struct call *call)
{
	const struct iovec *v = call->iov;
	return call->iovcnt > 0 && http_may_open(v->iov_base, v->iov_len) && http_opens(v->iov_base, v->iov_len);
}

/* Fills in *s. `answers` is the method of the request that was read last. Bytes of a body are not read, unless they may
 * be the next head. */
void look(struct msg *m, enum http_method answers, const struct call *call, struct sight *s);

/* Are these n bytes exactly one head, with an end as RFC 9112 has it? Then m->head describes it, m->buf begins with it,
 * and m->known is n, so that an equal head need not be parsed again. The caller has seen that the bytes may open a
 * message (http_may_open). */
bool look_whole_head(struct msg *m, enum http_method answers, const char *p, size_t n);

/* Feeds bytes [from, to) of the call to the framing. *consumed is as in framing_follow(). */
enum framing_verdict look_follow(struct framing *f, const struct call *call, size_t from, size_t to, size_t *consumed);

/* Copies the call's first bytes, at most `room`. Returns how many. */
size_t look_copy(char *to, size_t room, const struct call *call);

#endif
