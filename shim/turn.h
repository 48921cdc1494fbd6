/* Whose turn is it on a connection? A message has one lock; whoever changes or emits what is held has it.
 *
 * Nobody who has it makes a call that may wait, so everybody else may wait for it: closers, readers, fork. Lookups take
 * no lock: a thread may lock a message that was recycled meanwhile for an instant; it sees that the connection points
 * elsewhere and looks again.
 *
 * Who has a turn cannot be cancelled. A signal handler can interrupt it, write to the same socket, and jump away
 * (late.h). */
#ifndef ONEWRITE_TURN_H
#define ONEWRITE_TURN_H

#include <pthread.h>
#include <signal.h>

#include "conn.h"
#include "own.h"

/* This thread's innermost turn: set before it has the lock, restored afterwards. */
#pragma GCC visibility push(hidden)
extern _Thread_local struct turn_mark turn_mark __attribute__((tls_model("initial-exec")));
/* This thread could be cancelled before it had a turn, or waited for one, and shall be again. */
extern _Thread_local bool turn_was_cancellable __attribute__((tls_model("initial-exec")));
/* This thread's own calls on their way, by the numbers of their writes: the innermost one, and one that a signal
 * handler interrupted with it. `m` is NULL where there is none. */
struct turn_flight {
	struct msg *m;
	unsigned number;
};
extern _Thread_local struct turn_flight turn_flights[2] __attribute__((tls_model("initial-exec")));
#pragma GCC visibility pop

/* The connection's message, locked; a new one if there is none and `make`. NULL: none, or it is another thread's that
 * waits in a call which was to take no time: then the program's call is best made as it is. *mine: this thread has the
 * turn already, and we are in a signal handler; the message is returned as it is, and is not to be given back. */
struct msg *turn_take(struct conn *c, int fd, bool make, bool *mine);
/* The same for a caller that has nothing to do in two cases, in which it gets NULL: there is no message, or the caller
 * is a signal handler that interrupted this thread's own turn. */
struct msg *turn_take_old(struct conn *c, int fd);
/* The same for a caller that does not wait: it gets NULL as well where another thread has the turn. */
struct msg *turn_try(struct conn *c);
/* The turn of a message in hand that nothing points to any more. False: this thread has it already, or another waits in
 * a call with it. */
bool turn_take_detached(struct msg *m);

/* Lock the connection's message m, if that is free and is it still. */
static inline bool turn_take_now(struct conn *c, struct msg *m)
{
	struct turn_mark outer = turn_mark;
	turn_mark = (struct turn_mark){ (uintptr_t)__builtin_frame_address(0), &m->lock, outer.lock };
	if (lock_try(&m->lock)) {
		if (atomic_load(&c->msg) == m) {
			m->outer = outer;
			return true;
		}
		lock_give(&m->lock); /* a stranger */
	}
	turn_mark = outer;
	return false;
}

/* Give the turn back. An idle message that nobody watches is recycled. */
void turn_give_slowly(struct msg *m);
static inline void turn_give(struct msg *m)
{
	struct turn_mark outer = m->outer;
	uintptr_t self = thread_self();
	if (!atomic_load_explicit(&m->late_waits, memory_order_relaxed) &&
	    (atomic_load_explicit(&m->state, memory_order_relaxed) != IDLE ||
	     atomic_load_explicit(&m->deadline.watched, memory_order_relaxed)) &&
	    atomic_compare_exchange_strong_explicit(&m->lock.word, &self, 0, memory_order_release,
	                                            memory_order_relaxed))
		turn_mark = outer;
	else
		turn_give_slowly(m);
}

/* Give back a message that conn_forget() detached; `locked`: the caller has its turn, and loses it. */
void turn_end(struct msg *m, bool locked);
/* The descriptor was closed behind our back, and its number is somebody else's now: what it held has no socket any
 * more. */
void turn_abandon(struct msg *m);

/* While a thread has a turn no call is a place to be cancelled. */
static inline int turn_uncancellable(void)
{
	int state = PTHREAD_CANCEL_DISABLE; /* before glibc 2.34, in a program without threads, nobody says */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
	if (state == PTHREAD_CANCEL_ENABLE)
		turn_was_cancellable = true;
	return state;
}

/* glibc cancels a thread here that may be cancelled anywhere; musl when that is set. */
void turn_cancel_anywhere(void);

static inline void turn_cancellable(int state)
{
	pthread_setcancelstate(state, NULL);
	if (state == PTHREAD_CANCEL_ENABLE) {
		turn_was_cancellable = false; /* last: who jumps away in between is cancellable all the more */
		if (!own()->is_glibc)
			turn_cancel_anywhere();
	}
}

/* Before a jump out of a signal handler, or a thread's end there: turns of this thread may never be given back, nor may
 * it come to turn_cancellable(). */
void turn_jump(void);

/* The program has given its signal handlers this stack. With SS_AUTODISARM the kernel forgets it while a handler runs
 * there, so from now on no depth tells whether this thread is in one. */
void turn_stack(const stack_t *stack);

#endif
