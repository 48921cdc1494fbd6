/* Lines for people: on stderr, or at the end of a file. Nothing here waits, raises a signal, or keeps a descriptor. */
#ifndef ONEWRITE_SAY_H
#define ONEWRITE_SAY_H

#include <stdatomic.h>
#include <stdbool.h>

#include "line.h"

/* Called in the constructor: writes a line to stderr, or not at all. */
void say_complaint(const char *text);
/* Called in the constructor, after config_read(), where there may be something to say later: remembers what stderr
 * is. */
void say_begin(void);
/* Appends to the file of this name; NULL: to stderr, which is a regular file or cannot block now. Returns 0, or the
 * errno. May change errno. */
int say_append(const char *path, const struct line *l);
/* Writes a line to stderr, if it is still the file that the program began with. May change errno. */
bool say_line(const struct line *l);
/* Says there once why there is no trace, or whatever `what` is. *said: whether it was said already. May change
 * errno. */
void say_failure(atomic_bool *said, const char *what, int error, const char *path);

#endif
