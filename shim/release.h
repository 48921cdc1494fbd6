/* What is held goes before its time, for a call of the program's after which nothing may be held.
 *
 *                        | for which call                       | what may stay held              | reports an error
 * that waits release              | most                                 | what finds no room              | no
 *   release_from_kernel  | one that only matters to the kernel  | what lies in our memory         | no
 *   release_for_read     | a read                               | all, if another thread is sending it | yes, but EPIPE
 *   release_or_fail      | getsockopt(SO_ERROR)                 | all, if another thread is sending it | yes
 *   release_surely       | one that writes past us              | what finds no room in time      | no
 *   release_aliased      | one that makes a second name         | what finds no room in time      | no
 *   release_ending       | shutdown                             | nothing: then it is lost, and the next call says so |
 * no release_closing      | one that takes the descriptor away   | nothing: then it is lost        | yes: what was lost
 *   release_all          | a copy of the process                | what finds no room in time      | no
 *   release_at_the_end   | the process's end                    | what finds no room in time      | no
 *
 * "In time": within EMIT_LAST_WAIT_NS, once for all connections together. */
#ifndef ONEWRITE_RELEASE_H
#define ONEWRITE_RELEASE_H

#include "conn.h"

/* `why` is for the trace. */
void release(int fd, const char *why);
void release_from_kernel(int fd, const char *why);
void release_surely(int fd, const char *why);
int release_or_fail(int fd, const char *why);
int release_for_read(int fd);
void release_ending(int fd, const char *why);
int release_closing(int fd, const char *why);
/* The same for close(2). RELEASE_LATER: a signal handler closes what its own thread is writing to, and the thread will
 * close it when that call is over. */
enum { RELEASE_LATER = -1 };
int release_close(int fd);
void release_closing_range(unsigned first, unsigned last, const char *why);
void release_all(const char *why);
void release_at_the_end(const char *why);
/* Before others may have the sockets, too: what lies under the program's own cork can be pushed only by who has a
 * socket alone. */
void release_corked(const char *why);
void release_before_exec(const char *why);
void release_aliased(int fd, const char *why);

/* Everything goes, and no descriptor is known any more. */
void release_for_good(const char *why);

/* Send what is held, never waiting. The caller has the turn. An error is kept for a call that can report it. */
void release_held(struct msg *m, enum hold_state next);
/* Is the number, for this thread, still the socket that the message is for? The caller has the turn. */
bool release_is_here(const struct msg *m);

#endif
