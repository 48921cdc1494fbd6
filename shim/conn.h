/* A descriptor's number -> what we know about it, and the message in progress on it.
 *
 * THREADS. A conn's fields are small facts, written when the descriptor is born or changes, read without a lock. A message has a
 * lock; whoever changes or emits what is held has it. Lookups are lock-free: messages are recycled but their memory always
 * stays a message, so conn_lock() may lock a stranger for an instant, sees that it is not the descriptor's, and looks again.
 * Detaching (close) is an atomic exchange: who gets the message is the one to finish it. */
#ifndef ONEWRITE_CONN_H
#define ONEWRITE_CONN_H

#include <stdatomic.h>
#include <stdint.h>
#include <stddef.h>

#include "deadline.h"
#include "framing.h"
#include "hold.h"
#include "http.h"
#include "lock.h"
#include "request.h"

struct msg {
	void *pool_link;           /* the pool's, while the message is free; the lock must outlive that */
	struct lock lock;
	_Atomic uint8_t state;     /* enum hold_state; written under the lock, peeked at without */
	_Atomic uint8_t closed;    /* detached by close(): whoever has the lock drops it */
	_Atomic uint8_t read_since; /* the peer was heard since the last write */
	_Atomic uint8_t in_call;   /* the owner of the lock is in a call that may block: what is held may be out already */
	_Atomic uint8_t elsewhere; /* the owner is the helper, and sends through a descriptor of its own */
	int fd;
	int error;                 /* FAILED: the errno to report */
	uint64_t cookie;           /* SO_COOKIE of the socket that this is for */
	uint64_t due;              /* CLOCK_MONOTONIC ns: nothing is held after this */
	uint64_t size;             /* bytes of the message so far, head included */
	uint64_t last;             /* ... of the last write */
	uint64_t last_size;        /* ... and its bytes */
	struct deadline deadline;
	char *buf;                 /* the head, as far as it was written; NULL: none */
	size_t cap;
	size_t len;                /* bytes of the head in buf */
	size_t sent;               /* ... of which the kernel has this many */
	size_t known;              /* buf begins with this many bytes of a whole head: the connection's last one, which often comes again */
	struct http_head head;     /* ... that say this; and what look() reads goes here */
	struct framing framing;
	uintptr_t before;          /* the owner's hook_frame before it took the lock */
	struct late *_Atomic late; /* bytes that a signal handler of that very thread wrote meanwhile */
	bool kernel;               /* held by the kernel under MSG_MORE: sent == len, buf is there to be looked at */
	bool corked;               /* ... and under a cork of ours */
	bool request;              /* else a response */
	bool sure;                 /* it has a body for certain: a next head before that is written comes from a writer we missed */
};

enum conn_kind {
	CONN_UNKNOWN, /* never seen, or not since it was closed */
	CONN_OTHER,   /* not TCP: never looked at */
	CONN_TCP,     /* a TCP socket */
	CONN_TUNNEL,  /* a TCP socket that stopped speaking HTTP: never looked at again */
};

enum conn_flags {
	CONN_SEEN = 1,     /* this process was seen to create it: what an epoch is about */
	CONN_ALIASED = 2,  /* dup, fdopen, SCM_RIGHTS: other hands can write to it */
	CONN_CORKED = 4,   /* the program set TCP_CORK itself: it knows what it is doing */
	CONN_SHUT = 8,     /* the program shut its sending side */
	CONN_CONNECTED = 16, /* accepted, or connect() succeeded */
	CONN_CROWDED = 32, /* the last write was cut short: the send buffer is full */
	CONN_SERVER = 64,  /* accepted: requests are read here */
	CONN_LAZY = 128,   /* TCP_FASTOPEN_CONNECT: connect() says yes before the peer does */
};

struct conn {
	struct msg *_Atomic msg;   /* the message in progress; NULL: none */
	_Atomic uint64_t cookie;   /* SO_COOKIE; 0: not asked yet */
	uint32_t epoch;            /* the process epoch when it was created */
	_Atomic uint8_t kind;      /* enum conn_kind */
	_Atomic uint8_t flags;     /* enum conn_flags */
	_Atomic uint8_t small;     /* a short segment went out since the peer was heard last: with Nagle on the next one waits for its ACK */
	_Atomic uint16_t mss;      /* TCP_MAXSEG, bytes; 0: not asked yet */
	struct request request;    /* what is awaited of the peer, and which request the next response answers */
};
_Static_assert(sizeof(struct conn) == 32, "every read and write looks up a conn: keep it a power of two");

