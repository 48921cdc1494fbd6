/* Gives the helper the scheduling of an ordinary thread of the process (policy, CPUs, timer slack, niceness), whatever
 * the thread that happens to start it has narrowed for itself. */
#ifndef ONEWRITE_ORDINARY_H
#define ONEWRITE_ORDINARY_H

#include <pthread.h>
#include <stdbool.h>

/* Called in the constructor: notes which CPUs the process has. */
void ordinary_begin(void);
/* Prepares the attributes of the thread that the caller is about to create: the usual policy, and the CPUs of the
 * process. They are set before the thread runs, because its creator may keep it from running. Returns false if the
 * helper could not keep the time, because a real-time thread has its only CPU. */
bool ordinary_attributes(pthread_attr_t *attr);
/* Called by the creator afterwards: sets the CPUs where libc has no attribute for them (musl). */
void ordinary_created(pthread_t helper);
/* Called by the helper itself: sets its timer slack and nice value. What is refused stays as it is. */
void ordinary_self(void);

#endif
