/* The system calls that send what is held and what the program's call brings.
 *
 * Functions that take a message expect the caller to have its turn. Nothing here waits but emit_call(),
 * emit_call_more() and emit_surely(). */
#ifndef ONEWRITE_EMIT_H
#define ONEWRITE_EMIT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "conn.h"

/* One output call of the program, by whichever function it was made. */
struct call {
	int fd;
	int flags;               /* of send(2); 0 for write() and writev() */
	const struct iovec *iov; /* its bytes */
	size_t iovcnt;
	size_t size;              /* the bytes of all pieces together */
	const struct msghdr *hdr; /* sendmsg(): the caller's; sendto(): one with the address only; else NULL */
	enum { DOOR_WRITE, DOOR_WRITEV, DOOR_SEND, DOOR_SENDTO, DOOR_SENDMSG } door; /* the function */
};

/* Make the call as the program made it, and return its result. It may wait, so the caller must not hold a lock. */
ssize_t emit_call(const struct call *c);
/* The same with MSG_MORE. */
ssize_t emit_call_more(const struct call *c);
/* Would the program's call wait for room in the send buffer? Not with MSG_DONTWAIT or O_NONBLOCK. May change errno. */
bool emit_waits(const struct call *c);

/* Block all signals around a system call and the note of its result: a signal handler that jumped away between the two
 * would leave it unknown what the call did. emit_let_signals() restores the mask. */
static inline void emit_hold_signals(sigset_t *before)
{
	sigset_t all;
	sigfillset(&all);
	own_sigmask(SIG_SETMASK, &all, before);
}

static inline void emit_let_signals(const sigset_t *before)
{
	own_sigmask(SIG_SETMASK, before, NULL);
}

/* How many bytes one system call takes at most, see write(2). */
#define EMIT_CALL_MAX 0x7ffff000u
/* Can what is held and the call's bytes go in one system call? */
bool emit_fits(const struct call *c);
/* Send both in one call: writev(), or sendmsg() if `flags` (of send(2)) is not 0. Returns how many bytes of both
 * together were taken, or -1 and errno; the caller notes what became of the held ones. The caller has made sure that
 * the call cannot wait: by MSG_DONTWAIT, or because there is room (room.h). */
ssize_t emit_joined(struct msg *m, const struct call *c, int flags);

/* Send what is held by itself, with these send(2) flags: MSG_DONTWAIT is among them unless there is room for certain.
 * Returns 0 or an errno; what was not taken stays held. No signal handler runs between a call and the note of what it
 * took. */
int emit_held(struct msg *m, int fd, int flags);

/* Send n bytes that cannot be kept. Where there is no room it enlarges a small send buffer, and waits at most
 * EMIT_LAST_WAIT_NS, even in a turn. Returns 0, or the errno for which it gave up; *sent grows by the number of bytes
 * that were taken. Leaves errno alone. */
#define EMIT_LAST_WAIT_NS 200000000u
int emit_surely(int fd, const char *p, size_t n, size_t *sent);

/* Make the kernel send what it holds because of MSG_MORE or a cork of the library. With Nagle's algorithm on, a short
 * segment still waits for the ACK of an earlier one. A cork that the program or another process has set stays on; under
 * it the bytes are sent only if no other process has the socket. Returns 0, or an errno. Leaves errno alone. */
int emit_push(int fd, const struct msg *m);
/* Set TCP_CORK: the kernel holds short segments until emit_uncork(), also those of calls that take no MSG_MORE, and
 * beyond the next ACK. Leaves errno alone. */
void emit_cork(struct msg *m);
/* Take the library's cork off, if it is on, and send what lies under it. Leaves errno alone. */
void emit_uncork(struct msg *m, int fd);
/* Send the last short segment even if Nagle's algorithm would keep it back, by setting TCP_NODELAY and setting it back.
 * The caller has the turn, which the program's own calls about TCP_NODELAY take as well, so the program sees no change.
 * Does nothing if another process may have the socket, for its calls take no turn. Leaves errno alone. */
void emit_nudge(int fd);

/* Is this an errno after which nothing can be sent on the connection any more? */
bool emit_is_final(int error);

#endif
