/* Can these n bytes be read? Asked before the arguments of a system call by number are looked at: if they cannot be
 * read, the kernel says so, and the program goes on. Leaves errno alone. */
#ifndef ONEWRITE_READABLE_H
#define ONEWRITE_READABLE_H

#include <stdbool.h>
#include <stddef.h>

bool readable(const void *p, size_t n);

#endif
