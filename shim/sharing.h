/* What does a new task share with the one that makes it? Decided by the flags of the very clone. PURE. */
#ifndef ONEWRITE_SHARING_H
#define ONEWRITE_SHARING_H

#include <stdint.h>

enum sharing {
	SHARES_ALL, /* a thread: memory, descriptors, process; and it has a thread pointer, by which locks know it */
	AS_FORK,    /* copies of memory and of descriptors */
	AS_VFORK,   /* the same memory until it ends or calls exec, copies of descriptors, another process number */
	IN_PART,    /* else: what is known of a number here is not true there, or a lock does not know its owner */
};

enum sharing sharing_of(uint64_t clone_flags);

#endif
