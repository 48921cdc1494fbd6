/* Sends what is held before its time, for a call of the program after which nothing should be held.
 *
 * "Turn": the function waits for the thread that has the message's turn, usually a writer (turn.h). "Room": it waits
 * for room in the send buffer, EMIT_LAST_WAIT_NS at most for all connections together, and not again for a second. "In
 * time" is that time. What is held also stays where it is if the thread that has the turn waits in a call after all,
 * or if the caller is a signal handler that interrupted its own thread's turn; in the latter case those marked with an
 * asterisk send it nevertheless. In a child of vfork the closing functions do nothing: what it closes stays its
 * parent's. An error that is not reported is kept for the connection's next call that can report it.
 *
 * function                | for which call of the program   | waits for  | what may stay held    | reports an error?
 * ------------------------|---------------------------------|------------|-----------------------|---------------------
 * release                 | connect, most setsockopt,       | turn       | what finds no room    | no
 *                         | shutdown(SHUT_RD), questions    |            |                       |
 *                         | about the queue                 |            |                       |
 * release_from_kernel     | a setsockopt that changes       | turn       | what lies in memory   | no
 *                         | nothing for what lies in memory |            |                       |
 * release_for_read        | a read                          | nothing    | what finds no room;   | yes, but EPIPE
 *                         |                                 |            | all if another thread |
 *                         |                                 |            | has the turn          |
 * release_or_fail         | getsockopt(SO_ERROR)            | nothing    | the same              | yes
 * release_surely          | a write that is not joined (by  | turn, room | what finds no room in | no
 *                         | number, for example)            |            | time                  |
 * release_aliased         | one that makes a second name of | turn, room | the same              | no
 *                         | the socket: dup, fdopen,        |            |                       |
 *                         | SCM_RIGHTS                      |            |                       |
 * release_ending *        | shutdown(SHUT_WR, SHUT_RDWR)    | turn, room | nothing: the rest is  | the next call: EIO
 *                         |                                 |            | lost                  |
 * release_closing *       | one that ends a descriptor:     | turn, room | nothing: the rest is  | EIO: bytes are lost
 *                         | fclose, dup2 over it            |            | lost                  |
 * release_close *         | close(2)                        | turn, room | the same              | EIO, RELEASE_LATER
 * release_closing_range * | close_range, closefrom          | turn, room | the same              | no
 * release_corked          | a copy of the process, first    | turn       | what finds no room    | no
 * release_all             | a copy of the process: fork,    | turn, room | what finds no room in | no
 *                         | posix_spawn; a change of        |            | time                  |
 *                         | privileges                      |            |                       |
 * release_before_exec *   | exec                            | turn, room | the same              | no
 * release_at_the_end *    | the end of the process          | turn, room | the same              | no
 * release_for_good        | one after which the library     | turn, room | nothing: the rest is  | the next write:
 *                         | does nothing more: a sandbox    |            | lost                  | EPIPE
 * release_held            | any; the caller has the turn    | nothing    | what finds no room    | no: state FAILED */
#ifndef ONEWRITE_RELEASE_H
#define ONEWRITE_RELEASE_H

#include "conn.h"
#include "reason.h"

/* The functions that return an int return 0 or the errno that the call is to fail
 * with. */
void release(int fd, enum reason why);
void release_from_kernel(int fd);
void release_surely(int fd);
int release_or_fail(int fd);
int release_for_read(int fd);
/* connect(2) with an address of AF_UNSPEC has ended the connection, and with it what was to be sent on it, and what was
 * to be reported of it. The socket can have another one. */
void release_disconnected(int fd);
void release_ending(int fd);
int release_closing(int fd);
/* RELEASE_LATER: a signal handler closes the descriptor that its own thread is writing to. The close is said to have
 * succeeded, and that thread closes the descriptor when its call is over. */
enum { RELEASE_LATER = -1 };
int release_close(int fd);
void release_closing_range(unsigned first, unsigned last);
void release_all(enum reason why);
void release_at_the_end(void);
/* Covers the connections that the program has corked. What lies under its own cork can be pushed only while no other
 * process has the socket, so this comes before the others are given it. */
void release_corked(void);
void release_before_exec(void);
void release_aliased(int fd);

/* Afterwards no descriptor is known any more. */
void release_for_good(void);

/* `next` is the message's state if all is sent. The caller has the turn. What the last write's call, on its way in
 * another thread, may take along stays held (msg_is_flying). */
void release_held(struct msg *m, enum hold_state next);
/* Does the number still mean, in this thread, the socket that the message is for? The caller has the turn. */
bool release_is_here(const struct msg *m);
/* In a child of vfork that has made or closed descriptors: is the message its parent's, while the number is another
 * socket in the child? Then the message is left alone. The caller has the turn. */
bool release_is_our_parents(const struct msg *m);

#endif
