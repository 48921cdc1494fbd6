#include "late.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>

#include "pool.h"
#include "real.h"

enum { ROOM = HTTP_HEAD_MAX - sizeof(size_t) };

struct late {
	size_t len;
	char bytes[ROOM];
};

bool late_is_abandoned(struct msg *m, uintptr_t frame)
{
	stack_t s;
	int saved = errno;
	bool elsewhere = sigaltstack(NULL, &s) == 0 && (s.ss_flags & SS_ONSTACK); /* then depths say nothing */
	errno = saved;
	if (elsewhere || m->frame == 0 || frame < m->frame)
		return false;
	/* A jump out of a call that was on its way: what was held went with it, as far as anybody can tell. */
	if (m->in_call) {
		msg_clear(m);
		msg_state(m, IDLE);
		m->in_call = false;
	}
	late_drain(m);
	return true;
}

ssize_t late_write(struct msg *m, const struct call *call)
{
	struct late *l = m->late != NULL ? m->late : pool_pages(sizeof *l);
	size_t n = 0;
	if (l == NULL || call->flags & ~(MSG_NOSIGNAL | MSG_DONTWAIT | MSG_MORE | MSG_EOR))
		return emit_call(call);
	m->late = l;
	for (size_t i = 0; i < call->iovcnt && l->len < ROOM; i++) {
		size_t part = call->iov[i].iov_len < ROOM - l->len ? call->iov[i].iov_len : ROOM - l->len;
		memcpy(l->bytes + l->len, call->iov[i].iov_base, part);
		l->len += part;
		n += part;
	}
	if (n == 0 && call->size > 0) {
		errno = EAGAIN;
		return -1;
	}
	return (ssize_t)n;
}

void late_drain(struct msg *m)
{
	struct late *l = m->late;
	if (l == NULL)
		return;
	m->late = NULL;
	emit_surely(m->fd, m->buf + m->sent, m->len - m->sent);
	emit_surely(m->fd, l->bytes, l->len);
	munmap(l, sizeof *l);
	msg_clear(m);
	msg_state(m, IDLE);
}
