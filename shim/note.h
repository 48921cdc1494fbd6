/* What is noted of decisions: a line in the trace, and counters. Nothing of it changes a decision. */
#ifndef ONEWRITE_NOTE_H
#define ONEWRITE_NOTE_H

#include "config.h"
#include "real.h"
#include "msg.h"
#include "stats.h"

/* Called by the constructor where there is something to note. */
void note_begin(void);
/* Nothing is noted any more: the process ends, or a sandbox begins, in which that takes calls that may be refused. */
void note_end(void);

void note_decision(const struct msg *m, int fd, enum hold_state s, enum hold_event e, enum hold_action a,
                   enum reason why, size_t bytes);
/* The table was asked in the state s, and this is done. The caller has the turn of m. Leaves errno alone, and is no
 * cancellation point. */
static inline void note(const struct msg *m, int fd, enum hold_state s, enum hold_event e, enum hold_action a,
                        enum reason why, size_t bytes)
{
	if (unlikely(config.notes))
		note_decision(m, fd, s, e, a, why, bytes);
}

void note_usual_slowly(const struct msg *m, int fd, enum counter row, size_t bytes);
/* The same for the two halves of the usual message: USUAL_KEPT_* or USUAL_JOINED. */
static inline void note_usual(const struct msg *m, int fd, enum counter row, size_t bytes)
{
	if (unlikely(config.notes))
		note_usual_slowly(m, fd, row, bytes);
}

/* A message begins with these bytes. */
void note_message(const char *first);
/* Its head is held by the kernel, for this reason. */
static inline void note_in_kernel(enum reason why)
{
	if (config.counts)
		stats_reason(why);
}
/* Nothing of this connection is held, for this reason: counted, and told in the trace, once for each connection. */
void note_passed_over(int fd, enum reason why);
/* These bytes, n of them, are written to a TCP connection and open no message. */
void note_opens_nothing(int fd, const char *first, size_t n);
/* The descriptor is closed, or known to mean another socket now. `silent`: it was a connection of this process's own
 * making on which a write was to be expected. */
void note_closed(int fd, bool silent);
/* TCP_NODELAY was set or unset. */
void note_nodelay(int fd);

#endif
