/* I/O: what is held and what the program's call brings, short writes, and the result that the caller may see. */
#ifndef ONEWRITE_EMIT_H
#define ONEWRITE_EMIT_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "conn.h"

/* One output call of the program, whatever its name. */
struct call {
	int fd;
	int flags;                /* send(2)'s */
	const struct iovec *iov;  /* its bytes */
	size_t iovcnt;
	size_t size;              /* ... all together */
	const struct msghdr *hdr; /* sendmsg: as given */
	enum { DOOR_WRITE, DOOR_WRITEV, DOOR_SEND, DOOR_SENDMSG } door;
};

/* The call as the program made it. */
ssize_t emit_call(const struct call *c);
/* ... with MSG_MORE. */
ssize_t emit_call_more(const struct call *c);

/* What is held and the call's bytes in one system call: writev, or sendmsg where there are flags to keep or many bytes. Returns what
 * the program may see: the count of its own bytes, or -1 and errno as if what is held had been written before. */
ssize_t emit_joined(struct msg *m, const struct call *c, bool more);

/* What is held, by itself, with these send(2) flags. 0, or an errno; what was not taken stays held. */
int emit_held(struct msg *m, int fd, int flags);

/* Bytes that cannot stay held, because their descriptor goes or nobody would send them: waits where the program's own write would
 * have waited (if `patient`), and where that would have been refused makes room. 0, or the errno for which it was given up;
 * *sent grows by what went. */
int emit_surely(int fd, const char *p, size_t n, bool patient, size_t *sent);

/* Push out what the kernel holds after MSG_MORE (or our cork). With Nagle on, a short segment still waits for an earlier one's ACK. */
int emit_push(int fd, const struct msg *m); /* 0, or the errno */
/* Let the kernel hold short segments until emit_uncork(), for calls that have no MSG_MORE and beyond the next ACK. */
void emit_cork(struct msg *m);
/* If there is a cork of ours: nothing may come after the message under it. */
void emit_uncork(struct msg *m, int fd);
/* Send the last short segment whatever Nagle says. The program's TCP_NODELAY reads the same before and after. */
void emit_nudge(int fd);

/* An errno after which nothing can be sent on this connection any more. */
bool emit_is_final(int error);

#endif
