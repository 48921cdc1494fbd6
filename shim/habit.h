/* Messages of one kind that were held in vain: their heads, or the first pieces of their bodies, met the deadline. The
 * next ones go as they are written, and are watched: where they would have been joined after all, the habit is
 * forgotten.
 *
 * It is a hint, and says only that something goes at once. One connection learns for itself. The process learns for a
 * connection's first message, when several connections agree, each of which counts once; when it was wrong it wants
 * twice as many the next time. Forked processes share the record: a server that forks for each connection has no other
 * way to learn. */
#ifndef ONEWRITE_HABIT_H
#define ONEWRITE_HABIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"

enum vain {
	NOT_IN_VAIN,
	HEAD_IN_VAIN, /* the body comes later than a head is held */
	MORE_IN_VAIN, /* it comes in pieces, with pauses between them */
};

/* A connection's; guarded by the lock of its message. */
struct habit {
	uint16_t kind;  /* messages of this kind (habit_kind)... */
	uint8_t vain;   /* ... are held in vain; enum vain */
	bool asked;     /* the process's record was asked */
	bool counted;   /* the process's record knows what happened here */
	bool unheld;    /* the message in progress is not held, for this reason... */
	uint64_t since; /* ... since this moment (CLOCK_MONOTONIC ns) */
	uint16_t now;   /* the kind of the message in progress, where its head is not kept */
};

/* What kind of message does this head open: status class, framing, which fields are there? PURE. */
uint16_t habit_kind(const char *head, const struct http_head *h);

/* A message of this kind met the deadline. */
void habit_begin(struct habit *h, uint16_t kind, enum vain vain);
/* One that was not held for it would have been joined. */
void habit_end(struct habit *h);
/* Is a message of this kind held in vain? */
enum vain habit_says(struct habit *h, uint16_t kind);

/* The process's record, from here on in memory that its forked children share. Whatever they write there, it is a hint
 * still. */
struct habit_record;
extern const size_t habit_record_size;
void habit_share(struct habit_record *zeroed);

/* May it be asked for a reason? Else nobody looks at the head. */
bool habit_any(const struct habit *h);

#endif
