/* ONEWRITE_TRACE=FILE: one line per decision. Uses no stdio, and keeps no descriptor of its own between two lines.
 *
 * A line that cannot be written at once, or would raise a signal, is dropped, and the next line tells how many were
 * (dropped=N). The first time stderr is told why, if it is still the file that the program began with. */
#ifndef ONEWRITE_TRACE_H
#define ONEWRITE_TRACE_H

#include <stddef.h>

#include "config.h"
#include "hold.h"
#include "reason.h"

/* Leaves errno alone, and is no cancellation point. */
void trace_line(int fd, enum hold_state s, enum hold_event e, enum hold_action a, enum reason why, size_t bytes);

/* The first line of a process: is the library active in it, and why? Called by the constructor. */
void trace_process(enum reason why);

#endif
