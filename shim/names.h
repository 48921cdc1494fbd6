/* One socket may have several numbers in this process. What was read by one of them is answered by another (programs
 * under inetd read from 0 and write to 1), and an option that is set by one of them holds for all.
 *
 * THREADS. A small table of relaxed atomics, without a lock. Each name found there is checked (does the number still
 * have this cookie?), so an entry that is old, or was overwritten for another socket, costs no more than the
 * knowledge. */
#ifndef ONEWRITE_NAMES_H
#define ONEWRITE_NAMES_H

#include "conn.h"

/* This number may have other names: from now on they tell each other what they know. If another name is known already,
 * what it knows is taken over. */
void names_enter(struct conn *c);
/* Another number, `other`, which the program's call is not about, turns out to be the same socket as c. The kernel is
 * not asked about it, since another thread may be closing it. */
void names_meet(struct conn *other, struct conn *c);
/* Calls visit() for each other known name of this number's socket. */
void names_visit(struct conn *c, void (*visit)(const struct conn *c, struct conn *other));
/* Called in a forked child: forgets all names. */
void names_forget_all(void);
/* Tells the number's other names what it knows of the next response, and whether the socket is passed over. */
void names_tell_slowly(struct conn *c);
static inline void names_tell(struct conn *c)
{
	if (conn_has(c, CONN_NAMES))
		names_tell_slowly(c);
}

#endif
