/* The whole policy in one table: (state, event) -> (action, next state). PURE. */
#ifndef ONEWRITE_HOLD_H
#define ONEWRITE_HOLD_H

enum hold_join {
	JOIN_HEADER,  /* a message is followed up to its first body write */
	JOIN_MESSAGE, /* a message is followed to its end */
};

/* What a connection awaits, and what is held. */
enum hold_state {
	IDLE,   /* the first byte of a head: nothing is held */
	HEAD,   /* the rest of a head: its beginning is held */
	BODY,   /* the first body byte: the whole head is held */
	REST,   /* the rest of the body: the kernel holds the last partial segment */
	STREAM, /* the rest of a message that had to go early: nothing is held */
	FAILED, /* a call that can report the error which a late emission met */
	HOLD_STATES
};

/* What happens. The first eight are a write, named by where the message stands when its bytes are added. */
enum hold_event {
	HEAD_PART,  /* the head is not complete */
	HEAD_WHOLE, /* the head is complete, its body is to come and may be waited for */
	HEAD_NOW,   /* the head is complete, and must not wait for its body */
	HEAD_ASKS,  /* the same, and its body is to come when the peer has answered it (Expect: 100-continue) */
	CHUNK_LINE, /* a chunk-size line, before the first body byte */
	BODY_PART,  /* body bytes, and more to come */
	BODY_END,   /* the message is complete (a head without a body is, too) */
	NOT_OURS,   /* not HTTP after all, or its end cannot be told any more */
	OPAQUE,     /* body bytes that cannot be joined: sendfile, MSG_ZEROCOPY, an address, ... */
	RELEASE,    /* what is held has to go: its time is over, or the program reads, calls dup(), forks, ... */
	CLOSE,      /* the descriptor is going away */
	HOLD_EVENTS
};

enum hold_action {
	HOLD_NO_SUCH_ROW, /* the table has no row for this pair: a defect */
	NOTHING,
	KEEP,      /* hold the bytes, tell the program they are written */
	PASS,      /* the call as it is */
	PASS_MORE, /* the call with MSG_MORE: the kernel fills segments */
	JOIN,      /* what is held and the call's bytes in one call */
	JOIN_MORE, /* the same with MSG_MORE */
	LEAD,      /* what is held with MSG_MORE, then the call as it is */
	EMIT,      /* what is held, by itself */
	REPORT,    /* the call fails with the error that is waiting */
};

struct hold_rule {
	enum hold_action action;
	enum hold_state next;
};

struct hold_rule hold_decide(enum hold_join join, enum hold_state state, enum hold_event event);

/* The rule when nothing can be held (no memory, no helper, the end of the process): the same bytes, at once. */
struct hold_rule hold_without(struct hold_rule rule);

/* Words for traces and for test failures. */
const char *hold_state_name(enum hold_state);
const char *hold_event_name(enum hold_event);
const char *hold_action_name(enum hold_action);

#endif
