#include "observe.h"

#include <errno.h>
#include <netinet/in.h>
#include <sys/mman.h>
#include <sys/stat.h>

#include "config.h"
#include "look.h"
#include "note.h"
#include "own.h"
#include "real.h"
#include "request.h"

enum kind {
	NO_TCP, /* nothing that is known to be one */
	TCP,    /* a TCP socket, which may be a listener */
	CONNECTION,
};

/* What is known of a descriptor. */
struct observed {
	_Atomic uint8_t kind;    /* enum kind, relaxed */
	_Atomic uint8_t nodelay; /* TCP_NODELAY is set; relaxed */
	_Atomic uint8_t corked;  /* TCP_CORK is set; relaxed */
	struct request request;
	/* A thread follows what is written; it guards all but the fields above. Nobody waits for it, so it is no lock
	 * (lock.h), which would ask for the thread's number. */
	_Atomic uint8_t busy;
	struct msg m; /* `m.lock` is not used */
};

/* Descriptors from this number on are not followed. */
enum { OBSERVED = 1024, LOADED_LOOK = 64 };

/* Pages that were never touched cost no memory. Set by the constructor. */
static struct observed *all;
static char (*heads)[HTTP_HEAD_MAX];

static struct observed *find(int fd)
{
	return all != NULL && (unsigned)fd < OBSERVED ? all + fd : NULL;
}

static bool is(const struct observed *w, enum kind kind)
{
	return w != NULL && atomic_load_explicit(&w->kind, memory_order_relaxed) == kind;
}

static void set_kind(struct observed *w, enum kind kind)
{
	if (w != NULL)
		atomic_store_explicit(&w->kind, kind, memory_order_relaxed);
}

static bool enter(struct observed *w)
{
	return !atomic_exchange_explicit(&w->busy, 1, memory_order_acquire);
}

static void leave(struct observed *w)
{
	atomic_store_explicit(&w->busy, 0, memory_order_release);
}

bool observe_begin(void)
{
	struct stat s;
	size_t size = OBSERVED * (sizeof *all + sizeof *heads);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
	if (p == MAP_FAILED)
		return false;
	heads = p;
	all = (struct observed *)(void *)(heads + OBSERVED);
	for (int fd = 0; fd < LOADED_LOOK; fd++)
		if (own_fstat(fd, &s) == 0 && S_ISSOCK(s.st_mode) && conn_is_tcp(fd))
			set_kind(find(fd), TCP);
	return true;
}

void observe_in_child(void)
{
	for (int fd = 0; fd < OBSERVED; fd++)
		if (is(find(fd), CONNECTION))
			leave(find(fd));
}

/* --- what a message is known by --------------------------------------------------------------- */

static void begin(struct observed *w, int fd)
{
	struct msg *m = &w->m;
	m->buf = heads[fd];
	m->cap = sizeof heads[fd];
	m->fd = fd;
	m->known = m->due = m->size = 0;
	msg_clear(m);
	atomic_store_explicit(&m->state, IDLE, memory_order_relaxed);
	request_begin(&w->request, true);
	set_kind(w, CONNECTION);
}

static void end(struct msg *m, enum hold_state next)
{
	msg_clear(m);
	m->due = 0;
	atomic_store_explicit(&m->state, next, memory_order_relaxed);
}

/* What would be held goes, for this reason. */
static void let_go(struct msg *m, enum reason why)
{
	enum hold_state state = m->state;
	struct hold_rule rule = hold_decide(config.join, state, RELEASE);
	if (rule.action != EMIT)
		return;
	note(m, m->fd, state, RELEASE, EMIT, why, m->len);
	end(m, rule.next);
}

/* The helper would have looked at it by now. */
static void look_at_the_clock(struct msg *m)
{
	if (m->due != 0 && now_ns() > m->due)
		let_go(m, WHY_DEADLINE);
}

static void head_is_whole(struct observed *w, const struct http_head *h)
{
	w->m.request = h->request;
	if (h->at_once == AT_ONCE_TUNNEL)
		set_kind(w, NO_TCP);
	else if (!h->request && h->status >= 200)
		request_begin(&w->request, false);
	else
		request_hear(&w->request);
}

/* A body follows at once what was held in this state: Nagle's algorithm would have kept it until an ACK. */
static void count_stall(const struct observed *w, enum hold_state state)
{
	if (config.counts && hold_waits(state) && !atomic_load_explicit(&w->nodelay, memory_order_relaxed))
		stats_count(COUNT_STALLS, 1);
}

