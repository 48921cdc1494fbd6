/* May a message begin on this connection? Asks the kernel for what is not known yet (place.h answers from what is). */
#ifndef ONEWRITE_ADMIT_H
#define ONEWRITE_ADMIT_H

#include "conn.h"
#include "emit.h"
#include "reason.h"

/* Returns REASONS if a message that begins with this call may be held, or why not. Leaves errno alone. */
enum reason admit_why_not(struct conn *c, const struct call *call);
/* Is there still a connection? Asks the kernel. Leaves errno alone. */
bool admit_is_still_connected(struct conn *c, int fd);
/* Why is a message that begins here held by the kernel, and not in memory? */
enum reason admit_why_in_kernel(const struct conn *c, int fd);

#endif
