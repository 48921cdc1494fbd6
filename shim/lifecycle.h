/* The life of the process: constructor, copies, end. It joins the other modules together; read lifecycle.c first. `why`
 * is a word for the trace. The functions for the program's calls leave errno alone. */
#ifndef ONEWRITE_LIFECYCLE_H
#define ONEWRITE_LIFECYCLE_H

#include <stdbool.h>

#include "sharing.h"

/* Called before this process is copied, as by fork: from here on nothing is held in memory, and the helper has
 * ended. */
void lifecycle_before_copy(void);
/* Called in the original after the copy, or when it failed. What was known of descriptors proves nothing any more. */
void lifecycle_after_copy(void);
/* Called in the copy, which starts with nothing held, nothing known and no helper. */
void lifecycle_in_child(void);
/* Called before a clone with these flags; returns what it shares. AS_FORK: lifecycle_before_copy() was called, and the
 * caller has to see to what follows it. */
enum sharing lifecycle_before_clone(uint64_t flags);
/* Called after lifecycle_before_copy(), where no hook will run after the copy, in the original or in the child. */
void lifecycle_copies_unseen(void);
/* Called before and after a call that starts another program with copies of our descriptors. */
void lifecycle_before_spawn(void);
void lifecycle_after_spawn(void);
/* Called before exec, which gives this process and its descriptors to another image; and when exec failed. */
void lifecycle_before_exec(void);
void lifecycle_exec_failed(void);
/* Called before and after a call that wants the process to have one thread only, and that may change what numbers of
 * descriptors or processes mean in it. */
void lifecycle_before_unshare(int flags);
void lifecycle_before_setns(int fd, int type);
void lifecycle_not_alone(void);
/* Called before libc ends the program's last thread by itself. With the helper still there the process would not end
 * with that thread's status. */
void lifecycle_before_last_thread_ends(void);
/* Called before a thread ends, which may be the program's last one. */
void lifecycle_before_thread_ends(void);
/* Called before a call that changes what its own thread may do: the helper must not keep what the program gives up. The
 * next helper is started by a thread that has given it up. lifecycle_not_alone() follows. */
void lifecycle_before_privilege(void);
/* The program was refused a task (EAGAIN), perhaps because of the helper: it ends, and for a while there is no other.
 * Returns false if there never was a helper here; true: the call is worth another attempt. */
bool lifecycle_gives_way(void);
/* Called before a prctl(2) that may set up a sandbox, or change what its thread may do. In the latter case returns
 * true, and lifecycle_not_alone() follows. */
bool lifecycle_before_prctl(unsigned long option, unsigned long mode, unsigned long filter);
/* Called before seccomp(2), which may set up a sandbox. */
void lifecycle_before_seccomp(unsigned long operation, unsigned long flags, const void *filter);
/* There may be writers that no hook sees: from now on nothing is held in memory. */
void lifecycle_unseen_writers(void);
/* From here on the process runs as if the library were not there: it enters a sandbox that may allow only the program's
 * own calls, or a number means different descriptors in different threads. */
void lifecycle_retire(void);
/* The process ends without exit handlers. It may be the child of a vfork in its parent's memory, where nothing may be
 * switched off. What is held is sent, and other threads hold nothing more in memory. */
void lifecycle_ends_at_once(void);
/* The process ends: what is held is sent, and nothing is held any more. */
void lifecycle_end(void);

#endif
