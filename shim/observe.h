/* ONEWRITE_OBSERVE: the library does nothing, and counts what it would have done.
 *
 * Every call of the program is made as it is, and its bytes are followed afterwards by the same recogniser, framing and
 * table as otherwise. After the constructor the library makes no system call, takes no memory and starts no thread, but
 * for the file in which it counts. So some things are told by what was seen only: a socket is a TCP connection if the
 * process accepted or connected it, from a socket that it made or was started with.
 *
 * THREADS. What is known of a descriptor has a lock, which nobody waits for: a call that finds it taken is not
 * followed. */
#ifndef ONEWRITE_OBSERVE_H
#define ONEWRITE_OBSERVE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/uio.h>

#include "emit.h"
#include "reason.h"

/* Called by the constructor. Returns false if there is no memory. May change errno. */
bool observe_begin(void);
/* Called after the program's call, or in a forked child. All leave errno alone. */
void observe_in_child(void);
void observe_socket(int fd, bool tcp);
void observe_accepted(int listener, int fd);
void observe_connected(int fd);
void observe_read(int fd, size_t n, const struct iovec *iov, size_t iovcnt);
void observe_lead(int fd, size_t n);
void observe_nodelay(int fd, bool on);
void observe_cork(int fd, bool on);
void observe_passed_over(int fd);
/* Called before a call ahead of which what is held would be sent, on this descriptor or on all. */
void observe_released(int fd, enum reason why);
void observe_released_all(enum reason why);
/* Called before the close, also for a range of numbers. */
void observe_closing(unsigned first, unsigned last);
/* Makes the program's output call, and follows what it wrote. */
ssize_t observe_call(const struct call *call);

#endif
