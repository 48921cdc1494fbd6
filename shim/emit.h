/* I/O: what is held and what the program's call brings. Nothing here waits, but for the program's own call. */
#ifndef ONEWRITE_EMIT_H
#define ONEWRITE_EMIT_H

#include <signal.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "conn.h"

/* One output call of the program, whatever its name. */
struct call {
	int fd;
	int flags;               /* send(2)'s */
	const struct iovec *iov; /* its bytes */
	size_t iovcnt;
	size_t size;              /* the bytes of all pieces together */
	const struct msghdr *hdr; /* sendmsg: as given; sendto: the address */
	enum { DOOR_WRITE, DOOR_WRITEV, DOOR_SEND, DOOR_SENDTO, DOOR_SENDMSG } door;
};

/* The call as the program made it. May wait: not with a lock in hand. */
ssize_t emit_call(const struct call *c);
/* The same with MSG_MORE. */
ssize_t emit_call_more(const struct call *c);
/* Would the program's call wait for room? */
bool emit_waits(const struct call *c);

/* A handler that jumped away between a call and the note of what it did would leave a guess: so none runs meanwhile. */
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

/* The most bytes that one system call takes, see write(2). */
#define EMIT_CALL_MAX 0x7ffff000u
/* Can what is held and the call's bytes go in one system call? */
bool emit_fits(const struct call *c);
/* They go: writev, or sendmsg where there are flags to keep. Returns how many bytes of both together were taken, or -1
 * and errno. The caller has seen to it that the call cannot wait, by its flags or by proof (room.h). */
ssize_t emit_joined(struct msg *m, const struct call *c, int flags);

/* What is held, by itself, with these send(2) flags: MSG_DONTWAIT among them, unless there is proof of room. 0, or an
 * errno; what was not taken stays held. No signal handler comes between the call and the note of what it took. */
int emit_held(struct msg *m, int fd, int flags);

/* Bytes that cannot stay where they are, because their descriptor goes: makes room where there is none, and waits for
 * it at most EMIT_LAST_WAIT_NS. 0, or the errno for which it was given up; *sent grows by what went. */
#define EMIT_LAST_WAIT_NS 200000000u
int emit_surely(int fd, const char *p, size_t n, size_t *sent);

/* Push out what the kernel holds after MSG_MORE (or our cork). With Nagle on, a short segment still waits for an
 * earlier one's ACK. Where others have the socket, and somebody has corked it meanwhile, it waits for that cork's end.
 */
int emit_push(int fd, const struct msg *m); /* 0, or the errno */
/* Let the kernel hold short segments until emit_uncork(), for calls that have no MSG_MORE and beyond the next ACK. */
void emit_cork(struct msg *m);
/* If there is a cork of ours: nothing may come after the message under it. */
void emit_uncork(struct msg *m, int fd);
/* Send the last short segment whatever Nagle says. The program's TCP_NODELAY reads the same before and after: its own
 * setsockopt takes the turn that the caller has. Where others have the socket nothing is done, for theirs does not: the
 * segment waits as it would have bare. */
void emit_nudge(int fd);

/* An errno after which nothing can be sent on this connection any more. */
bool emit_is_final(int error);

#endif
