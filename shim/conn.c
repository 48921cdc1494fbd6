#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include "late.h"
#include "pool.h"
#include "real.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef SO_COOKIE
#define SO_COOKIE 57
#endif

/* Longer than any limit that Linux has by default (fs.nr_open), 40 MB of addresses. */
#define CONN_MAX (1u << 20)

struct conn *conns;
_Atomic unsigned conn_count;
_Atomic unsigned conn_top;
static struct lock making;
atomic_int held_heads;
_Thread_local uintptr_t hook_frame;
atomic_uint conn_epoch = 1;

/* In pages that fork wipes. Messages are recycled as messages, never as anything else. */
struct own {
	_Atomic pid_t process; /* whose all this is; 0: a child's that has not said so */
	struct lock lock;      /* guards `free` */
	struct msg *free;
};
static struct own *_Atomic own;

static struct own *own_get(void)
{
	struct own *o = atomic_load(&own), *mine;
	if (o != NULL || (mine = pool_pages(sizeof *mine)) == NULL)
		return o;
	atomic_store(&mine->process, getpid());
	if (atomic_compare_exchange_strong(&own, &o, mine))
		return mine;
	munmap(mine, sizeof *mine);
	return o;
}

bool conn_of_parent(void)
{
	struct own *o = atomic_load(&own);
	pid_t process = o != NULL ? atomic_load(&o->process) : 0;
	return process != 0 && process != getpid();
}

void conn_own(void)
{
	struct own *o = atomic_load(&own);
	atomic_store(&making.word, 0); /* not in pages that were wiped: another thread of the parent may have had it */
	if (o != NULL)
		atomic_store(&o->process, getpid());
}

void epoch_raise(void)
{
	atomic_fetch_add(&conn_epoch, 1);
}

struct conn *conn_make_slowly(int fd)
{
	if (atomic_load(&conn_count) == 0 && lock_take(&making)) {
		struct rlimit limit;
		if (atomic_load(&conn_count) == 0 && getrlimit(RLIMIT_NOFILE, &limit) == 0) {
			unsigned n = limit.rlim_max < CONN_MAX ? (unsigned)limit.rlim_max : CONN_MAX;
			conns = own_get() != NULL ? pool_pages(n * sizeof *conns) : NULL;
			atomic_store(&conn_count, conns != NULL ? n : 0);
		}
		lock_give(&making);
	}
	struct conn *c = conn_find(fd);
	unsigned top = atomic_load(&conn_top);
	while (c != NULL && top <= (unsigned)fd && !atomic_compare_exchange_weak(&conn_top, &top, (unsigned)fd + 1)) {
	}
	return c;
}

void conn_forget_all(void)
{
	atomic_store(&making.word, 0);
	if (conns != NULL)
		memset(conns, 0, atomic_load(&conn_top) * sizeof *conns);
	atomic_store(&own, NULL);
	own_get();
}

/* --- life ----------------------------------------------------------------------------------------------------------------- */

static int option(int fd, int level, int name, int otherwise)
{
	int value = 0;
	socklen_t len = sizeof value;
	return libc()->getsockopt(fd, level, name, &value, &len) == 0 ? value : otherwise;
}

static bool is_tcp(int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

enum conn_kind conn_classify(struct conn *c, int fd)
{
	enum conn_kind kind = atomic_load_explicit(&c->kind, memory_order_relaxed);
	if (kind != CONN_UNKNOWN)
		return kind;
	int saved = errno;
	kind = is_tcp(option(fd, SOL_SOCKET, SO_PROTOCOL, -1)) ? CONN_TCP : CONN_OTHER;
	if (kind == CONN_TCP && !conn_has(c, CONN_SEEN) && option(fd, IPPROTO_TCP, TCP_CORK, 0))
		conn_set(c, CONN_CORKED); /* before we came */
	errno = saved;
	/* What was not seen to be created may be closed without our seeing it, too: a number is not remembered as no socket. */
	if (kind == CONN_TCP || conn_has(c, CONN_SEEN))
		atomic_store_explicit(&c->kind, kind, memory_order_relaxed);
	return kind;
}

uint64_t conn_cookie_of(int fd)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof cookie;
	return libc()->getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0 ? cookie : 0;
}

