/* A loaded object (program or library), as its ELF headers show it. */
#ifndef ONEWRITE_OBJECT_H
#define ONEWRITE_OBJECT_H

#include <link.h>
#include <stdbool.h>

/* Is this address in it? */
bool object_has(const struct dl_phdr_info *object, const void *address);
/* May a function in it, which has one of libc's names, be about something else? Not in libc itself, nor in what
 * stands in front of libc: that has to look the next one up. */
bool object_is_stranger(const struct dl_phdr_info *object);

#endif
