/* What does a new task share with the task that makes it? Decided by the flags of the very clone. A pure function: no
 * I/O, no state. */
#ifndef ONEWRITE_SHARING_H
#define ONEWRITE_SHARING_H

#include <stdint.h>

enum sharing {
	/* a thread: memory, descriptors, process; and it has its own thread pointer, by which locks know it */
	SHARES_ALL,
	AS_FORK,  /* it has copies of the memory and of the descriptors */
	AS_VFORK, /* the same memory until it ends or calls exec, copies of the descriptors, another process number */
	IN_PART,  /* anything else: a number means another descriptor there, or a lock does not know its owner */
};

enum sharing sharing_of(uint64_t clone_flags);

#endif
