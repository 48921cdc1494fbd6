#include "unread.h"

#include <errno.h>

#include "admit.h"
#include "note.h"

static bool opens_response(const struct call *call)
{
	return look_opens(call) && memcmp(call->iov->iov_base, "HTTP/", 5) == 0;
}

void unread_followed(struct conn *c, const struct call *call)
{
	if (atomic_load_explicit(&c->unread, memory_order_relaxed) && !opens_response(call))
		once_missed(&c->unread);
}

/* A head alone that is the whole response says nothing. While a trace is written, all are looked at. */
static void judge(const struct call *call, const struct sight *s)
{
	if (s->event == NOT_OURS || s->event == OPAQUE || !opens_response(call))
		return;
	if (s->event != BODY_END)
		once_end();
	else if (s->head_bytes < call->size && config.trace == NULL)
		once_whole();
}

/* If the call before was passed unread and failed, nobody has looked at that. So before a head is held, the kernel is
 * asked whether there still is a connection. */
struct hold_rule unread_judge(struct conn *c, const struct call *call, const struct sight *s, struct hold_rule rule)
{
	judge(call, s);
	if (!atomic_load_explicit(&c->unread, memory_order_relaxed))
		return rule;
	atomic_store_explicit(&c->unread, 0, memory_order_relaxed);
	return rule.action != KEEP || admit_is_still_connected(c, call->fd) ? rule : hold_without(rule);
}

/* What follows a response that was cut short is its rest, and no miss. A connection that was closed and made anew
 * meanwhile has no such mark. */
ssize_t unread_call(const struct call *call)
{
	struct conn *c = conns + call->fd;
	note_unread(call->fd);
	ssize_t r = emit_call(call);
	if (r != (ssize_t)call->size && atomic_exchange_explicit(&c->unread, 0, memory_order_relaxed) && r < 0 &&
	    emit_is_final(errno))
		conn_set(c, CONN_SHUT);
	return r;
}
