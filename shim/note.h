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

void note_decision(struct msg *m, int fd, enum hold_state s, enum hold_event e, enum hold_action a, enum reason why,
                   size_t bytes);
/* The table was asked in the state s, and this is done. The caller has the turn of m. Leaves errno alone, and is no
 * cancellation point. */
static inline void note(struct msg *m, int fd, enum hold_state s, enum hold_event e, enum hold_action a,
                        enum reason why, size_t bytes)
{
	if (unlikely(config.notes))
		note_decision(m, fd, s, e, a, why, bytes);
}

void note_usual_kept_slowly(const struct msg *m, size_t bytes);
/* The same for the two halves of the usual message: its head is kept, and then joined with its body. The message is
 * counted by its second half, with a few instructions; if another decision comes between, it counts the head. */
static inline void note_usual_kept(struct msg *m, size_t bytes)
{
	if (likely(!config.notes))
		return;
	m->uncounted = true;
	if (config.trace != NULL)
		note_usual_kept_slowly(m, bytes);
}

enum { NOTE_TIMED = 16 }; /* the time for which a head was held is noted of one in so many */
void note_hold_time(const struct msg *m);
void note_usual_joined_slowly(struct msg *m, size_t bytes);
static inline void note_usual_joined(struct msg *m, size_t bytes)
{
	if (likely(!config.notes))
		return;
	stats_row *slot = stats_slot;
	unsigned row = atomic_load_explicit(&m->usual_row, memory_order_relaxed);
	if (row == 0 || slot == NULL || !m->uncounted) {
		note_usual_joined_slowly(m, bytes);
		return;
	}
	m->uncounted = false; /* if the call fails, the table's way does not count the head again */
	if (atomic_fetch_add_explicit(&slot[row + m->request], 1, memory_order_relaxed) % NOTE_TIMED == 0)
		note_hold_time(m);
}

void note_unread_slowly(int fd);
/* A whole response is passed on unread (once.h). */
static inline void note_unread(int fd)
{
	if (unlikely(config.notes))
		note_unread_slowly(fd);
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
/* TCP_NODELAY was set or unset. `m` is the connection's message; NULL: it has none. */
void note_nodelay(int fd, struct msg *m);

#endif
