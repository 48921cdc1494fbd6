/* Can these bytes be read? Asked before the arguments of a system call by number are looked at: where they cannot, the
 * kernel says so, and the program lives. */
#ifndef ONEWRITE_READABLE_H
#define ONEWRITE_READABLE_H

#include <stdbool.h>
#include <stddef.h>

bool readable(const void *p, size_t n);

#endif
