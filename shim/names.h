/* One socket, several numbers in this process: what was read by one of them is answered by another (inetd's programs
 * read from 0 and write to 1), and an option that one of them sets holds for all.
 *
 * THREADS. A small table of atomics without a lock. Each name in it is looked at again (has the number this cookie
 * still?), so what is old, or was written over by another socket, costs no more than the knowledge. */
#ifndef ONEWRITE_NAMES_H
#define ONEWRITE_NAMES_H

#include "conn.h"

/* This number may have other names: from now on they tell each other. Where another one knows more, it is believed. */
void names_enter(struct conn *c);
/* Another number, which the call is not about, turns out to be the same socket. Nothing is asked of it: it may be
 * closed just now. */
void names_meet(struct conn *other, struct conn *c);
/* Each other name that is known of this number's socket. */
void names_visit(struct conn *c, void (*visit)(int fd));
/* In a forked child: nothing is known of any number. */
void names_forget_all(void);
/* What this number knows of the next response, and whether it is passed over, is true of its other names. */
void names_tell_slowly(struct conn *c);
static inline void names_tell(struct conn *c)
{
	if (conn_has(c, CONN_NAMES))
		names_tell_slowly(c);
}

#endif
