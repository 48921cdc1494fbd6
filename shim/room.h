/* How much room is there in a socket's send buffer, for certain?
 *
 * A head lies in our memory only while the kernel is known to have room for it. So it can leave at any moment without
 * waiting, whatever comes: a close, a fork, the end. The kernel is asked once for many messages (SO_MEMINFO), and what
 * is written is taken off its answer; what the peer acknowledges meanwhile only adds to it. Writes that nobody counted
 * make it unknown. */
#ifndef ONEWRITE_ROOM_H
#define ONEWRITE_ROOM_H

#include <sys/socket.h>

#include "conn.h"

/* KiB of the send buffer that n bytes take at most. Each segment costs its bytes and a buffer's head of its own; a
 * larger segment than RFC 9293's default of 536 bytes is not counted on. */
static inline uint64_t room_taken_by(uint64_t n)
{
	enum { SEGMENT = 512, BUFFER_HEAD = 1536, SPARE = 2 };
	return (n + (n / SEGMENT + SPARE) * BUFFER_HEAD) / 1024 + 1;
}

/* In the constructor: learn what the system allows. */
void room_begin(void);

bool room_ask(struct conn *c, int fd, size_t n);
/* Can n bytes be written now without waiting? Asks the kernel if what is known does not suffice. Leaves errno alone. */
static inline bool room_for(struct conn *c, int fd, size_t n)
{
	return room_taken_by(n) <= atomic_load_explicit(&c->room, memory_order_relaxed) || room_ask(c, fd, n);
}

/* What keeps a send(2) of n bytes from waiting: nothing, where that is sure. */
static inline int room_flags(struct conn *c, int fd, size_t n)
{
	return n == 0 || room_for(c, fd, n) ? 0 : MSG_DONTWAIT;
}

/* n bytes were written. */
static inline void room_spend(struct conn *c, size_t n)
{
	uint64_t room = atomic_load_explicit(&c->room, memory_order_relaxed), taken = room_taken_by(n);
	atomic_store_explicit(&c->room, (uint16_t)(room > taken ? room - taken : 0), memory_order_relaxed);
}

/* Some bytes were written, or the buffer is another. */
static inline void room_unknown(struct conn *c)
{
	if (atomic_load_explicit(&c->room, memory_order_relaxed) != 0)
		atomic_store_explicit(&c->room, 0, memory_order_relaxed);
}

/* Wait for room as a send(2) of the program's with these flags would: as long, interrupted by the same signals, with
 * the same errors. No byte is sent, so the thread may leave in the middle. `tries`: how often the caller has waited
 * here, and found no room afterwards. 0, or the errno. */
int room_wait(int fd, int flags, unsigned tries);

/* At the last moment: make a buffer that is full and small a larger one. */
void room_make(int fd);

bool room_is_nonblocking(int fd);
/* Is there none? Leaves errno alone. */
bool room_is_none(int fd);

#endif
