/* Which kinds of messages are held in vain?
 *
 * A message was held in vain if its head, or the first pieces of its body, met the deadline or a pause of the program.
 * The connection then has a habit: its next messages of the same kind are sent as they are written. They are observed,
 * and if one of them would have been joined after all, the habit is forgotten.
 *
 * A connection learns from its own messages. For a connection's first message the record of the process is asked, which
 * decides once enough connections agree. Each connection counts once, and each time that the record was wrong it wants
 * twice as many. Forked processes share the record, since a server that forks for each connection could not learn
 * otherwise. All this is a hint: the only effect of a habit is that bytes are sent at once. */
#ifndef ONEWRITE_HABIT_H
#define ONEWRITE_HABIT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "http.h"

enum vain {
	NOT_IN_VAIN,
	HEAD_IN_VAIN, /* the body comes later than a head is held */
	MORE_IN_VAIN, /* the body comes in pieces, with pauses between them */
};

/* The habit of a connection. All fields are guarded by the turn of its message. */
struct habit {
	uint16_t kind;    /* the kind of messages (habit_kind) that are held in vain; 0: none */
	uint8_t vain;     /* what is held in vain of such a message; enum vain */
	bool asked;       /* the record of the process need not be asked any more */
	bool counted;     /* this connection was counted in the record of the process */
	bool unheld;      /* the message in progress is not held, because of the habit */
	uint64_t since;   /* if `unheld`: since this moment (CLOCK_MONOTONIC ns) */
	uint16_t current; /* the kind of the message in progress, where its head is not kept */
};

/* The kind of message that this head opens: a hash of status class, method, framing and field names, never 0. PURE. */
uint16_t habit_kind(const char *head, const struct http_head *h);

/* A message of this kind was held in vain: the connection has a habit from now on. The caller has the turn. */
void habit_begin(struct habit *h, uint16_t kind, enum vain vain);
/* A message that was not held because of the habit would have been joined: the habit is forgotten. The caller has the
 * turn. */
void habit_end(struct habit *h);
/* What of a message of this kind would be held in vain? The first call on a connection asks the record of the process.
 * The caller has the turn. */
enum vain habit_says(struct habit *h, uint16_t kind);

/* Move the record of the process into this zeroed memory of habit_record_size bytes, which children that are forked
 * later share. Needs no lock. */
struct habit_record;
extern const size_t habit_record_size;
void habit_share(struct habit_record *zeroed);

/* Can habit_says() return anything but NOT_IN_VAIN? If not, the kind of the message need not be determined. The caller
 * has the turn. */
bool habit_any(const struct habit *h);

#endif
