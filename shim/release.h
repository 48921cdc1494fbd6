/* What is held goes before its time: for a call after which nothing may be held, or because its time is up. */
#ifndef ONEWRITE_RELEASE_H
#define ONEWRITE_RELEASE_H

#include "conn.h"

/* Before a call after which nothing may be held. `why` is for the trace. */
void release(int fd, const char *why);
/* ... which only matters to what the kernel holds: in our memory it may stay. */
void release_from_kernel(int fd, const char *why);
/* ... or which writes by a way that could overtake it: nothing stays behind, a full send buffer notwithstanding. */
void release_surely(int fd, const char *why);
/* ... and which can report an error that waits: 0, or the errno. Never waits for anybody. */
int release_or_fail(int fd, const char *why);
int release_for_read(int fd);
/* Before a call which ends the sending side. */
void release_ending(int fd, const char *why);
/* ... which takes the descriptor away. Never waits for a writer or for the helper. */
void release_closing(int fd, const char *why);
void release_closing_range(unsigned first, unsigned last, const char *why);
/* ... which copies all descriptors to another process, or ends this one: nothing stays behind, a full send buffer notwithstanding. */
void release_all(const char *why);

/* ... and no descriptor is known any more. */
void release_for_good(const char *why);

/* Another descriptor of the same socket comes to be, or another hand on this one. */
void release_aliased(int fd, const char *why);

/* Send what is held, never waiting. Caller has the lock. An error is kept for a call that can report it. */
void release_held(struct msg *m, int fd, enum hold_state next);

/* Before the first hold, in a process of one thread: the helper's own descriptors will find their place at once. */
void release_make_room(int fd);
void release_in_child(void);

/* What the helper does when a deadline falls due. */
deadline_look release_due;

#endif