/* The kernel took all bytes of the call, so they can be read. */
static void follow(struct observed *w, const struct call *call)
{
	struct msg *m = &w->m;
	struct sight s;
	enum hold_state state = m->state;
	if (state == IDLE && !look_opens(call)) {
		note_opens_nothing(call->fd, call->iov->iov_base, call->iov->iov_len);
		return;
	}
	if (state == IDLE && (call->flags & MSG_MORE || atomic_load_explicit(&w->corked, memory_order_relaxed))) {
		note_passed_over(call->fd, WHY_PROGRAM_CORKS);
		return;
	}
	look(m, request_method(&w->request), call, &s);
	struct hold_rule rule = hold_decide(config.join, state, s.event);
	if (rule.action == EMIT) {
		note(m, call->fd, state, s.event, EMIT, s.why, m->len);
		end(m, IDLE);
		follow(w, call); /* as the beginning of a message, once */
		return;
	}
	if (rule.action == KEEP && m->len + call->size > m->cap)
		rule = hold_without(rule);
	if (config.counts && state == IDLE && s.event != NOT_OURS && s.event != OPAQUE)
		note_message(call->iov->iov_base);
	note(m, call->fd, state, s.event, rule.action, s.why, call->size);
	if (rule.action == JOIN || rule.action == JOIN_MORE)
		count_stall(w, state);
	if (rule.action == KEEP)
		m->len += look_copy(m->buf + m->len, call->size, call);
	if (m->due == 0 || rule.next == REST)
		m->due = now_ns() + config.timeout_ns;
	m->framing = s.framing;
	if (s.head_done)
		head_is_whole(w, &m->head);
	atomic_store_explicit(&m->read_since, 0, memory_order_relaxed);
	if (s.event == OPAQUE) /* where it goes on is not known */
		end(m, IDLE);
	else if (rule.next == IDLE || rule.next == STREAM)
		end(m, rule.next);
	else
		atomic_store_explicit(&m->state, rule.next, memory_order_relaxed);
	if (rule.action != KEEP)
		msg_clear(m);
}

/* --- what is seen ----------------------------------------------------------------------------- */

void observe_socket(int fd, bool tcp)
{
	struct observed *w = find(fd);
	if (w == NULL)
		return;
	set_kind(w, tcp ? TCP : NO_TCP);
	atomic_store_explicit(&w->nodelay, 0, memory_order_relaxed);
	atomic_store_explicit(&w->corked, 0, memory_order_relaxed);
}

void observe_accepted(int listener, int fd)
{
	const struct observed *l = find(listener);
	struct observed *w = find(fd);
	if (w == NULL || !is(l, TCP))
		return;
	uint8_t nodelay = atomic_load_explicit(&l->nodelay, memory_order_relaxed);
	uint8_t corked = atomic_load_explicit(&l->corked, memory_order_relaxed);
	atomic_store_explicit(&w->nodelay, nodelay, memory_order_relaxed);
	atomic_store_explicit(&w->corked, corked, memory_order_relaxed);
	if (enter(w)) {
		begin(w, fd);
		leave(w);
	}
}

void observe_connected(int fd)
{
	struct observed *w = find(fd);
	if (is(w, TCP) && enter(w)) {
		begin(w, fd);
		leave(w);
	}
}

void observe_read(int fd, size_t n, const struct iovec *iov, size_t iovcnt)
{
	struct observed *w = find(fd);
	if (!is(w, CONNECTION) || !enter(w))
		return;
	int saved = errno;
	atomic_store_explicit(&w->m.read_since, 1, memory_order_relaxed);
	request_follow_all(&w->request, n, iov, iovcnt);
	leave(w);
	errno = saved;
}

void observe_lead(int fd, size_t n)
{
	struct observed *w = find(fd);
	if (!is(w, CONNECTION) || !enter(w))
		return;
	int saved = errno;
	struct msg *m = &w->m;
	look_at_the_clock(m);
	if (m->state != IDLE) {
		enum hold_state state = m->state;
		struct hold_rule rule = hold_decide(config.join, state, OPAQUE);
		note(m, fd, state, OPAQUE, rule.action, WHY_LEAD, n);
		count_stall(w, state);
		bool goes_on = framing_skip(&m->framing, n) == FRAMING_INSIDE;
		end(m, goes_on ? rule.next : IDLE);
		if (hold_waits(m->state) || m->state == REST)
			m->due = now_ns() + config.timeout_ns;
	}
	leave(w);
	errno = saved;
}

void observe_nodelay(int fd, bool on)
{
	struct observed *w = find(fd);
	if (w != NULL)
		atomic_store_explicit(&w->nodelay, on, memory_order_relaxed);
}

void observe_cork(int fd, bool on)
{
	struct observed *w = find(fd);
	if (w != NULL)
		atomic_store_explicit(&w->corked, on, memory_order_relaxed);
}

void observe_released(int fd, enum reason why)
{
	struct observed *w = find(fd);
	if (!is(w, CONNECTION) || !enter(w))
		return;
	int saved = errno;
	look_at_the_clock(&w->m);
	let_go(&w->m, why);
	leave(w);
	errno = saved;
}

void observe_released_all(enum reason why)
{
	for (int fd = 0; fd < OBSERVED; fd++)
		observe_released(fd, why);
}

void observe_passed_over(int fd)
{
	struct observed *w = find(fd);
	if (!is(w, CONNECTION) && !is(w, TCP))
		return;
	set_kind(w, NO_TCP);
	note_passed_over(fd, WHY_OPTION_SET);
}

void observe_closing(unsigned first, unsigned last)
{
	for (unsigned fd = first; fd <= last && fd < OBSERVED; fd++) {
		struct observed *w = find((int)fd);
		if (is(w, CONNECTION)) {
			observe_released((int)fd, WHY_CLOSE);
			note_closed((int)fd, true);
		}
		set_kind(w, NO_TCP);
	}
}

ssize_t observe_call(const struct call *call)
{
	struct observed *w = find(call->fd);
	ssize_t r = emit_call(call);
	if (r <= 0 || !is(w, CONNECTION) || !enter(w))
		return r;
	int saved = errno;
	look_at_the_clock(&w->m);
	if ((size_t)r == call->size)
		follow(w, call);
	else
		end(&w->m, IDLE); /* where the message goes on is not known */
	leave(w);
	errno = saved;
	return r;
}
