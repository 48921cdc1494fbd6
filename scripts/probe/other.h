/* What a server speaks that does not answer a request of HTTP/1.x. */
#ifndef ONEWRITE_PROBE_OTHER_H
#define ONEWRITE_PROBE_OTHER_H

#include "ask.h"

/* Behind a failed exchange, or behind one that was answered with `answer`: is it TLS or HTTP/2? Returns why the library
 * cannot help, as the end of a sentence; NULL: it is neither. */
const char *other_protocol(struct asker *a, const struct answer *answer);

/* The first bytes of what the server sent, in printable characters. */
char *first_bytes(const struct asker *a);

#endif
