#include "turn.h"

#include <errno.h>
#include <signal.h>

#include "late.h"
#include "real.h"
#include "room.h"

#ifndef SS_AUTODISARM
#define SS_AUTODISARM (1u << 31)
#endif

_Thread_local struct turn_mark turn_mark;
_Thread_local int turn_cancel_state = PTHREAD_CANCEL_DISABLE;
_Thread_local unsigned turn_restored;
_Thread_local struct turn_flight turn_flights[2];
/* This thread had a signal stack with SS_AUTODISARM (turn_stack). */
static _Thread_local bool disarms __attribute__((tls_model("initial-exec")));

/* This thread meets its own turn, which it took when its frame was at `taken_at`, with its frame at `met_at`. Was the
 * turn left by a jump? A handler's frame is deeper in the stack than the frames that it interrupted, unless the handler
 * has a stack of its own. */
static bool is_left(const struct lock *l, uintptr_t taken_at, uintptr_t met_at)
{
	stack_t s;
	int saved = errno;
	if (lock_is_jumped(l))
		return true;
	/* On another stack depths say nothing. */
	bool elsewhere = disarms || (own()->sigaltstack(NULL, &s) == 0 && (s.ss_flags & SS_ONSTACK));
	errno = saved;
	return !elsewhere && met_at >= taken_at;
}

void turn_stack(const stack_t *stack)
{
	if ((unsigned)stack->ss_flags & SS_AUTODISARM)
		disarms = true; /* for good: a handler may set another stack meanwhile */
}

/* Makes a turn that was taken over usable: its owner jumped out of it. */
static void inherit(struct msg *m)
{
	atomic_fetch_and(&m->lock.word, ~(uintptr_t)LOCK_JUMPED);
	late_recover(m);
}

/* Waits for the turn. Returns LOCK_MINE if a signal handler interrupted this thread's own turn. */
static enum lock_result take(struct msg *m, uintptr_t outer_frame, uintptr_t here)
{
	enum lock_result result = lock_try(&m->lock) ? LOCK_TAKEN : lock_wait(&m->lock, &m->calling);
	if (result == LOCK_ORPHAN || (result == LOCK_MINE && is_left(&m->lock, outer_frame, here))) {
		inherit(m);
		result = LOCK_TAKEN;
	}
	return result;
}

void turn_give_stale(struct msg *m)
{
	do
		late_drain(m);
	while (!lock_give_unless_left(&m->lock));
}

struct msg *turn_take(struct conn *c, int fd, bool make, bool *mine)
{
	struct turn_mark outer = turn_mark;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	struct msg *m, *none;
	*mine = false;
	for (;;) {
		none = NULL;
		if ((m = atomic_load(&c->msg)) == NULL) {
			if (!make || (m = msg_new(fd)) == NULL)
				break;
			turn_mark = (struct turn_mark){ here, &m->lock, outer.lock };
			if (atomic_compare_exchange_strong(&c->msg, &none, m))
				break;
			turn_mark = outer;
			msg_free(m);
			continue;
		}
		turn_mark = (struct turn_mark){ here, &m->lock, outer.lock };
		enum lock_result result = take(m, outer.frame, here);
		if (result != LOCK_TAKEN) {
			*mine = result == LOCK_MINE;
			turn_mark = outer;
			return *mine ? m : NULL;
		}
		if (atomic_load(&c->msg) == m)
			break;
		turn_give_stale(m);
	}
	if (m != NULL)
		m->outer = outer;
	else
		turn_mark = outer;
	return m;
}

struct msg *turn_take_old(struct conn *c, int fd)
{
	bool mine;
	struct msg *m = turn_take(c, fd, false, &mine);
	return mine ? NULL : m;
}

struct msg *turn_try(struct conn *c)
{
	struct msg *m = atomic_load(&c->msg);
	return m != NULL && turn_take_now(c, m) ? m : NULL;
}

bool turn_take_detached(struct msg *m)
{
	struct turn_mark outer = turn_mark;
	uintptr_t here = (uintptr_t)__builtin_frame_address(0);
	turn_mark = (struct turn_mark){ here, &m->lock, outer.lock };
	bool got_turn = take(m, outer.frame, here) == LOCK_TAKEN;
	if (got_turn)
		m->outer = outer;
	else
		turn_mark = outer;
	return got_turn;
}

