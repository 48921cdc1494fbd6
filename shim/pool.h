/* Memory for messages, without malloc: a hook may run inside malloc, before main, or in a signal handler.
 *
 * Blocks are never given back to the kernel. A block that is a message stays one, so a stale pointer to a message still
 * points to a message (turn.h says why that matters); a block that was a buffer may become one. The kernel wipes all of
 * it in a forked child, to which nothing in it belongs. */
#ifndef ONEWRITE_POOL_H
#define ONEWRITE_POOL_H

#include <stdbool.h>
#include <stdatomic.h>
#include <stddef.h>

/* Maps zeroed pages, `size` bytes, that a forked child finds zeroed again. Returns NULL when there is no memory. Leaves
 * errno alone. */
void *pool_pages(size_t size);
/* The same for memory that is used little by little. *size is the wish; it becomes POOL_LEAST where so much is not to
 * be had, or where all of it would be locked at once (mlockall). */
enum { POOL_LEAST = 16384 };
void *pool_reserve(size_t *size);
/* False once the kernel has refused to wipe pages at a fork: then the fork handler clears the tables, and pool_forget()
 * drops the pool in the child. */
bool pool_wipes_on_fork(void);
void pool_forget(void);

/* A structure of `size` bytes in pages of its own, which begins with the lock that guards it. pool_guarded() returns
 * *where, and maps it at the first need; NULL: there is no memory. pool_enter() takes its lock, and returns false where
 * that cannot be had within 10 ms. A structure that a thread has jumped out of is left as it is then, and the next one
 * begins; a thread that is in it and has no CPU keeps it. */
typedef void *_Atomic pool_place;
void *pool_guarded(pool_place *where, size_t size);
bool pool_enter(pool_place *where, void *guarded);

/* Takes a block of at least `size` bytes (a power of two from 256 bytes to 16 KiB); *got is its real size. Returns NULL
 * if there is no memory, or the pool's lock cannot be had. pool_give() takes *got back, without a lock. */
void *pool_take(size_t size, size_t *got);
void pool_give(void *block, size_t got);

#endif
