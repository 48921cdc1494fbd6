/* Connections that were not made before our eyes: they came with exec or fork, from another process, or are a second
 * name. What is read there is looked at as on one that was accepted here, and nothing else is promised of them: they
 * are shared (conn.h). */
#ifndef ONEWRITE_ARRIVALS_H
#define ONEWRITE_ARRIVALS_H

/* A number that nothing is known about, and that somebody else may have made. Leaves errno alone. */
void arrivals_one(int fd);
/* A connection is about to get another name somewhere, perhaps here. Leaves errno alone. */
void arrivals_leave(int fd);
/* It is the same socket as the number `other`, which the call is not about. */
void arrivals_same(int fd, int other);
/* `to` was made another name of `from`, and nothing is known about it yet; or it could not be (-1). Returns it, and
 * leaves errno alone. */
int arrivals_second(int from, int to);
/* In the constructor: what this process was started with. */
void arrivals_at_start(void);
/* Before a fork, after it in the parent, and in the child, where no number is known any more: its parent's connections
 * are known to be such. */
void arrivals_pack(void);
void arrivals_drop(void);
void arrivals_unpack(void);

#endif
