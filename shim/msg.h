/* The message in progress on a connection: the head that is held, and what is to come.
 *
 * Messages are recycled, and their memory stays that of a message for ever, so a stale pointer is safe to lock
 * (turn.h). A field is guarded by the message's turn (`lock`) unless its comment says otherwise. An atomic field is
 * written and read with the default memory order (lock.h) unless its comment names another. */
#ifndef ONEWRITE_MSG_H
#define ONEWRITE_MSG_H

#include <stdatomic.h>
#include <stdint.h>
#include <stddef.h>

#include "crowd.h"
#include "deadline.h"
#include "framing.h"
#include "habit.h"
#include "hold.h"
#include "http.h"
#include "lock.h"

/* Where on its stack a thread took a turn, and which one (turn.h). Thread-local, or saved in the message by its
 * owner. */
struct turn_mark {
	uintptr_t frame;
	struct lock *lock;
	struct lock *outer; /* the turn that a signal handler interrupted to take this one; NULL: none */
};

struct msg {
	struct msg *next_free; /* the next free message; of the thread that gives it back, then of the list (msg.c) */
	struct lock lock;
	union {
		struct {
			/* enum hold_state; written in the turn (msg_state), read without it, too, relaxed or acquire */
			_Atomic uint8_t state;
			/* `late` is a queue; written by the owner's thread and its handlers */
			_Atomic uint8_t late_waits;
		};
		_Atomic uint16_t state_and_late; /* both in one load (acquire) */
	};
	/* The message is off its connection, and the helper frees it if it is watched. Set by the closer, without the
	 * turn if that could not be had; also set while the message is free. */
	_Atomic uint8_t detached;
	_Atomic uint8_t read_since; /* the peer was heard since the last write; set without the turn, relaxed */
	/* enum calling; written in the turn, relaxed; read by threads that wait for the turn */
	_Atomic uint8_t calling;
	_Atomic uint8_t shared; /* other processes may have the socket; set by the closer without the turn, relaxed */
	int fd;
	int error; /* in the state FAILED: the errno to report */
	/* Counts writes: a result is booked only if no other write came between. Written in the turn, relaxed; the
	 * helper and setsockopt() read it without. */
	_Atomic unsigned writes;
	/* The number (`writes`) of the write whose own call is on its way without the turn (outgoing.c); 0: none.
	 * Relaxed; written in the turn, but for a jump, which sets it to 0 without. */
	_Atomic unsigned flying;
	int flyer;                /* the kernel's number of the thread that makes this call */
	struct crowd_place place; /* written where the state changes (msg_state) */
	struct turn_mark outer;   /* turn_mark of the turn's owner, before it took the turn */
	uint64_t cookie;          /* conn_cookie_of() of the socket that the message is for */
	uint64_t due;             /* CLOCK_MONOTONIC ns: nothing is held after this; 0: nothing has a deadline */
	uint64_t size;            /* bytes of the message so far, its head included */
	uint64_t last_write_at;   /* CLOCK_MONOTONIC ns */
	uint64_t last_write_size; /* bytes of that write */
	struct deadline deadline; /* the helper's while it is watched (deadline.h) */
	char *buf;                /* the head, as far as it was written; NULL: no memory was taken yet */
	size_t cap;               /* bytes that fit into buf */
	size_t len;               /* bytes of the head in progress that are in buf */
	size_t sent;              /* how many of these the kernel has taken */
	/* buf begins with a whole head of so many bytes: the connection's last one, which is often sent again; 0: it
	 * does not. */
	size_t known;
	struct http_head head;  /* what the head in buf says */
	struct framing framing; /* how much of the message is to come */
	struct habit habit;     /* are the connection's messages held in vain? */
	/* Bytes that a signal handler wrote while its own thread had the turn; NULL: none; LATE_NO_MORE (late.h).
	 * Written by the owner's thread and its handlers. */
	struct late *_Atomic late;
	/* The kernel has what is held, under MSG_MORE: sent == len, and buf is kept only to be looked at. False: it is
	 * in buf. */
	bool kernel;
	bool corked;  /* the kernel keeps it under a TCP_CORK that the library set */
	bool request; /* a request; false: a response */
	/* The message certainly has a body. If another head comes before that body was written, some writer is not seen
	 * by the hooks. */
	bool sure;
	/* a signal handler closed the descriptor while its own thread was in a call of the turn */
	bool close_later;
	bool uncounted; /* the head is kept, and not counted yet (note.h) */
	/* Where the connection's usual responses are counted (COUNT_USUAL_*), and requests a row later; 0: it is not
	 * known. Relaxed; written in the turn, but reset without it. */
	_Atomic uint8_t usual_row;
	uint8_t busy_looks;   /* the helper's own: how many looks in a row found the turn taken as it was before */
	unsigned busy_writes; /* the helper's own: `writes` at these looks */
	uintptr_t busy_word;  /* the helper's own: the lock's word at these looks */
	uint64_t busy_since;  /* the helper's own: the time of the first one (CLOCK_MONOTONIC ns) */
	uint64_t busy_ran;    /* the helper's own: the owner's CPU time at the second one (lock_owner_ran) */
	/* The helper found another socket under the number. The program's next call on it decides what becomes of what
	 * is held. */
	bool out_of_sight;
};