size_t conn_mss(struct conn *c, int fd)
{
	int mss = atomic_load_explicit(&c->mss, memory_order_relaxed);
	if (mss == 0) {
		int saved = errno;
		mss = option(fd, IPPROTO_TCP, TCP_MAXSEG, 536);
		mss = mss < UINT16_MAX ? mss : UINT16_MAX;
		atomic_store_explicit(&c->mss, (uint16_t)mss, memory_order_relaxed);
		errno = saved;
	}
	return (size_t)mss;
}

struct msg *conn_forget(struct conn *c)
{
	struct msg *m = NULL;
	if (atomic_load_explicit(&c->msg, memory_order_relaxed) != NULL)
		m = atomic_exchange(&c->msg, NULL);
	atomic_store_explicit(&c->kind, CONN_UNKNOWN, memory_order_relaxed);
	atomic_store_explicit(&c->flags, 0, memory_order_relaxed);
	atomic_store_explicit(&c->small, 0, memory_order_relaxed);
	request_end(&c->request);
	atomic_store_explicit(&c->cookie, 0, memory_order_relaxed);
	atomic_store_explicit(&c->mss, 0, memory_order_relaxed);
	return m;
}

void conn_doubt(struct msg *m)
{
	struct conn *c = conn_find(m->fd);
	if (c == NULL || atomic_load(&c->msg) != m)
		return;
	atomic_store(&c->kind, CONN_UNKNOWN);
	atomic_store(&c->flags, 0);
	atomic_store(&c->cookie, 0);
}

void conn_born(int fd, enum conn_kind kind, unsigned flags)
{
	struct conn *c = conn_make(fd);
	if (c == NULL || (!conn_unknown(fd) && conn_of_parent()))
		return;
	struct msg *stale = conn_forget(c); /* closed behind our back: what it held for has no socket any more */
	if (stale != NULL)
		conn_abandon(stale, msg_try_lock(stale, false));
	c->epoch = atomic_load(&conn_epoch);
	atomic_store_explicit(&c->kind, kind, memory_order_relaxed);
	atomic_store_explicit(&c->flags, (uint8_t)(flags | CONN_SEEN), memory_order_relaxed);
	if (flags & CONN_SERVER)
		request_begin(&c->request, true);
}

/* --- messages ------------------------------------------------------------------------------------------------------------- */

static struct msg *msg_new(int fd)
{
	struct own *s = own_get();
	struct msg *m = NULL;
	size_t got;
	if (s == NULL || !lock_take(&s->lock))
		return NULL;
	if ((m = s->free) != NULL)
		s->free = m->pool_link;
	lock_give(&s->lock);
	if (m == NULL && (m = pool_take(sizeof *m, &got)) == NULL)
		return NULL;
	if (!lock_take(&m->lock)) /* a stranger may look at it for an instant */
		return NULL;
	m->fd = fd;
	m->error = 0;
	m->cookie = m->due = 0;
	m->deadline = (struct deadline){ 0 };
	m->len = m->sent = m->known = 0;
	m->late = NULL;
	m->kernel = m->corked = m->request = m->sure = false;
	atomic_store(&m->read_since, 0);
	atomic_store(&m->in_call, 0);
	atomic_store(&m->elsewhere, 0);
	atomic_store(&m->closed, 0);
	atomic_store(&m->state, IDLE);
	return m;
}

/* Caller has the lock and loses it; nothing points to the message any more. */
void msg_free(struct msg *m)
{
	struct own *s = own_get();
	if (m->buf != NULL)
		pool_give(m->buf, m->cap);
	m->buf = NULL;
	m->cap = 0;
	msg_state(m, IDLE);
	atomic_store(&m->closed, 1);
	lock_give(&m->lock);
	if (s == NULL || !lock_take(&s->lock))
		return;
	m->pool_link = s->free;
	s->free = m;
	lock_give(&s->lock);
}

