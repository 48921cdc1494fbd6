/* The message in progress on a connection: the head that is held, and what is to come.
 *
 * Messages are recycled, and their memory stays that of a message for ever, so a stale pointer is safe to lock
 * (turn.h). A field without a remark is guarded by `lock`. */
#ifndef ONEWRITE_MSG_H
#define ONEWRITE_MSG_H

#include <stdatomic.h>
#include <stdint.h>
#include <stddef.h>

#include "deadline.h"
#include "framing.h"
#include "habit.h"
#include "hold.h"
#include "http.h"
#include "lock.h"

/* Where on its stack a thread took its innermost turn, and with which lock (turn.h). */
struct turn_mark {
	uintptr_t frame;
	struct lock *lock;
	struct lock *outer; /* of the turn that a signal handler interrupted, in which this one is */
};

struct msg {
	struct msg *next_free; /* guarded by the list of free messages: the next one */
	struct lock lock;
	union {
		struct {
			_Atomic uint8_t state;      /* enum hold_state; changed under the lock, looked at without */
			_Atomic uint8_t late_waits; /* set while `late` is not empty; the same */
		};
		_Atomic uint16_t state_and_late; /* both in one look */
	};
	/* set once, by who took it off its connection and could not free it: who has the lock does that */
	_Atomic uint8_t detached;
	_Atomic uint8_t read_since; /* set without the lock: the peer was heard since the last write */
	_Atomic uint8_t calling;    /* enum calling */
	_Atomic uint8_t shared;     /* set by who took it off its connection: others may have the socket */
	int fd;
	int error; /* FAILED: the errno to report */
	/* raised by each write: a result is booked only if no other write came between. The helper looks without the
	 * lock */
	_Atomic unsigned writes;
	/* the write whose own call is on its way without the turn (outgoing.c); a jump ends it without the lock */
	_Atomic unsigned flying;
	int flyer;                /* its thread, as the kernel calls it */
	struct turn_mark outer;   /* the owner's, before it took the lock */
	uint64_t cookie;          /* conn_cookie_of() the socket that this is for */
	uint64_t due;             /* CLOCK_MONOTONIC ns: nothing is held after this */
	uint64_t size;            /* bytes of the message so far, its head included */
	uint64_t last_write_at;   /* CLOCK_MONOTONIC ns */
	uint64_t last_write_size; /* bytes */
	struct deadline deadline;
	char *buf;   /* the head, as far as it was written; NULL: none */
	size_t cap;  /* bytes that fit into buf */
	size_t len;  /* bytes of the head in buf */
	size_t sent; /* how many of them the kernel has */
	/* buf begins with a whole head of so many bytes: the connection's last one, which often comes again */
	size_t known;
	struct http_head head;     /* what the head in buf says */
	struct framing framing;    /* how much of the message is to come */
	struct habit habit;        /* are the connection's messages held in vain? */
	struct late *_Atomic late; /* bytes that a signal handler of the owner's own thread wrote meanwhile */
	/* the kernel has what is held, under MSG_MORE: sent == len, and buf is there to be looked at */
	bool kernel;
	bool corked;  /* and it lies under a cork of ours */
	bool request; /* else a response */
	/* it has a body for certain: a next head before that is written comes from a writer we missed */
	bool sure;
	/* a handler closed the descriptor while its own thread was in a call with what is held */
	bool close_later;
	uint8_t busy_looks;   /* the helper's own: how many looks in a row found the turn taken, */
	unsigned busy_writes; /* at this write, */
	uintptr_t busy_word;  /* the lock being like this, */
	uint64_t busy_since;  /* since this moment (CLOCK_MONOTONIC ns) */
	/* the helper found another socket under the number: the next call of the program decides what becomes of it */
	bool out_of_sight;
};

/* Is who has the turn in a system call with what is held? */
enum calling {
	NOT_CALLING,
	/* signals are delivered at its end, and it takes all: who jumps away from there leaves it sent */
	CALLING = LOCK_CALLING,
	CALLING_WITHOUT_SIGNALS,
};

/* A message of this number, IDLE and locked; NULL: no memory. */
struct msg *msg_new(int fd);
/* Give back a message that nothing points to. The caller has its lock and loses it. */
void msg_free(struct msg *m);

/* Room for `need` bytes of head. False: no memory, or more than HTTP_HEAD_MAX. */
bool msg_reserve_slowly(struct msg *m, size_t need);
static inline bool msg_reserve(struct msg *m, size_t need)
{
	return need <= m->cap || msg_reserve_slowly(m, need);
}

/* Another write begins. The caller has the lock. */
static inline void msg_write(struct msg *m)
{
	atomic_store_explicit(&m->writes, atomic_load_explicit(&m->writes, memory_order_relaxed) + 1,
	                      memory_order_relaxed);
}

/* Is the last write's own call on its way? It may be waiting for memory with the kernel's lock of the socket, so nobody
 * else asks anything of the socket: that call takes along what the kernel holds, and its thread sees to what is left.
 * The caller has the lock. */
static inline bool msg_is_flying(const struct msg *m)
{
	unsigned flying = atomic_load_explicit(&m->flying, memory_order_relaxed);
	return flying != 0 && flying == atomic_load_explicit(&m->writes, memory_order_relaxed);
}

static inline void msg_clear(struct msg *m)
{
	m->len = m->sent = 0;
}

/* Nothing is held, no error waits, no signal handler's bytes wait. Needs no lock. */
_Static_assert(IDLE == 0, "an idle message is two bytes of zero");
static inline bool msg_is_idle(const struct msg *m)
{
	return m == NULL || atomic_load_explicit(&m->state_and_late, memory_order_acquire) == IDLE;
}

static inline bool hold_waits(enum hold_state s)
{
	return s == HEAD || s == BODY;
}

#pragma GCC visibility push(hidden)
extern atomic_int held_heads; /* how many heads wait for their body now */
/* how many messages are followed to their end now, while the kernel may hold something of them */
extern atomic_int held_rests;
#pragma GCC visibility pop

/* No more than these wait at a time, which is about what the helper sends in 2 ms: whoever writes thousands of heads
 * and no bodies, or no ends of bodies, has them sent as they are written. */
enum { HELD_HEADS_MAX = 128, HELD_RESTS_MAX = 128 };

/* Who forbids memory, or copies descriptors, looks for holds after that is visible; who holds asks for permission after
 * the hold is: one of the two sees the other. So the store of a hold is sequentially consistent. */
static inline void msg_state(struct msg *m, enum hold_state s)
{
	enum hold_state before = atomic_load_explicit(&m->state, memory_order_relaxed);
	int heads = hold_waits(s) - hold_waits(before);
	if (hold_waits(s))
		atomic_store(&m->state, s);
	else
		atomic_store_explicit(&m->state, s, memory_order_release);
	if (heads != 0)
		atomic_fetch_add_explicit(&held_heads, heads, memory_order_relaxed);
	if (__builtin_expect((s == REST) != (before == REST), 0))
		atomic_fetch_add_explicit(&held_rests, s == REST ? 1 : -1, memory_order_relaxed);
}

/* Nothing of it is held any more, neither here nor in the kernel. */
static inline void msg_gone(struct msg *m, enum hold_state next)
{
	msg_clear(m);
	m->kernel = true;
	m->corked = false;
	msg_state(m, next);
}

/* In a child whose memory the kernel did not wipe. */
void msg_forget_all(void);

#endif
