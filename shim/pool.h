/* Memory for messages in progress, without malloc: a hook may run inside malloc, before main or in a signal handler.
 *
 * Blocks are never given back to the kernel and never change their kind, so a stale pointer to a message still points
 * to a message (turn.h says why that matters). All of it is wiped in a forked child: nothing there belongs to the
 * child. */
#ifndef ONEWRITE_POOL_H
#define ONEWRITE_POOL_H

#include <stdbool.h>
#include <stddef.h>

/* Fresh zeroed pages that a forked child finds zeroed again; NULL when there is no memory. */
void *pool_pages(size_t size);
/* The same for what is used bit by bit: *size bytes, or POOL_LEAST where those are not to be had, or would all be
 * locked at once (mlockall). */
enum { POOL_LEAST = 16384 };
void *pool_reserve(size_t *size);
/* False once the kernel refused to wipe pages at fork: the fork handler must do it by hand. */
bool pool_wipes_on_fork(void);
void pool_forget(void);

/* A block of at least `size` bytes (512 ... 16 KiB + a little); *got is its real size. NULL: none to be had. */
void *pool_take(size_t size, size_t *got);
void pool_give(void *block, size_t got);

#endif
