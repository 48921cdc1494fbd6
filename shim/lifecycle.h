/* The life of the process: constructor, copies of it, its end. Wires the modules together; read lifecycle.c first. */
#ifndef ONEWRITE_LIFECYCLE_H
#define ONEWRITE_LIFECYCLE_H

#include <stdbool.h>

#include "sharing.h"

/* Before this process is copied: nothing is held in memory from here on, and no helper runs. */
void lifecycle_before_copy(const char *why);
/* After the copy, or when it failed, in the original: what was known of descriptors proves nothing any more. */
void lifecycle_after_copy(void);
/* In the copy: it starts with nothing held, nothing known and no helper. */
void lifecycle_in_child(void);
/* Before a clone with these flags: what it shares. AS_FORK: lifecycle_before_copy() was called, and what follows it is
 * the caller's business. */
enum sharing lifecycle_before_clone(uint64_t flags, const char *why);
/* After lifecycle_before_copy(), where nobody of ours will see the copy made, nor in the child that it was. */
void lifecycle_copies_unseen(void);
/* Before and after a call that starts another program with copies of our descriptors. */
void lifecycle_before_spawn(const char *why);
void lifecycle_after_spawn(void);
/* Before another image takes this process over, with our descriptors; and when it did not. */
void lifecycle_before_exec(const char *why);
void lifecycle_exec_failed(void);
/* Before and after a call that wants the process to have one thread, and may change what the numbers of descriptors and
 * of processes mean in it. */
void lifecycle_before_unshare(int flags, const char *why);
void lifecycle_before_setns(int fd, int type, const char *why);
void lifecycle_not_alone(void);
/* Before libc ends the program's last thread by itself: with the helper there the process would not end with its
 * status. */
void lifecycle_before_last_thread_ends(const char *why);
/* Before a thread ends, perhaps the last one of the program. */
void lifecycle_before_thread_ends(const char *why);
/* Before a call that changes what its thread may do, and that one only: the helper must not keep what the program
 * gives up. The next one is started by a thread that has given it up. Followed by lifecycle_not_alone(). */
void lifecycle_before_privilege(const char *why);
/* The program was refused a task (EAGAIN), perhaps for ours: from here on there is none for a while. False: there never
 * was one. */
bool lifecycle_gives_way(const char *why);
/* Before a prctl(2) that may set up a sandbox, or be such a call: then true, and lifecycle_not_alone() follows. */
bool lifecycle_before_prctl(unsigned long option, unsigned long mode, unsigned long filter);
/* Before a call that may set up a sandbox. */
void lifecycle_before_seccomp(unsigned long operation, const void *filter);
/* There may be writers that no hook sees: memory is no place to hold from now on. */
void lifecycle_unseen_writers(const char *why);
/* From here on this process runs as if we were not there: it enters a sandbox that may allow no call but its own, or
 * a descriptor's number means another thing in each of its threads. */
void lifecycle_retire(const char *why);
/* It ends without another word, perhaps as the child of a vfork in its parent's memory, where nothing may be switched
 * off: what is held goes, and other threads hold nothing more in memory. */
void lifecycle_ends_at_once(const char *why);
/* The process ends: what is held goes, and nothing is held any more. */
void lifecycle_end(const char *why);

#endif