bool msg_reserve_slowly(struct msg *m, size_t need)
{
	if (need > HTTP_HEAD_MAX)
		return false;
	size_t got;
	char *bigger = pool_take(need < 512 ? 512 : need, &got);
	if (bigger == NULL)
		return false;
	if (m->buf != NULL) {
		memcpy(bigger, m->buf, m->len);
		pool_give(m->buf, m->cap);
	}
	m->buf = bigger;
	m->cap = got;
	return true;
}

struct msg *conn_lock_slowly(struct conn *c, int fd, bool make, bool *mine)
{
	uintptr_t before = hook_frame, here = (uintptr_t)__builtin_frame_address(0);
	struct msg *m, *none;
	*mine = false;
	hook_frame = here;
	for (;;) {
		none = NULL;
		if ((m = atomic_load(&c->msg)) == NULL) {
			if (!make || (m = msg_new(fd)) == NULL)
				break;
			if (atomic_compare_exchange_strong(&c->msg, &none, m))
				break;
			msg_free(m);
		} else if (!lock_take(&m->lock)) {
			*mine = !late_is_abandoned(m, before, here);
			break;
		} else if (atomic_load(&c->msg) == m) {
			break;
		} else {
			lock_give(&m->lock); /* a stranger */
		}
	}
	if (m != NULL && !*mine)
		m->before = before;
	else
		hook_frame = before;
	return m;
}

bool conn_must_wait(struct conn *c, int fd)
{
	for (;;) {
		struct msg *m = atomic_load(&c->msg);
		struct pollfd room = { .fd = fd, .events = POLLOUT };
		if (m == NULL || !lock_is_others(&m->lock))
			return false;
		if (atomic_load(&m->in_call) && poll(&room, 1, 0) == 0)
			return true;
		sched_yield();
	}
}

/* Whoever has the lock and cannot block is done in a moment; no futex, so that we see it should it turn to a call that may. */
bool msg_try_lock(struct msg *m, bool wait)
{
	uintptr_t before = hook_frame;
	hook_frame = (uintptr_t)__builtin_frame_address(0);
	while (!lock_try(&m->lock)) {
		bool mine = lock_is_mine(&m->lock);
		if (mine && late_is_abandoned(m, before, hook_frame))
			break;
		if (!wait || mine || atomic_load(&m->in_call)) {
			hook_frame = before;
			return false;
		}
		sched_yield();
	}
	m->before = before;
	return true;
}

struct msg *conn_try_lock(struct conn *c, bool wait)
{
	struct msg *m = atomic_load(&c->msg);
	if (m == NULL || !msg_try_lock(m, wait))
		return NULL;
	if (atomic_load(&c->msg) == m)
		return m;
	hook_frame = m->before;
	lock_give(&m->lock);
	return NULL;
}

bool conn_retire(struct msg *m)
{
	struct conn *c = conn_find(m->fd);
	struct msg *expected = m;
	if (c == NULL || !atomic_compare_exchange_strong(&c->msg, &expected, NULL))
		return false;
	late_drain(m); /* from here on no handler finds it any more */
	msg_free(m);
	return true;
}

/* A message that nothing watches and nobody needs goes back at once; a watched one is the helper's to give back. */
void conn_unlock_slowly(struct msg *m)
{
	uintptr_t before = m->before;
	do {
		late_drain(m);
		if (atomic_load_explicit(&m->state, memory_order_relaxed) == IDLE && !atomic_load(&m->deadline.watched) &&
		    conn_retire(m))
			break;
	} while (!lock_give_unless_left(&m->lock));
	hook_frame = before;
}

/* Whoever frees a detached message is the only one to know it: a closer with its lock, or else the helper, once it is told by `closed`.
 * Telling is the closer's last touch, for the message may be somebody else's a moment later; so it is watched before. */
void conn_abandon(struct msg *m, bool locked)
{
	uintptr_t before = m->before;
	if (!locked) {
		deadline_watch(&m->deadline, now_ns());
		atomic_store(&m->closed, 1);
		return;
	}
	late_drain(m);
	if (atomic_load(&m->deadline.watched)) {
		atomic_store(&m->closed, 1);
		lock_give(&m->lock);
	} else {
		msg_free(m);
	}
	hook_frame = before;
}
