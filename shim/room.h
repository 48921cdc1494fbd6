/* How much room does a socket's send buffer certainly have?
 *
 * A head is held in memory only while the kernel is known to have room for it. So it can be sent at any moment without
 * a wait: at a close, a fork, the end. The kernel is asked once for many messages (SO_MEMINFO), and what is written is
 * subtracted from its answer; what the peer acknowledges meanwhile only adds to it. Writes that were not counted make
 * the room unknown. The answer is kept in conn.room (relaxed). */
#ifndef ONEWRITE_ROOM_H
#define ONEWRITE_ROOM_H

#include <sys/socket.h>

#include "conn.h"

/* The most KiB of the send buffer that n bytes can take. Each segment costs its bytes and the kernel's structure for a
 * buffer; segments longer than RFC 9293's default of 536 bytes are not counted on. */
static inline uint64_t room_taken_by(uint64_t n)
{
	enum { SEGMENT = 512, BUFFER_HEAD = 1536, SPARE = 2 };
	return (n + (n / SEGMENT + SPARE) * BUFFER_HEAD) / 1024 + 1;
}

/* Called in the constructor: reads the system's limit (net.ipv4.tcp_notsent_lowat). */
void room_begin(void);

/* The part of room_for() that asks the kernel. */
bool room_ask(struct conn *c, int fd, size_t n);
/* Can n bytes be written now without a wait? Asks the kernel (room_ask) if what is known does not suffice.
 * Leaves errno alone. */
static inline bool room_for(struct conn *c, int fd, size_t n)
{
	return room_taken_by(n) <= atomic_load_explicit(&c->room, memory_order_relaxed) || room_ask(c, fd, n);
}

/* The flags that keep a send(2) of n bytes from waiting: none where there is room for certain. */
static inline int room_flags(struct conn *c, int fd, size_t n)
{
	return n == 0 || room_for(c, fd, n) ? 0 : MSG_DONTWAIT;
}

/* n bytes were written. */
static inline void room_spend(struct conn *c, size_t n)
{
	uint64_t room = atomic_load_explicit(&c->room, memory_order_relaxed), spent = room_taken_by(n);
	atomic_store_explicit(&c->room, (uint16_t)(room > spent ? room - spent : 0), memory_order_relaxed);
}

/* As conn.room it says as little as 0, since no byte has room in so few KiB (room_taken_by). */
enum { ROOM_FOR_NOTHING = 1 };

/* The room is not known any more: bytes were written that are not counted, or the buffer's size changed. */
static inline void room_unknown(struct conn *c)
{
	if (atomic_load_explicit(&c->room, memory_order_relaxed) > ROOM_FOR_NOTHING)
		atomic_store_explicit(&c->room, 0, memory_order_relaxed);
}

/* Waits for room as a send(2) of the program's with these flags would: as long, interrupted by the same signals, with
 * the same errors. No byte is sent, so the thread may be cancelled or jump away meanwhile. `cookie` is the connection's
 * when the caller found no room: if it has changed meanwhile, the number was closed and may be another socket's, which
 * is EBADF. `tries`: how often the caller has waited here and found no room afterwards. Returns 0, or the errno; may
 * change errno. */
int room_wait(const struct conn *c, uint64_t cookie, int fd, int flags, unsigned tries);

/* Enlarges a small send buffer, before a close that would lose bytes. May change errno. */
void room_make(int fd);

/* Does the socket not block (O_NONBLOCK)? May change errno. */
bool room_is_nonblocking(int fd);
/* Is there certainly no room? Leaves errno alone. */
bool room_is_none(int fd);

#endif
