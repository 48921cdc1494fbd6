#include "late.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "pool.h"
#include "real.h"
#include "room.h"

enum { ROOM = 65536 - 4 * sizeof(size_t) };

/* The bytes that handlers have queued on one message. A handler and the thread that it interrupts are one thread, so
 * what the handler does is complete when the thread goes on. */
struct late {
	size_t len; /* bytes in use */
	char bytes[ROOM];
};

/* Bytes are written that are not counted, so the room in the send buffer is not known any more. */
static void uncounted(const struct msg *m)
{
	struct conn *c = conn_find(m->fd);
	if (c != NULL)
		room_unknown(c);
}

/* A jump can leave a system call only while m->calling is CALLING: then there was room for all bytes, and the signal
 * was delivered at the call's end, so they count as sent. Signals are blocked around all other calls (emit.h). */
void late_recover(struct msg *m)
{
	enum calling calling = atomic_exchange(&m->calling, NOT_CALLING);
	int saved = errno;
	struct late *no_more = LATE_NO_MORE;
	atomic_compare_exchange_strong(&m->late, &no_more, NULL);
	uncounted(m);
	if (calling == CALLING) {
		emit_push(m->fd, m); /* the call may have had MSG_MORE */
		msg_gone(m, IDLE);
	} else if (m->state == IDLE) {
		msg_clear(m); /* a head was being copied; its write has not returned, so it does not count */
	}
	late_drain(m);
	errno = saved;
}

/* Returns how many of the call's bytes there was room for; -1: there is no memory, or nothing is queued any more.
 * Signals are blocked. */
static ssize_t queue(struct msg *m, const struct call *call)
{
	struct late *l = atomic_load(&m->late);
	if (l == LATE_NO_MORE)
		return -1;
	if (l == NULL)
		l = pool_pages(sizeof *l);
	if (l == NULL)
		return -1;
	size_t n = 0, len = l->len;
	for (size_t i = 0; i < call->iovcnt && len + n < ROOM; i++) {
		size_t room = ROOM - len - n, part = call->iov[i].iov_len < room ? call->iov[i].iov_len : room;
		memcpy(l->bytes + len + n, call->iov[i].iov_base, part);
		n += part;
	}
	l->len = len + n;
	atomic_store(&m->late, l);
	atomic_store(&m->late_waits, 1);
	lock_leave(&m->lock);
	return (ssize_t)n;
}

/* Signals are blocked meanwhile, for another handler could interrupt this one and write to the same place. Not inline,
 * so that the stack frame of a usual write has no room for a signal mask. */
__attribute__((noinline)) ssize_t late_write(struct msg *m, const struct call *call)
{
	sigset_t before;
	uncounted(m);
	if (call->flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE | MSG_EOR))
		return emit_call(call);
	if (m->state == FAILED) { /* there was no room for an earlier handler's bytes, and it is not waited for again */
		errno = m->error != 0 ? m->error : EAGAIN;
		return -1;
	}
	emit_hold_signals(&before);
	ssize_t n = queue(m, call);
	emit_let_signals(&before);
	if (n < 0)
		return emit_call(call);
	if (n == 0 && call->size > 0) {
		errno = EAGAIN;
		return -1;
	}
	return n;
}

/* After the attempt to send, which ended with this error or 0. If bytes are lost that the program was told are written,
 * a later call reports an error. */
static void sent(struct msg *m, int error)
{
	emit_uncork(m, m->fd);
	if (error != 0)
		m->error = emit_is_final(error) ? error : EIO;
	msg_state(m, error != 0 ? FAILED : IDLE);
}

bool late_end(struct msg *m)
{
	struct late *none = NULL;
	return atomic_compare_exchange_strong(&m->late, &none, LATE_NO_MORE);
}

/* Signals are blocked from the first byte to the last note: a handler that closed the socket, jumped away or forked
 * meanwhile would leave it unknown how much was sent. */
void late_send(struct msg *m)
{
	sigset_t before;
	emit_hold_signals(&before);
	uint8_t calling = atomic_exchange(&m->calling, CALLING_WITHOUT_SIGNALS); /* nobody takes the turn over */
	struct late *l = atomic_load(&m->late);
	if (late_is_queue(l)) {
		uncounted(m);
		int error = emit_surely(m->fd, m->buf + m->sent, m->len - m->sent, &m->sent);
		msg_clear(m);
		if (error == 0)
			error = emit_surely(m->fd, l->bytes, l->len, &(size_t){ 0 });
		sent(m, error);
		atomic_store(&m->late, NULL);
		munmap(l, sizeof *l);
	}
	atomic_store(&m->late_waits, 0);
	atomic_store(&m->calling, calling);
	emit_let_signals(&before);
}
