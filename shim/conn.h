/* A descriptor's number -> what is known about it.
 *
 * THREADS. These are small facts, written when the descriptor is born or changes, read without a lock: relaxed atomics,
 * each good by itself. `msg` publishes a message (release, acquire); taking it away by an atomic exchange decides who
 * finishes it. */
#ifndef ONEWRITE_CONN_H
#define ONEWRITE_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>

#include "msg.h"
#include "process.h"
#include "request.h"

enum conn_kind {
	CONN_UNKNOWN, /* never seen, or not since it was closed */
	CONN_OTHER,   /* not TCP: never looked at */
	CONN_TCP,     /* a TCP socket */
	/* a TCP socket that is never looked at again: a tunnel, or the program watches its single writes */
	CONN_PASSED_OVER,
};

enum conn_flags {
	CONN_SEEN = 1,       /* this process was seen to create it: what an epoch is about */
	CONN_ALIASED = 2,    /* dup, fdopen, SCM_RIGHTS: other hands can write to it */
	CONN_CORKED = 4,     /* the program set TCP_CORK itself: it knows what it is doing */
	CONN_SHUT = 8,       /* the program shut its sending side */
	CONN_CONNECTED = 16, /* accepted, or connect() succeeded */
	CONN_UNSEEN = 32,    /* a message of it fell short: somebody writes to it by a way that no hook sees */
	/* it came from elsewhere, or has a second name here: other numbers may be the same socket (names.h) */
	CONN_NAMES = 64,
	CONN_LAZY = 128, /* TCP_FASTOPEN_CONNECT: connect() says yes before the peer does */
	/* of CONN_OTHER: a socket of the internet's families, by which no descriptor travels */
	CONN_INTERNET = CONN_LAZY,
};

struct conn {
	struct msg *_Atomic msg; /* the message in progress; NULL: none */
	_Atomic uint64_t cookie; /* conn_cookie_of(); 0: not asked yet */
	uint32_t epoch;          /* process_epoch when it was created */
	_Atomic uint8_t kind;    /* enum conn_kind */
	_Atomic uint8_t flags;   /* enum conn_flags */
	/* a short segment went out since the peer was heard last: with Nagle on the next one waits for its ACK */
	_Atomic uint8_t small;
	struct request request; /* which method the next response answers */
	_Atomic uint16_t mss;   /* TCP_MAXSEG, bytes; 0: not asked yet */
	_Atomic uint16_t room;  /* KiB that the send buffer has free at least (room.h); 0: not known */
};
_Static_assert(sizeof(struct conn) == 32, "every read and write looks up a conn: keep it a power of two");

/* --- lookup: the first descriptors lie in one row, the others in rows that are mapped as they are seen --- */
#pragma GCC visibility push(hidden) /* -fvisibility says nothing about declarations; hidden data is one load away */
/* the first row, mapped at the first need; pages that were never touched cost nothing */
extern struct conn *conns;
/* its length; 0: not mapped yet, nor has anybody looked for libc (real.h). Publishes `conns`. */
extern _Atomic unsigned conn_count;
extern _Atomic unsigned conn_top; /* no descriptor from here on, in this row, was ever seen */
/* nothing is known of any other descriptor, and libc was found: the calls on those can go straight on */
extern atomic_bool conn_none_beyond;
#pragma GCC visibility pop

/* In the constructor, behind real_init_all(). */
void conn_begin(void);

__attribute__((cold)) struct conn *conn_find_beyond(int fd);
/* NULL: nothing is known. */
static inline struct conn *conn_find(int fd)
{
	bool first = (unsigned)fd < atomic_load_explicit(&conn_count, memory_order_acquire);
	return __builtin_expect(first, 1) ? conns + fd : conn_find_beyond(fd);
}

/* The first descriptor, from this one on, of which something may be known; -1: none. */
int conn_next(unsigned fd);

static inline bool conn_idle(const struct conn *c)
{
	return c == NULL || msg_is_idle(atomic_load_explicit(&c->msg, memory_order_acquire));
}

static inline bool conn_is(int fd, enum conn_kind kind)
{
	const struct conn *c = conn_find(fd);
	return c != NULL && atomic_load_explicit(&c->kind, memory_order_relaxed) == kind;
}

/* The descriptor that this is about. */
int conn_number(const struct conn *c);

/* True: nothing is known about this number, so that its end changes nothing here. */
static inline bool conn_unknown(int fd)
{
	if ((unsigned)fd >= atomic_load_explicit(&conn_count, memory_order_acquire) &&
	    __builtin_expect(atomic_load_explicit(&conn_none_beyond, memory_order_acquire), 1))
		return true;
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

/* In a forked child whose memory the kernel did not wipe: know nothing (what the tables took is lost). */
void conn_forget_all(void);

/* --- life ------------------------------------------------------------------------------------- */
/* A descriptor was created before our eyes. Returns a message that the number had before: it was closed behind our
 * back, and the caller abandons it (turn.h). */
struct msg *conn_born(int fd, enum conn_kind kind, unsigned flags);
/* Forget a descriptor and detach its message, which is not emitted. */
struct msg *conn_forget(struct conn *c, int fd);
/* The number of this message's descriptor has another owner: what was known of it is void. The caller has the message's
 * lock. */
void conn_doubt(struct msg *m);
/* What is this descriptor? Asks the kernel once if need be. */
enum conn_kind conn_classify(struct conn *c, int fd);
/* Asks the kernel whether it is TCP. */
bool conn_is_tcp(int fd);
/* Which socket is this? Its SO_COOKIE; where that cannot be had, as from a kernel before 4.12, gVisor or qemu-user, its
 * inode's number, marked as one. `before`: what it is to be compared with, and it is found in the same way; 0: nothing.
 * 0 and errno: no socket, or nobody knows. */
uint64_t conn_cookie_of(int fd, uint64_t before);
/* The most bytes that one segment takes, as far as known now. */
size_t conn_mss(struct conn *c, int fd);
/* Proof that nobody else can write to this socket: created here, in this epoch, no alias. */
static inline bool conn_is_ours(const struct conn *c, int fd)
{
	return fd > 2 &&
	       (atomic_load_explicit(&c->flags, memory_order_relaxed) & (CONN_SEEN | CONN_ALIASED)) == CONN_SEEN &&
	       c->epoch == atomic_load(&process_epoch);
}

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

/* Another connection begins on the socket, or may. */
static inline void conn_disconnected(struct conn *c)
{
	conn_unset(c, CONN_CONNECTED);
	if (atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_TCP)
		request_begin(&c->request, false);
}

#endif
