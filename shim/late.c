#include "late.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "pool.h"
#include "real.h"

enum { ROOM = 65536 - 4 * sizeof(size_t) };
#define CLOSED SIZE_MAX

/* Handler and thread are one thread: what the one does between two instructions of the other is complete. So one atomic exchange of
 * `len` settles whether more came before the thread was through. */
struct late {
	_Atomic size_t len; /* CLOSED: all of it is sent */
	char bytes[ROOM];
};

bool late_is_abandoned(struct msg *m, uintptr_t then, uintptr_t now)
{
	stack_t s;
	int saved = errno;
	bool elsewhere = sigaltstack(NULL, &s) == 0 && (s.ss_flags & SS_ONSTACK); /* then depths say nothing */
	errno = saved;
	if (!(then & HOOK_LEFT) && (elsewhere || now < then))
		return false;
	/* A jump out of a call that was on its way: what was held went with it, as far as anybody can tell. */
	if (atomic_exchange(&m->in_call, 0)) {
		emit_uncork(m, m->fd);
		msg_clear(m);
		msg_state(m, IDLE);
	}
	late_drain(m);
	return true;
}

ssize_t late_write(struct msg *m, const struct call *call)
{
	struct late *l = atomic_load(&m->late);
	if (call->flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE | MSG_EOR))
		return emit_call(call);
	if (l == NULL || atomic_load(&l->len) == CLOSED)
		l = pool_pages(sizeof *l);
	if (l == NULL)
		return emit_call(call);
	size_t n = 0, len = atomic_load(&l->len);
	for (size_t i = 0; i < call->iovcnt && len + n < ROOM; i++) {
		size_t room = ROOM - len - n, part = call->iov[i].iov_len < room ? call->iov[i].iov_len : room;
		memcpy(l->bytes + len + n, call->iov[i].iov_base, part);
		n += part;
	}
	atomic_store(&l->len, len + n);
	atomic_store(&m->late, l);
	lock_leave(&m->lock);
	if (n == 0 && call->size > 0) {
		errno = EAGAIN;
		return -1;
	}
	return (ssize_t)n;
}

void late_send(struct msg *m)
{
	struct late *l;
	while ((l = atomic_load(&m->late)) != NULL) {
		emit_surely(m->fd, m->buf + m->sent, m->len - m->sent, true, &m->sent);
		msg_clear(m);
		for (size_t sent = 0, len; !atomic_compare_exchange_strong(&l->len, &(size_t){ sent }, CLOSED); sent = len) {
			len = atomic_load(&l->len);
			emit_surely(m->fd, l->bytes + sent, len - sent, true, &(size_t){ 0 });
		}
		emit_uncork(m, m->fd);
		msg_state(m, IDLE);
		atomic_compare_exchange_strong(&m->late, &(struct late *){ l }, NULL); /* unless a handler has begun another */
		munmap(l, sizeof *l);
	}
}