/* --- lookup: one table, by descriptor --------------------------------------------------------------------------------------- */
#pragma GCC visibility push(hidden) /* -fvisibility says nothing about declarations; hidden data is one load away */
extern struct conn *conns;             /* mapped at the first need, as long as the hard limit of descriptors; pages that were never touched cost nothing */
extern _Atomic unsigned conn_count;    /* 0: not mapped yet. Descriptors beyond it are never looked at. */
extern _Atomic unsigned conn_top;      /* no descriptor from here on was ever seen */
extern atomic_uint conn_epoch;         /* see epoch_raise() */
/* How many heads wait for their body now. */
extern atomic_int held_heads;
/* From where on its stack this thread took its innermost lock: set before, restored after. HOOK_LEFT: it has jumped (longjmp) since. A
 * handler that meets a lock of its own thread stands deeper in the stack than this, and nobody has jumped. */
enum { HOOK_LEFT = 1 };
extern _Thread_local uintptr_t hook_frame __attribute__((tls_model("initial-exec")));
#pragma GCC visibility pop

static inline struct conn *conn_find(int fd)
{
	return (unsigned)fd < atomic_load_explicit(&conn_count, memory_order_acquire) ? conns + fd : NULL;
}

/* Nothing is held, no error waits, no signal handler's bytes wait. */
static inline bool msg_idle(const struct msg *m)
{
	return m == NULL || (atomic_load_explicit(&m->state, memory_order_acquire) == IDLE &&
	                     atomic_load_explicit(&m->late, memory_order_relaxed) == NULL);
}

static inline bool conn_idle(const struct conn *c)
{
	return c == NULL || msg_idle(atomic_load_explicit(&c->msg, memory_order_acquire));
}

/* The same for a number, and (`reading`) what is read there is not looked at: the first thing every hook asks. */
static inline bool conn_quiet(int fd, bool reading)
{
	if ((unsigned)fd >= atomic_load_explicit(&conn_count, memory_order_acquire))
		return true;
	const struct conn *c = conns + fd;
	return !(reading && request_awaited(&c->request)) &&
	       msg_idle(atomic_load_explicit(&c->msg, memory_order_acquire));
}

static inline bool conn_is(int fd, enum conn_kind kind)
{
	const struct conn *c = conn_find(fd);
	return c != NULL && atomic_load_explicit(&c->kind, memory_order_relaxed) == kind;
}

/* Nothing is known about it that its end would change. */
static inline bool conn_unknown(int fd)
{
	const struct conn *c = conn_find(fd);
	return c == NULL || (atomic_load_explicit(&c->msg, memory_order_relaxed) == NULL &&
	                     atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_UNKNOWN &&
	                     atomic_load_explicit(&c->flags, memory_order_relaxed) == 0);
}

/* Make room for a descriptor; NULL: no memory, or a number beyond all measure. */
struct conn *conn_make_slowly(int fd);
static inline struct conn *conn_make(int fd)
{
	return (unsigned)fd < atomic_load_explicit(&conn_top, memory_order_acquire) ? conns + fd : conn_make_slowly(fd);
}

/* Are we the child of a vfork? It closes and duplicates descriptors of its own, in the memory of its parent, who still has them all. */
bool conn_of_parent(void);

/* In a forked child: what it knows is its own. */
void conn_own(void);
/* ... whose memory the kernel did not wipe: know nothing (what the tables took is lost). */
void conn_forget_all(void);

/* --- life ----------------------------------------------------------------------------------------------------------------- */
/* A descriptor was created before our eyes. */
void conn_born(int fd, enum conn_kind kind, unsigned flags);
/* Forget a descriptor and detach its message (not emitted: that is outgoing.c's business). */
struct msg *conn_forget(struct conn *c);
/* The number of this message's descriptor has another owner: what was known of it is void. Caller has the lock. */
void conn_doubt(struct msg *m);
/* What is this descriptor? Asks the kernel once if need be. */
enum conn_kind conn_classify(struct conn *c, int fd);
/* The socket's SO_COOKIE; 0 and errno if it has none. */
uint64_t conn_cookie_of(int fd);
/* The most bytes that one segment takes, as far as known now. */
size_t conn_mss(struct conn *c, int fd);
/* Proof that nobody else can write to this socket: created here, in this epoch, no alias. */
static inline bool conn_is_ours(const struct conn *c, int fd)
{
	return fd > 2 && (atomic_load_explicit(&c->flags, memory_order_relaxed) & (CONN_SEEN | CONN_ALIASED)) == CONN_SEEN &&
	       c->epoch == atomic_load(&conn_epoch);
}

