/* ONEWRITE_TRACE=FILE: one line per decision. Uses no stdio, and keeps no descriptor of its own between two lines.
 *
 * A line that cannot be written at once, or would raise a signal, is dropped, and the next line tells how many were
 * (dropped=N). The first time stderr is told why, if it is still the file that the program began with. */
#ifndef ONEWRITE_TRACE_H
#define ONEWRITE_TRACE_H

#include <stddef.h>

#include "config.h"
#include "hold.h"

/* Called in the constructor: writes a line to stderr, without a wait and without a signal, or not at all. */
void trace_complain(const char *text);
/* Called in the constructor, after config_read(): remembers what stderr is. */
void trace_begin(void);

/* `why` is a word for the reason. Leaves errno alone, and is no cancellation point. */
void trace_line(int fd, const char *state, const char *event, const char *action, const char *why, size_t bytes);

static inline void trace(int fd, enum hold_state s, enum hold_event e, enum hold_action a, const char *why,
                         size_t bytes)
{
	if (__builtin_expect(config.trace != NULL, 0))
		trace_line(fd, hold_state_name(s), hold_event_name(e), hold_action_name(a), why, bytes);
}

#endif
