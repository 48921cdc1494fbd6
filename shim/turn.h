/* The turn: the lock of a message. Only the thread that has it may change the message or send what is held on its
 * connection.
 *
 * A thread makes no call that may wait while it has a turn (lock.h lists the exceptions), so closers, readers and fork
 * may wait for one. Finding a connection's message takes no lock, so a thread may lock a message that was recycled
 * meanwhile: it then sees that the connection points elsewhere, gives the lock back and looks again.
 *
 * A thread that has a turn cannot be cancelled. A signal handler can interrupt a turn, write to the same socket, and
 * jump away (late.h). */
#ifndef ONEWRITE_TURN_H
#define ONEWRITE_TURN_H

#include <pthread.h>
#include <signal.h>

#include "conn.h"
#include "own.h"

/* This thread's innermost turn. The mark is set before the lock is taken, and restored after it was given back. */
#pragma GCC visibility push(hidden)
extern _Thread_local struct turn_mark turn_mark __attribute__((tls_model("initial-exec")));
/* PTHREAD_CANCEL_ENABLE from before turn_uncancellable() makes this thread uncancellable until turn_cancellable() has
 * made it cancellable again: a jump has to restore that (turn_jump). Else PTHREAD_CANCEL_DISABLE. */
extern _Thread_local int turn_cancel_state __attribute__((tls_model("initial-exec")));
/* Counts the jumps that restored it. */
extern _Thread_local unsigned turn_restored __attribute__((tls_model("initial-exec")));
/* The program's own calls that this thread has on their way without the turn (outgoing.c): the innermost one, and the
 * one that a signal handler interrupted. `number` is msg.writes of that call's write; `m` is NULL where there is
 * none. */
struct turn_flight {
	struct msg *m;
	unsigned number;
};
extern _Thread_local struct turn_flight turn_flights[2] __attribute__((tls_model("initial-exec")));
#pragma GCC visibility pop

/* Takes the turn of the connection's message, and waits for it. If there is no message and `make` is true, a new one is
 * made. Returns NULL if there is no message, or no memory for one, or if another thread waits in a call of its turn
 * that should not have waited: then the program's call is best made as it is. *mine is set if this thread has the turn
 * already, the caller being a signal handler: the message is returned, and the caller must not give it back. */
struct msg *turn_take(struct conn *c, int fd, bool make, bool *mine);
/* The same for a caller that has nothing to do where there is no message, or where it is a signal handler that
 * interrupted this thread's own turn: it gets NULL. */
struct msg *turn_take_old(struct conn *c, int fd);
/* The same without waiting: also returns NULL where another thread has the turn. */
struct msg *turn_try(struct conn *c);
/* Takes the turn of a message that no connection points to any more, and waits for it. Returns false if this thread has
 * the turn already, or another thread waits in a call of its turn. */
bool turn_take_detached(struct msg *m);

/* Gives back the lock of a message that was recycled meanwhile, and is another connection's. A handler of this thread
 * may have written to that connection just now; its bytes are sent before. */
void turn_give_stale(struct msg *m);

/* Takes the turn of m if the lock is free and m is still the connection's message. Does not wait. */
static inline bool turn_take_now(struct conn *c, struct msg *m)
{
	struct turn_mark outer = turn_mark;
	turn_mark = (struct turn_mark){ (uintptr_t)__builtin_frame_address(0), &m->lock, outer.lock };
	if (lock_try(&m->lock)) {
		if (atomic_load(&c->msg) == m) {
			m->outer = outer;
			return true;
		}
		turn_give_stale(m);
	}
	turn_mark = outer;
	return false;
}

/* Gives the turn back. What signal handlers left is sent first. A message that is idle, that the helper does not watch
 * and that has learned nothing (habit.h) is recycled. */
void turn_give_slowly(struct msg *m);
static inline void turn_give(struct msg *m)
{
	struct turn_mark outer = m->outer;
	if (!atomic_load_explicit(&m->late_waits, memory_order_relaxed) &&
	    (atomic_load_explicit(&m->state, memory_order_relaxed) != IDLE ||
	     atomic_load_explicit(&m->deadline.watched, memory_order_relaxed)) &&
	    lock_give_quickly(&m->lock))
		turn_mark = outer;
	else
		turn_give_slowly(m);
}

/* Ends a message that conn_forget() took off its connection: frees it, or leaves that to the helper. `locked`: the
 * caller has the turn, and loses it. */
void turn_end(struct msg *m, bool locked);
/* Ends the message of a descriptor that was closed in a way that no hook saw. Its number belongs to another socket now,
 * so what was held is dropped. */
void turn_abandon(struct msg *m);

/* Called before the turn is taken: no call made in the turn may be a cancellation point. Returns the state to restore
 * by turn_cancellable(): libc's, or TURN_INNER where the caller is a signal handler that interrupted this function.
 *
 * libc stores the state that was before it sets the new one, so a thread that jumps away in between has it noted. It
 * stores nothing before glibc 2.34 in a program without threads. A handler that jumps within itself, and returns here,
 * has restored the state. */
enum { TURN_INNER = 64 };
static inline int turn_uncancellable(void)
{
	int state = PTHREAD_CANCEL_DISABLE;
	unsigned restored = turn_restored;
	if (turn_cancel_state == PTHREAD_CANCEL_ENABLE) {
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &state);
		return state | TURN_INNER;
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &turn_cancel_state);
	state = turn_cancel_state;
	atomic_signal_fence(memory_order_seq_cst);
	if (__builtin_expect(turn_restored != restored, 0)) {
		state = turn_cancel_state = PTHREAD_CANCEL_ENABLE;
		pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, NULL);
	}
	return state;
}

/* Acts on a pending cancellation of a thread whose type is asynchronous. glibc does that when the state is enabled;
 * musl only when the type is set, so this sets it once more. */
void turn_cancel_anywhere(void);

static inline void turn_cancellable(int state)
{
	pthread_setcancelstate(state & ~TURN_INNER, NULL);
	if (state == PTHREAD_CANCEL_ENABLE) {
		/* Last: a thread that jumps away before this line is made cancellable by turn_jump(). */
		turn_cancel_state = PTHREAD_CANCEL_DISABLE;
		if (!own()->is_glibc)
			turn_cancel_anywhere();
	}
}

/* Called before longjmp() and pthread_exit(). If that leaves a signal handler, turns of this thread may never be given
 * back, so they are marked LOCK_JUMPED; its calls on their way are not booked; and it becomes as cancellable as it
 * was. */
void turn_jump(void);

/* Called after the program set this thread's signal stack. With SS_AUTODISARM the kernel forgets the stack while a
 * handler runs on it, so from now on no stack depth tells whether this thread is in a handler. */
void turn_stack(const stack_t *stack);

#endif
