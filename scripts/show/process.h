/* Does the process live that a file of counters is about? */
#ifndef ONEWRITE_SHOW_PROCESS_H
#define ONEWRITE_SHOW_PROCESS_H

#include "../../shim/stats_file.h"

#include <stdbool.h>

/* Has it ended for certain? Where this cannot be known (it is in another name space of process numbers, or /proc cannot
 * be read), it has not. */
bool process_has_ended(const struct stats_head *h);

#endif
