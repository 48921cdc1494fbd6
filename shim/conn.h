/* The table of descriptors: a descriptor's number -> what is known about it.
 *
 * THREADS. The facts are small, written when the descriptor is created or changes, and read without a lock. Each is an
 * atomic that is valid by itself, so relaxed order suffices, with two exceptions. `msg` publishes other memory
 * (release, acquire); a thread that takes the message away by an atomic exchange is the one that has to finish it. And
 * a thread that sets CONN_ALIASED or CONN_SHUT and then looks for a hold must not miss one that makes a hold visible
 * and then looks at `flags`: these accesses to it have the default order. */
#ifndef ONEWRITE_CONN_H
#define ONEWRITE_CONN_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stddef.h>
#include <string.h>

#include "config.h"
#include "msg.h"
#include "process.h"
#include "request.h"

enum conn_kind {
	CONN_UNKNOWN, /* never seen, or not since the number was closed */
	CONN_OTHER,   /* no TCP socket: its bytes are never looked at */
	CONN_TCP,     /* a TCP socket */
	/* a TCP socket that is not looked at any more: it is a tunnel now, or has an option for which each single write
	 * matters (options.def, SWITCHES_OFF) */
	CONN_PASSED_OVER,
};

enum conn_flags {
	CONN_SEEN = 1,       /* the library saw this process create it, in the epoch `epoch` */
	CONN_ALIASED = 2,    /* dup, fdopen, SCM_RIGHTS or the like: it can be written to past this number */
	CONN_CORKED = 4,     /* the program has set TCP_CORK itself, so nothing new is held */
	CONN_SHUT = 8,       /* its sending side was shut down, or an error has ended it */
	CONN_CONNECTED = 16, /* it was accepted, or connect() succeeded */
	CONN_UNSEEN = 32,    /* one of its messages fell short: something writes to it by a way that no hook sees */
	/* it came from elsewhere, or has a second name here: other numbers may be the same socket (names.h) */
	CONN_NAMES = 64,
	CONN_LAZY = 128, /* TCP_FASTOPEN_CONNECT is set: connect() succeeds before the peer has answered */
	/* the same bit of CONN_OTHER: the socket is one of AF_INET or AF_INET6, which passes no descriptors */
	CONN_INTERNET = CONN_LAZY,
};

/* All fields but `epoch` are atomic, and no lock guards any of them. */
struct conn {
	struct msg *_Atomic msg; /* the message in progress, NULL: none; release or stronger, and acquire */
	_Atomic uint64_t cookie; /* conn_cookie_of(); 0: not asked yet */
	uint32_t epoch;          /* process_epoch when it was created; written by conn_born() only, before `flags` */
	union {
		struct {
			_Atomic uint8_t kind;  /* enum conn_kind */
			_Atomic uint8_t flags; /* enum conn_flags */
			/* not 0: a short segment was sent since the peer was heard last, so with Nagle's algorithm on
			 * the next short one waits for an ACK. 2: it may have been sent after the bytes that are read
			 * next had come (incoming.c) */
			_Atomic uint8_t small;
			/* not 0: the response that was written last was passed on unread (once.h); then `room` is not 0
			 * either */
			_Atomic uint8_t unread;
		};
		_Atomic uint32_t facts; /* all four in one load; conn_facts() */
	};
	struct request request; /* which method the next response answers; one atomic word (request.h) */
	_Atomic uint16_t mss;   /* TCP_MAXSEG, bytes; 0: not asked yet */
	_Atomic uint16_t room;  /* KiB that the send buffer has free at least (room.h); 0: not known */
};
_Static_assert(sizeof(struct conn) == 32, "every read and write looks up a conn: keep it a power of two");

/* The value of conn.facts if the four fields have these values. */
static inline uint32_t conn_facts(uint8_t kind, uint8_t flags, uint8_t small, uint8_t unread)
{
	const uint8_t fields[] = { kind, flags, small, unread };
	uint32_t facts;
	memcpy(&facts, fields, sizeof facts);
	return facts;
}

/* --- lookup: the first descriptors lie in one row, the others in rows that are mapped as they are seen --- */
#pragma GCC visibility push(hidden) /* -fvisibility says nothing about declarations; hidden data is one load away */
/* The first row, NULL until it is needed; `conn_count` publishes it. Pages that were never touched cost no memory. */
extern struct conn *conns;
/* The length of the first row; 0: it is not mapped yet. Not 0: libc's functions were looked up, too (real.h). */
extern _Atomic unsigned conn_count;
extern _Atomic unsigned conn_top; /* one more than the highest number of the first row that was ever seen */
/* Nothing is known of any number behind the first row, and libc's functions have been looked up: a call on such a
 * number can be passed on at once. */
