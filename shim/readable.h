/* Can these n bytes be read? Asked before the arguments of a system call by number are looked at: if they cannot be
 * read, the kernel says so, and the program goes on. Leaves errno alone. */
#ifndef ONEWRITE_READABLE_H
#define ONEWRITE_READABLE_H

#include <stdbool.h>
#include <stddef.h>

bool readable(const void *p, size_t n);
/* Called by the constructor where the library makes no system call afterwards: from then on nothing can be read, as far
 * as is known. */
void readable_asks_nothing(void);

#endif