/* Is the owner of the turn in a system call with what is held? */
enum calling {
	NOT_CALLING,
	/* Signals are delivered at its end, when it has taken everything: a handler that jumps away from there leaves
	 * it sent. */
	CALLING = LOCK_CALLING,
	CALLING_WITHOUT_SIGNALS,
};

/* Returns an IDLE message for this descriptor, locked by the caller; NULL: no memory. */
struct msg *msg_new(int fd);
/* Frees a message that nothing points to any more. The caller has the turn, and loses it. */
void msg_free(struct msg *m);

/* Makes room for `need` bytes of head in buf, and keeps what is there. Returns false if there is no memory, or `need`
 * is over HTTP_HEAD_MAX. The caller has the turn. */
bool msg_reserve_slowly(struct msg *m, size_t need);
static inline bool msg_reserve(struct msg *m, size_t need)
{
	return need <= m->cap || msg_reserve_slowly(m, need);
}

/* Another write begins. The caller has the turn. */
static inline void msg_write(struct msg *m)
{
	atomic_store_explicit(&m->writes, atomic_load_explicit(&m->writes, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
}

/* Is the last write's own call on its way? It may be waiting for its memory to be fetched while it has the kernel's
 * lock of the socket, so no other thread makes a call on the socket then: that call takes along what the kernel holds,
 * and its thread sees to what is left. The caller has the turn. */
static inline bool msg_is_flying(const struct msg *m)
{
	unsigned flying = atomic_load_explicit(&m->flying, memory_order_relaxed);
	return flying != 0 && flying == atomic_load_explicit(&m->writes, memory_order_relaxed);
}

/* No byte of a head is held in buf any more. The caller has the turn. */
static inline void msg_clear(struct msg *m)
{
	m->len = m->sent = 0;
}

/* Is nothing held, and does no error and no signal handler's byte wait? Takes no lock. */
_Static_assert(IDLE == 0, "an idle message is two bytes of zero");
static inline bool msg_is_idle(const struct msg *m)
{
	return m == NULL || atomic_load_explicit(&m->state_and_late, memory_order_acquire) == IDLE;
}

/* Is a head, or a part of one, held in this state? */
static inline bool hold_waits(enum hold_state s)
{
	return s == HEAD || s == BODY;
}

static inline enum crowd msg_crowd(enum hold_state s)
{
	return hold_waits(s) ? CROWD_HEADS : s == REST ? CROWD_RESTS : CROWD_NONE;
}

/* Changes the state. The caller has the turn. A thread that forbids memory, or copies descriptors, makes that visible
 * and then looks for holds; a thread that holds makes the hold visible and then asks for permission. One of the two
 * must see the other, so the store of a hold is sequentially consistent; other states are stored with release. */
static inline void msg_state(struct msg *m, enum hold_state s)
{
	enum hold_state before = atomic_load_explicit(&m->state, memory_order_relaxed);
	enum crowd from = msg_crowd(before), to = msg_crowd(s);
	if (hold_waits(s))
		atomic_store(&m->state, s);
	else
		atomic_store_explicit(&m->state, s, memory_order_release);
	if (from == to)
		return;
	if (from != CROWD_NONE)
		crowd_leave(from, &m->place);
	if (to != CROWD_NONE)
		crowd_enter(to, &m->place);
}

/* Nothing of the message is held any more, neither in memory nor by the kernel. The caller has the turn. */
static inline void msg_gone(struct msg *m, enum hold_state next)
{
	msg_clear(m);
	m->kernel = true;
	m->corked = false;
	msg_state(m, next);
}

/* Called in a forked child whose memory the kernel did not wipe: forgets all messages. */
void msg_forget_all(void);

#endif
