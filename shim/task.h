/* What the kernel says of the threads of this process: what one does, how much it ran, whether it has ended, how many
 * are left. A thread is named by the kernel's number (gettid(2)). All of it is asked anew each time, by system calls,
 * so it is asked only where something has gone on for longer than usual. */
#ifndef ONEWRITE_TASK_H
#define ONEWRITE_TASK_H

#include <stdbool.h>
#include <stdint.h>

/* The memory is that of this process from now on: called at the start, and in a forked child. */
void task_own_process(int pid);
/* Does the memory belong to the process that runs? Not in a child of vfork. */
bool task_memory_is_ours(void);

/* TASK_SLEEPS: it waits for something, and not for a CPU. TASK_UNKNOWN: there is no /proc, or no descriptor is free. */
enum task_state { TASK_RUNS, TASK_SLEEPS, TASK_UNKNOWN };
/* What does this thread do? Takes a descriptor for some 20 us. Changes errno. */
enum task_state task_state(int tid);
/* Has this thread ended? Changes errno. */
bool task_has_ended(int tid);
/* The CPU time that this thread has used, in nanoseconds; 0: not known. Leaves errno alone. */
uint64_t task_ran(int tid);

/* Has the main thread of the process ended? Changes errno. */
bool task_main_has_ended(void);
/* Has the process exactly n threads that have not ended? Changes errno. */
bool task_are_left(unsigned n);
/* Lists the threads of the process. Returns how many there are, `most` at most; 0: they cannot be listed. Takes a
 * descriptor meanwhile. Changes errno. */
unsigned task_list(int *tids, unsigned most);

#endif
