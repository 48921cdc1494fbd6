#include "late.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "pool.h"
#include "real.h"
#include "room.h"

enum { ROOM = 65536 - 4 * sizeof(size_t) };
#define CLOSED SIZE_MAX

/* Handler and thread are one thread: what the one does between two instructions of the other is complete. So one atomic
 * exchange of `len` settles whether more came before the thread was through. */
struct late {
	_Atomic size_t len; /* CLOSED: all of it is sent */
	char bytes[ROOM];
};

/* Bytes go past the books. */
static void uncounted(const struct msg *m)
{
	struct conn *c = conn_find(m->fd);
	if (c != NULL)
		room_unknown(c);
}

/* A call that was left was one for which there was room, and a signal is delivered at its end: so it took all. Where
 * that is not sure no signal is delivered before it is known (emit.h). */
void late_recover(struct msg *m)
{
	enum calling calling = atomic_exchange(&m->calling, NOT_CALLING);
	int saved = errno;
	uncounted(m);
	if (calling == CALLING) {
		emit_push(m->fd, m); /* it may have been told that more follows */
		msg_gone(m, IDLE);
	} else if (m->state == IDLE) {
		msg_clear(m); /* a head that was being copied is the program's to write again */
	}
	late_drain(m);
	errno = saved;
}

/* Returns how many bytes it had room for; -1: there is no memory. */
static ssize_t queue(struct msg *m, const struct call *call)
{
	struct late *l = atomic_load(&m->late);
	if (l == NULL || atomic_load(&l->len) == CLOSED)
		l = pool_pages(sizeof *l);
	if (l == NULL)
		return -1;
	size_t n = 0, len = atomic_load(&l->len);
	for (size_t i = 0; i < call->iovcnt && len + n < ROOM; i++) {
		size_t room = ROOM - len - n, part = call->iov[i].iov_len < room ? call->iov[i].iov_len : room;
		memcpy(l->bytes + len + n, call->iov[i].iov_base, part);
		n += part;
	}
	atomic_store(&l->len, len + n);
	atomic_store(&m->late, l);
	atomic_store(&m->late_waits, 1);
	lock_leave(&m->lock);
	return (ssize_t)n;
}

/* Another handler could interrupt this one and write to the same place. No write that is usual keeps room on its stack
 * for the signals. */
__attribute__((noinline)) ssize_t late_write(struct msg *m, const struct call *call)
{
	sigset_t before;
	uncounted(m);
	if (call->flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE | MSG_EOR))
		return emit_call(call);
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

/* A call that can say so is told what was lost: it was said to be written. */
static void sent(struct msg *m, int error)
{
	emit_uncork(m, m->fd);
	if (error != 0)
		m->error = emit_is_final(error) ? error : EIO;
	msg_state(m, error != 0 ? FAILED : IDLE);
}

void late_send(struct msg *m)
{
	for (struct late *l;;) {
		atomic_store(&m->late_waits, 0); /* first: a handler that comes later sets it again */
		if ((l = atomic_load(&m->late)) == NULL)
			break;
		atomic_store(&m->late_waits, 1);
		uncounted(m);
		int error = emit_surely(m->fd, m->buf + m->sent, m->len - m->sent, &m->sent);
		msg_clear(m);
		for (size_t done = 0, len; !atomic_compare_exchange_strong(&l->len, &(size_t){ done }, CLOSED);
		     done = len) {
			len = atomic_load(&l->len);
			if (error == 0)
				error = emit_surely(m->fd, l->bytes + done, len - done, &(size_t){ 0 });
		}
		sent(m, error);
		/* unless a handler has begun another */
		atomic_compare_exchange_strong(&m->late, &(struct late *){ l }, NULL);
		munmap(l, sizeof *l);
	}
}