extern atomic_bool conn_none_beyond;
#pragma GCC visibility pop

/* Called by the constructor, after real_init_all(). */
void conn_begin(void);

__attribute__((cold)) struct conn *conn_find_beyond(int fd);
/* The entry of this number. NULL: it has none, so nothing is known about it. */
static inline struct conn *conn_find(int fd)
{
	bool first = (unsigned)fd < atomic_load_explicit(&conn_count, memory_order_acquire);
	return __builtin_expect(first, 1) ? conns + fd : conn_find_beyond(fd);
}

/* The lowest number, from fd on, of which something may be known; -1: there is none. */
int conn_next(unsigned fd);

/* Nothing is held on this connection, and no error waits to be reported. NULL: true. */
static inline bool conn_idle(const struct conn *c)
{
	return c == NULL || msg_is_idle(atomic_load_explicit(&c->msg, memory_order_acquire));
}

static inline bool conn_is(int fd, enum conn_kind kind)
{
	const struct conn *c = conn_find(fd);
	return c != NULL && atomic_load_explicit(&c->kind, memory_order_relaxed) == kind;
}

/* The descriptor number of this entry. */
int conn_number(const struct conn *c);

/* True: nothing is known about this number, so closing or replacing it changes nothing here. */
static inline bool conn_unknown(int fd)
{
	if ((unsigned)fd >= atomic_load_explicit(&conn_count, memory_order_acquire) &&
	    __builtin_expect(atomic_load_explicit(&conn_none_beyond, memory_order_acquire), 1))
		return true;
	const struct conn *c = conn_find(fd);
	if (c == NULL)
		return !config.observe; /* what is observed is known elsewhere (observe.h) */
	return atomic_load_explicit(&c->msg, memory_order_relaxed) == NULL &&
	       atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_UNKNOWN &&
	       atomic_load_explicit(&c->flags, memory_order_relaxed) == 0;
}

/* The entry of this number, mapped if need be. NULL: there is no memory, or the number is negative or larger than any
 * that the table takes (2^20). */
struct conn *conn_make_slowly(int fd);
static inline struct conn *conn_make(int fd)
{
	return (unsigned)fd < atomic_load_explicit(&conn_top, memory_order_acquire) ? conns + fd : conn_make_slowly(fd);
}

/* Called in a forked child if the kernel did not wipe the tables: forget everything. The messages that the entries
 * pointed to are not freed. */
void conn_forget_all(void);

/* --- life ------------------------------------------------------------------------------------- */
/* This process has just created a descriptor, and the library has seen it. If the number still has a message, its
 * former descriptor was closed unseen: that message is returned, and the caller passes it to turn_abandon(). NULL:
 * there is none. */
struct msg *conn_born(int fd, enum conn_kind kind, unsigned flags);
/* Forget all that is known about fd, and take its message off the connection. Returns that message, NULL if there is
 * none; what it holds is not sent. The caller finishes it with turn_end(). No lock is needed: one caller gets it. */
struct msg *conn_forget(struct conn *c, int fd);
/* The descriptor number of this message now belongs to another socket, so what is known about the number is void. The
 * caller holds the message's lock. */
void conn_doubt(struct msg *m);
/* Of which kind is this descriptor? Asks the kernel if it is not known yet. Leaves errno alone. */
enum conn_kind conn_classify(struct conn *c, int fd);
/* Asks the kernel whether fd is a TCP or MPTCP socket. May change errno. */
bool conn_is_tcp(int fd);
/* The identity of fd's socket: its SO_COOKIE. Where there is none (a kernel before 4.12, gVisor, qemu-user) it is the
 * number of the socket's inode, marked as such. `before` is an identity with which the caller will compare the result:
 * the same question is asked as for that one; 0: there is none. Returns 0 and errno if fd is no socket, or the kernel
 * does not tell. */
uint64_t conn_cookie_of(int fd, uint64_t before);
/* How many bytes one segment takes at most: TCP_MAXSEG as it was when first asked. Leaves errno alone. */
size_t conn_mss(struct conn *c, int fd);
/* Proof that no other process and no other number can write to this socket: this process has created it, in the current
 * epoch, and it has no alias. Descriptors 0 to 2 are never proved. */
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

/* Another connection begins on the socket, or may: await its first request. */
static inline void conn_disconnected(struct conn *c)
{
	conn_unset(c, CONN_CONNECTED);
	if (atomic_load_explicit(&c->kind, memory_order_relaxed) == CONN_TCP)
		request_begin(&c->request, false);
}

#endif
