/* A sandbox that was there before us (systemd's SystemCallFilter=, a container's) was made for the program's calls, not
 * for ours. */
#ifndef ONEWRITE_SANDBOX_H
#define ONEWRITE_SANDBOX_H

#include <stdbool.h>

/* Are the calls allowed without which a head that is held would be late, lost, or told to have failed? The answer does
 * not change: from the moment that a program sets itself a filter the library does nothing (lifecycle.h). */
bool sandbox_allows(void);

#endif
