/* A thread of the library's own among the threads of the program: how it is created, and how its end is waited for.
 * What it does, and when, is its caller's concern (deadline.h). */
#ifndef ONEWRITE_THREAD_H
#define ONEWRITE_THREAD_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct thread {
	bool joinable;     /* it was created, and has not been joined yet; guarded by the caller's lock */
	pthread_t id;      /* libc's; guarded by the caller's lock */
	_Atomic pid_t tid; /* the kernel's; atomic, in the default memory order; written by the thread itself */
};

/* Called by the thread first: blocks all signals, takes the scheduling of an ordinary thread of the process, and notes
 * its number. */
void thread_begin(struct thread *t);
/* Create the thread. A previous one that is about to end by itself is waited for, 10 ms at most. False: it could not be
 * created, or the previous one has not ended. Leaves errno alone. The caller holds its lock, and blocks all signals
 * about which something is done, so that no handler runs on either thread. */
bool thread_start(struct thread *t, void *(*run)(void *), void *arg);
/* Wait until the thread, which was told to end, is gone for the kernel, too: at most 100 ms if it sleeps somewhere, or
 * 5 s if it wants a CPU and gets none. False: it is not gone. Changes errno. The caller holds its lock, and cannot be
 * cancelled. */
bool thread_join(struct thread *t);

#endif
