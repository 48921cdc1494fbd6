/* The helper is a thread that is nobody in particular: what the thread that happens to start it has narrowed for itself
 * is not the helper's. */
#ifndef ONEWRITE_ORDINARY_H
#define ONEWRITE_ORDINARY_H

#include <pthread.h>
#include <stdbool.h>

/* In the constructor: note which CPUs the process has. */
void ordinary_begin(void);
/* Of a thread that the caller is about to create: the usual policy, and the CPUs of the process. They are set before it
 * runs, for its creator may not let it run. False: it could not keep the time, a real-time thread has its only CPU. */
bool ordinary_attributes(pthread_attr_t *attr);
/* By its creator afterwards: the CPUs, where libc has no attribute for them (musl). */
void ordinary_created(pthread_t helper);
/* By that thread: its own timer slack and nice value. What cannot be had is left. */
void ordinary_self(void);

#endif
