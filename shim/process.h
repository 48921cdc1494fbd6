/* Whose memory this is, and whether its descriptors are about to be another process's, too.
 *
 * Bytes that are held in memory can be overtaken by another process that has the socket. What a descriptor has gone
 * through proves that no other process has it (conn.h); this file keeps what makes such proofs void for all descriptors
 * at once. A thread that holds in memory makes the hold visible and then asks process_allows_memory(); a thread that
 * copies descriptors calls process_copy_begins() and then looks for holds. So one of the two sees the other, which is
 * why the atomics here have the default memory order. */
#ifndef ONEWRITE_PROCESS_H
#define ONEWRITE_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden) /* -fvisibility does not apply to declarations; hidden data is one load away. */
extern atomic_uint process_epoch; /* Raised at the beginning and at the end of everything that may copy descriptors. */
/* A child of vfork has made, closed or replaced a descriptor, so a number may mean another socket for it than for its
 * parent. */
extern atomic_bool process_lent;
extern atomic_uint process_forbids; /* the number of reasons that forbid holding in memory now */
#pragma GCC visibility pop

/* As far as other processes are concerned, may bytes for a descriptor that was made in `epoch` be held in memory? */
static inline bool process_allows_memory(unsigned epoch)
{
	return epoch == atomic_load(&process_epoch) && atomic_load(&process_forbids) == 0;
}

/* Called before all descriptors are copied to another process or another image (fork, exec, posix_spawn). From here on
 * nothing is held in memory; the caller then releases what is held already. */
void process_copy_begins(void);
/* Called after the copy, or when it failed. No descriptor that was made before or meanwhile is proven to be ours
 * alone. */
void process_copy_ended(void);
/* Called when the process that has copies of the descriptors goes its own way: the child of a vfork calls exec. */
void process_copy_left(void);

/* Forbids memory for good: there may be writers whose calls no hook sees (io_uring, RTLD_DEEPBIND), or the user wants
 * it so (ONEWRITE_HOLD=kernel). */
__attribute__((cold)) void process_forbid_memory(void);

/* Called in the constructor: notes this process as the owner of the memory. Returns false if the process is not told
 * its number (by a sandbox): then a child of vfork could not recognise itself. */
bool process_begin(void);
/* Called before the first connection is known: notes the owner in a page that a copy of the process finds wiped.
 * Returns false if there is no memory, or the memory is not ours (we are the child of a vfork). */
bool process_note_owner(void);

/* Are we in our parent's memory, with a process number and descriptors of our own, as the child of a vfork or of a
 * similar clone? What such a child closes or replaces its parent still has. It must not start the helper, either: that
 * thread would end with the child, and the parent would count on it. */
bool process_is_borrowed(void);

/* Nothing is held in this memory any more, for good: it does not matter from now on whose it is, and the question,
 * which a sandbox may kill for, is not asked. */
void process_retire(void);

/* Called in a forked child: the memory is its own now, and no copy that was under way in the parent is under way
 * here. */
void process_own(void);

#endif
