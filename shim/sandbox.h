/* A sandbox that was set up before the program began (by systemd's SystemCallFilter=, or for a container) was made for
 * the program's calls, and may refuse ours. */
#ifndef ONEWRITE_SANDBOX_H
#define ONEWRITE_SANDBOX_H

#include <stdbool.h>

/* Are the calls allowed without which a held head would be late, or lost, or reported as failed? The sandbox is asked
 * once: when the program itself sets a filter, the library retires (lifecycle.h). Leaves errno alone. */
bool sandbox_allows(void);

#endif
