/* Connections whose creation the library did not see: inherited by exec or fork, received from another process, or made
 * as a second name of a known one.
 *
 * The requests that are read from such a connection are looked at as on one that was accepted here. Nothing is held for
 * it in memory, for other processes may have the socket as well (conn_is_ours). */
#ifndef ONEWRITE_ARRIVALS_H
#define ONEWRITE_ARRIVALS_H

/* A descriptor came in from elsewhere (SCM_RIGHTS, pidfd_getfd, an accept by system call number), and nothing is known
 * about its number yet. If it is a TCP socket, await a request on it. Leaves errno alone. */
void arrivals_one(int fd);
/* fd is about to be passed on, perhaps to this very process. If it is a connection, enter it in the table of names
 * (names.h), so that a second name of it will be recognised. Leaves errno alone. */
void arrivals_leave(int fd);
/* fd, which has just come in, is the same socket as the number `other`, which the current call is not about. */
void arrivals_same(int fd, int other);
/* dup(2) or one of its kin has made `to` a second name of `from`; nothing is known about `to` yet. -1: the call failed,
 * and there is nothing to do. Returns `to`, and leaves errno alone. */
int arrivals_second(int from, int to);
/* Called by the constructor: look at the descriptors that this process was started with. */
void arrivals_at_start(void);
/* A forked child starts with empty tables. These three hand it the list of its parent's connections: pack before the
 * fork, drop after it in the parent, unpack in the child. The list belongs to the calling thread. pack and drop leave
 * errno alone. */
void arrivals_pack(void);
void arrivals_drop(void);
void arrivals_unpack(void);

#endif
