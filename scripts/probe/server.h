/* The command that is compared: starts it, in a process group of its own, and ends it with all that it started. There
 * is one at a time. It is ended however this program ends. */
#ifndef ONEWRITE_PROBE_SERVER_H
#define ONEWRITE_PROBE_SERVER_H

#include <stdbool.h>

/* Sees that a signal that ends this program ends the server before. */
void server_prepare(void);

/* Starts the command, with these variables added to its environment (NULL: none). `counted`: its writes are counted. */
void server_start(char **command, char **variables, bool counted);

/* Has it ended by itself? *how says so in words. */
bool server_has_ended(char **how);

/* Its writes are counted from now on; until now. Returns the number, or -1 if they cannot be counted. */
void server_count(void);
long server_counted(void);

/* Ends it: SIGTERM, and SIGKILL after 5 s. */
void server_end(void);

/* The last lines that it wrote to standard output and error; empty: none. */
char *server_said(void);

#endif