/* Takes an idle message off its connection and frees it. Returns false if a closer took it off before, or a signal
 * handler has left bytes. The caller has the turn, and loses it if the result is true. */
static bool retire(struct msg *m)
{
	struct conn *c = conn_find(m->fd);
	struct msg *expected = m;
	if (c == NULL || !late_end(m) || !atomic_compare_exchange_strong(&c->msg, &expected, NULL))
		return false;
	msg_free(m);
	return true;
}

/* A signal handler closed the descriptor while this thread was in a call of its turn. The call is over now, so the
 * descriptor can be closed. */
static void close_now(struct msg *m)
{
	int fd = m->fd, saved = errno;
	m->close_later = false;
	turn_end(m, true);
	libc()->close(fd);
	errno = saved;
}

void turn_give_slowly(struct msg *m)
{
	struct turn_mark outer = m->outer;
	do {
		if (m->close_later) {
			close_now(m);
			return;
		}
		late_drain(m);
		bool idle = atomic_load_explicit(&m->state, memory_order_relaxed) == IDLE &&
		            !atomic_load(&m->deadline.watched);
		/* what a message has learned is its connection's, and is kept */
		if (idle && m->habit.vain == NOT_IN_VAIN && retire(m))
			break;
	} while (!lock_give_unless_left(&m->lock));
	turn_mark = outer;
}

/* A detached message is freed by a closer that has its turn, or else by the helper, which learns by `detached` that it
 * is to do so. Setting that is the closer's last access, since the helper may recycle the message at once; so the
 * message is watched before. */
void turn_end(struct msg *m, bool locked)
{
	struct turn_mark outer = m->outer;
	if (!locked || !lock_is_mine(&m->lock)) { /* a handler that jumped within itself may have cost the turn */
		deadline_watch(&m->deadline, now_ns());
		atomic_store(&m->detached, 1);
		return;
	}
	late_drain(m);
	if (atomic_load(&m->deadline.watched)) {
		atomic_store(&m->detached, 1);
		lock_give(&m->lock);
	} else {
		msg_free(m);
	}
	turn_mark = outer;
}

static struct msg *message_of(struct lock *l)
{
	return (struct msg *)((char *)l - offsetof(struct msg, lock));
}

/* Marks this turn as left by a jump. Returns false if this thread does not have it, or has marked it before. A joined
 * write that should not have waited, and that a signal interrupted before it had taken anything, was waiting for room:
 * then nothing counts as sent. */
static bool leave(struct lock *l)
{
	struct msg *m = l != NULL ? message_of(l) : NULL;
	if (m == NULL || !lock_is_mine(l) || lock_is_jumped(l))
		return false;
	if (atomic_load(&m->calling) == CALLING && room_is_none(m->fd))
		atomic_store(&m->calling, NOT_CALLING);
	lock_jump(l);
	return true;
}

void turn_cancel_anywhere(void)
{
	const struct threads *t = threads();
	int type;
	if (t->pthread_setcanceltype != NULL && t->pthread_setcanceltype(PTHREAD_CANCEL_DEFERRED, &type) == 0 &&
	    type == PTHREAD_CANCEL_ASYNCHRONOUS)
		t->pthread_setcanceltype(type, &type);
}

/* A handler may have interrupted the turn of another handler, so all turns of this thread are left. The innermost one
 * may not be taken yet, which ends nothing here. */
void turn_jump(void)
{
	for (struct turn_flight *f = turn_flights; f < turn_flights + 2; f++) {
		if (f->m != NULL)
			atomic_compare_exchange_strong(&f->m->flying, &(unsigned){ f->number }, 0);
		f->m = NULL;
	}
	leave(turn_mark.lock);
	for (struct lock *l = turn_mark.outer; leave(l);)
		l = message_of(l)->outer.lock;
	if (turn_cancel_state == PTHREAD_CANCEL_ENABLE) {
		turn_restored++;
		turn_cancellable(PTHREAD_CANCEL_ENABLE);
	}
}

void turn_abandon(struct msg *m)
{
	int cancel = turn_uncancellable();
	turn_end(m, turn_take_detached(m));
	turn_cancellable(cancel);
}
