/* The life of the process: constructor, copies of it, its end. Wires the modules together; read lifecycle.c first. */
#ifndef ONEWRITE_LIFECYCLE_H
#define ONEWRITE_LIFECYCLE_H

/* Before this process is copied: nothing is held any more, no helper runs, and descriptors of now prove nothing. */
void lifecycle_before_copy(const char *why);
/* After it, in the original. */
void lifecycle_after_copy(void);
/* In the copy: it starts with nothing held, nothing known and no helper. */
void lifecycle_in_child(void);
/* Before another image runs with our descriptors. */
void lifecycle_before_spawn(const char *why);
/* Before a call that wants the process to have one thread; lifecycle_after_copy() afterwards. */
void lifecycle_alone(const char *why);
/* There may be writers that no hook sees: memory is no place to hold from now on. */
void lifecycle_unseen_writers(const char *why);
/* From here on this process runs as if we were not there: it enters a sandbox that may allow no call but its own, or a descriptor's number
 * means another thing in each of its threads. */
void lifecycle_retire(const char *why);
/* The process ends: what is held goes, and nothing is held any more. */
void lifecycle_end(const char *why);

#endif
