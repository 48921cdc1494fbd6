/* What are these bytes? The recogniser and the framing applied to one output call. Changes nothing of a message but
 * m->head and m->known, and the room in m->buf. */
#ifndef ONEWRITE_LOOK_H
#define ONEWRITE_LOOK_H

#include "conn.h"
#include "emit.h"

struct sight {
	enum hold_event event;
	const char *why;        /* for the trace */
	size_t head_bytes;      /* how many of the call's bytes belong to a head that was not complete before */
	bool in_head;           /* they begin a head, or go on with one */
	bool head_done;         /* the message's head is complete with this call: it says m->head */
	struct framing framing; /* the message as it stands when all of the call is written */
};

/* Do the call's bytes open a message? */
static inline bool look_opens(const struct call *call)
{
	const struct iovec *v = call->iov;
	return call->iovcnt > 0 && http_may_open(v->iov_base, v->iov_len) && http_opens(v->iov_base, v->iov_len);
}

/* `answers`: the method of the request read last. Bytes of a body are not read, unless they may be the next head. */
void look(struct msg *m, enum http_method answers, const struct call *call, struct sight *s);

/* Are these n bytes a whole head, ended as the RFC has it, and nothing else? Then m->head says what it says, m->buf
 * begins with it, and m->known is n: it need not be read again if the next message brings the same. The bytes may open
 * a message (http_may_open). */
bool look_whole_head(struct msg *m, enum http_method answers, const char *p, size_t n);

/* Feed bytes [from, to) of the call to the framing. *taken as in framing_follow(). */
enum framing_verdict look_follow(struct framing *f, const struct call *call, size_t from, size_t to, size_t *taken);

/* Copy the call's first bytes, `room` at most. Returns how many. */
size_t look_copy(char *to, size_t room, const struct call *call);

#endif
