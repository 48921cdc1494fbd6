/* The commands of this program. Each ends with an exit status. */
#ifndef ONEWRITE_PROBE_PROBE_H
#define ONEWRITE_PROBE_PROBE_H

#include <stdbool.h>

/* Asks a server that runs, and says what was seen. */
int probe(const char *url, bool head, const char *post);

#endif