/* The epoch: raised whenever descriptors may have been copied to another process. Whoever holds looks at it after the hold is
 * visible, whoever raises it looks for holds afterwards: one of the two sees the other. */
void epoch_raise(void);

static inline bool conn_has(const struct conn *c, unsigned flag)
{
	return atomic_load_explicit(&c->flags, memory_order_relaxed) & flag;
}

static inline void conn_set(struct conn *c, unsigned flag)
{
	if (!conn_has(c, flag)) /* a locked instruction only where there is something to change */
		atomic_fetch_or(&c->flags, (uint8_t)flag);
}

static inline void conn_unset(struct conn *c, unsigned flag)
{
	if (conn_has(c, flag))
		atomic_fetch_and(&c->flags, (uint8_t)~flag);
}

/* --- messages ------------------------------------------------------------------------------------------------------------- */
/* The descriptor's message, locked; a new one if there is none and `make`. NULL: none. *mine: we are in a signal handler, and the
 * thread it interrupted has the lock (then the message is returned as it is). */
struct msg *conn_lock_slowly(struct conn *c, int fd, bool make, bool *mine);
/* Lock the descriptor's message m if that is free and is it still. */
static inline bool conn_lock_now(struct conn *c, struct msg *m)
{
	uintptr_t before = hook_frame;
	hook_frame = (uintptr_t)__builtin_frame_address(0);
	if (lock_try(&m->lock)) {
		if (atomic_load(&c->msg) == m) {
			m->before = before;
			return true;
		}
		lock_give(&m->lock); /* a stranger */
	}
	hook_frame = before;
	return false;
}
static inline struct msg *conn_lock(struct conn *c, int fd, bool make, bool *mine)
{
	struct msg *m = atomic_load_explicit(&c->msg, memory_order_acquire);
	*mine = false;
	return m != NULL && conn_lock_now(c, m) ? m : conn_lock_slowly(c, fd, make, mine);
}
/* Is a writer waiting for room in this socket's send buffer? Who shall not wait behind it is told EAGAIN, as by the kernel. */
bool conn_must_wait(struct conn *c, int fd);
/* The descriptor's message, locked, if nobody else has it who may block: NULL then. Without `wait` also if anybody has it. */
struct msg *conn_try_lock(struct conn *c, bool wait);
/* The same for a message in hand. */
bool msg_try_lock(struct msg *m, bool wait);
void conn_unlock_slowly(struct msg *m);
static inline void conn_unlock(struct msg *m)
{
	uintptr_t before = m->before, self = thread_self();
	if (atomic_load_explicit(&m->late, memory_order_relaxed) == NULL &&
	    (atomic_load_explicit(&m->state, memory_order_relaxed) != IDLE ||
	     atomic_load_explicit(&m->deadline.watched, memory_order_relaxed)) &&
	    atomic_compare_exchange_strong_explicit(&m->lock.word, &self, 0, memory_order_release, memory_order_relaxed))
		hook_frame = before;
	else
		conn_unlock_slowly(m);
}
/* Give an idle message back, unless a closer was faster. Caller has its lock, and loses it if true. */
bool conn_retire(struct msg *m);
/* Give a message back that conn_forget() detached; `locked`: the caller has its lock, and loses it. */
void conn_abandon(struct msg *m, bool locked);
/* Give a message back that nothing points to. Caller has its lock and loses it. */
void msg_free(struct msg *m);
/* Room for `need` bytes of head. False: no memory, or more than HTTP_HEAD_MAX. */
bool msg_reserve_slowly(struct msg *m, size_t need);
static inline bool msg_reserve(struct msg *m, size_t need)
{
	return need <= m->cap || msg_reserve_slowly(m, need);
}
static inline void msg_clear(struct msg *m)
{
	m->len = m->sent = 0;
}

static inline bool hold_waits(enum hold_state s)
{
	return s == HEAD || s == BODY;
}

/* A hold in memory becomes visible to whoever raises the epoch, which it looks at next: hence the strict order. */
static inline void msg_state(struct msg *m, enum hold_state s)
{
	int heads = hold_waits(s) - hold_waits(atomic_load_explicit(&m->state, memory_order_relaxed));
	if (hold_waits(s))
		atomic_store(&m->state, s);
	else
		atomic_store_explicit(&m->state, s, memory_order_release);
	if (heads != 0)
		atomic_fetch_add_explicit(&held_heads, heads, memory_order_relaxed);
}

/* No more heads than these wait at a time, which is about what the helper sends in 2 ms: whoever writes thousands of heads
 * and no bodies has them sent as they are written. */
enum { HELD_HEADS_MAX = 128 };

#endif
