/* ONEWRITE_TRACE=FILE: one line per decision. No stdio, no descriptor of our own between two lines.
 *
 * A line that could not be written at once, or would raise a signal, is dropped, and the next one counts it
 * (dropped=N). The first time stderr says why, if it is the one that the program began with. */
#ifndef ONEWRITE_TRACE_H
#define ONEWRITE_TRACE_H

#include <stddef.h>

#include "config.h"
#include "hold.h"

/* In the constructor: a line on stderr, without a wait and without a signal, or not at all. */
void trace_complain(const char *text);
/* In the constructor, behind config_read(). */
void trace_begin(void);

void trace_line(int fd, const char *state, const char *event, const char *action, const char *why, size_t bytes);

static inline void trace(int fd, enum hold_state s, enum hold_event e, enum hold_action a, const char *why,
                         size_t bytes)
{
	if (__builtin_expect(config.trace != NULL, 0))
		trace_line(fd, hold_state_name(s), hold_event_name(e), hold_action_name(a), why, bytes);
}

#endif
