/* Who shares what with whom: whose memory this is, and whether its descriptors are about to be somebody else's, too.
 *
 * Bytes in our memory can be overtaken by whoever else has the socket. A descriptor's history proves that nobody has
 * (conn.h); here is what makes such proofs void for all descriptors at once. Whoever holds in memory makes the hold
 * visible and then asks process_allows_memory(); whoever copies descriptors calls process_copy_begins() and then looks
 * for holds: one of the two sees the other. */
#ifndef ONEWRITE_PROCESS_H
#define ONEWRITE_PROCESS_H

#include <stdatomic.h>
#include <stdbool.h>

#pragma GCC visibility push(hidden) /* -fvisibility says nothing about declarations; hidden data is one load away */
extern atomic_uint process_epoch;   /* raised at the beginning and at the end of everything that may copy descriptors */
/* a child of vfork has made, closed or replaced a descriptor: under its number it may have another socket than we */
extern atomic_bool process_lent;
extern atomic_uint process_forbids; /* how many reasons there are now why our memory is no place to hold */
#pragma GCC visibility pop

/* May what is held for a descriptor born in `epoch` lie in our memory, as far as other processes are concerned? */
static inline bool process_allows_memory(unsigned epoch)
{
	return epoch == atomic_load(&process_epoch) && atomic_load(&process_forbids) == 0;
}

/* All descriptors are about to be copied to another process, or another image (fork, exec, posix_spawn). From here on
 * nothing is held in memory; the caller then releases what is held already. */
void process_copy_begins(void);
/* The descriptors were copied, or could not be. None that was born before, or meanwhile, is known to be ours alone. */
void process_copy_ended(void);
/* The descriptors were copied earlier, and who has the copies goes its own way now: the child of a vfork calls exec. */
void process_copy_left(void);

/* For good: there may be writers whose calls no hook sees (a ring, RTLD_DEEPBIND), or the user wants it so
 * (ONEWRITE_HOLD=kernel). */
void process_forbid_memory(void);

/* In the constructor: this is the process that the memory belongs to. False: it is not told its number (a sandbox), so
 * a child of vfork would not know itself. */
bool process_begin(void);
/* Before the first connection is known: note it where a copy of the process finds it gone. False: there is no room to
 * note it, or it is not ours (we are the child of a vfork). */
bool process_note_owner(void);

/* Are we in our parent's memory, with a process number and descriptors of our own: the child of a vfork or of its kin?
 * What such a child closes or replaces its parent still has. Nor must it start the helper: that thread would end with
 * the child, and the parent would count on it. */
bool process_is_borrowed(void);

/* In a forked child: the memory is its own now, and whatever was copying in the parent is not copying here. */
void process_own(void);

#endif
