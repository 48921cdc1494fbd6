/* The whole policy in one table: (state, event) -> (action, next state). Pure: it knows no socket and no time. */
#ifndef ONEWRITE_HOLD_H
#define ONEWRITE_HOLD_H

enum hold_join {
	JOIN_HEADER,  /* a message is followed up to its first body write */
	JOIN_MESSAGE, /* a message is followed to its end */
};

/* What a connection awaits from the program, and what is held of its message. */
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
	HEAD_ASKS,  /* as HEAD_NOW, and its body is to come when the peer has answered it (Expect: 100-continue) */
	CHUNK_LINE, /* a chunk-size line, before the first body byte */
	BODY_PART,  /* body bytes, and more to come */
	BODY_END,   /* the message is complete (a head without a body is, too) */
	NOT_OURS,   /* not HTTP after all, or its end cannot be told any more */
	OPAQUE,     /* body bytes that cannot be joined: sendfile, MSG_ZEROCOPY, an address, ... */
	RELEASE,    /* what is held has to go: its deadline has passed, or the program reads, calls dup(), forks, ... */
	CLOSE,      /* the descriptor is about to be closed */
	HOLD_EVENTS
};

enum hold_action {
	HOLD_NO_SUCH_ROW, /* the table has no row for this pair: a defect */
	NOTHING,
	KEEP,      /* hold the bytes, and tell the program that they are written */
	PASS,      /* make the call as it is */
	PASS_MORE, /* make the call with MSG_MORE: the kernel fills segments */
	JOIN,      /* send what is held and the call's bytes in one system call */
	JOIN_MORE, /* as JOIN, with MSG_MORE */
	LEAD,      /* send what is held with MSG_MORE, then make the call as it is */
	EMIT,      /* send what is held by itself */
	REPORT,    /* fail with the error that the message remembers */
};

struct hold_rule {
	enum hold_action action;
	enum hold_state next;
};

/* One cell of the table. `header` is the rule with JOIN_HEADER where that differs; elsewhere it has no action. */
struct hold_cell {
	struct hold_rule rule, header;
};

/* clang-format off */
#define RULE(action, next) { { action, next }, { HOLD_NO_SUCH_ROW, IDLE } }
/* With JOIN_HEADER the message is joined up to its first body write, and then passed on; it is followed nevertheless,
 * since the bytes of a body are not looked at. */
#define RULE_BUT_HEADER(action, next, header_action, header_next) { { action, next }, { header_action, header_next } }

/* It lies here, and not in hold.c, so that the compiler can work out the rules of constant pairs (usual.c). */
static const struct hold_cell hold_table[HOLD_STATES][HOLD_EVENTS] = {
	[IDLE] = {
		[HEAD_PART]  = RULE(KEEP, HEAD),
		[HEAD_WHOLE] = RULE(KEEP, BODY),
		[HEAD_NOW]   = RULE(PASS, STREAM),
		[HEAD_ASKS]  = RULE_BUT_HEADER(PASS, REST, PASS, STREAM),
		[CHUNK_LINE] = RULE(PASS, IDLE),
		[BODY_PART]  = RULE_BUT_HEADER(PASS_MORE, REST, PASS, STREAM),
		[BODY_END]   = RULE(PASS, IDLE),
		[NOT_OURS]   = RULE(PASS, IDLE),
		[OPAQUE]     = RULE(PASS, IDLE),
		[RELEASE]    = RULE(NOTHING, IDLE),
		[CLOSE]      = RULE(NOTHING, IDLE),
	},
	[HEAD] = {
		[HEAD_PART]  = RULE(KEEP, HEAD),
		[HEAD_WHOLE] = RULE(KEEP, BODY),
		[HEAD_NOW]   = RULE(JOIN, STREAM),
		[HEAD_ASKS]  = RULE_BUT_HEADER(JOIN, REST, JOIN, STREAM),
		[CHUNK_LINE] = RULE_BUT_HEADER(KEEP, BODY, JOIN, STREAM),
		[BODY_PART]  = RULE_BUT_HEADER(JOIN_MORE, REST, JOIN, STREAM),
		[BODY_END]   = RULE(JOIN, IDLE),
		[NOT_OURS]   = RULE(JOIN, IDLE),
		[OPAQUE]     = RULE(LEAD, STREAM),
		[RELEASE]    = RULE(EMIT, IDLE),
		[CLOSE]      = RULE(EMIT, IDLE),
	},
	[BODY] = {
		/* A second head, and no body for the first one: the call is looked at again when the first head is
		 * out. */
		[HEAD_PART]  = RULE(EMIT, IDLE),
		[HEAD_WHOLE] = RULE(EMIT, IDLE),
		[HEAD_NOW]   = RULE(EMIT, IDLE),
		[HEAD_ASKS]  = RULE(EMIT, IDLE),
		[CHUNK_LINE] = RULE_BUT_HEADER(KEEP, BODY, JOIN, STREAM),
		[BODY_PART]  = RULE_BUT_HEADER(JOIN_MORE, REST, JOIN, STREAM),
		[BODY_END]   = RULE(JOIN, IDLE),
		[NOT_OURS]   = RULE(JOIN, IDLE),
		[OPAQUE]     = RULE_BUT_HEADER(LEAD, REST, LEAD, STREAM),
		[RELEASE]    = RULE(EMIT, STREAM),
		[CLOSE]      = RULE(EMIT, IDLE),
	},
	[REST] = {
		[HEAD_PART]  = RULE(EMIT, IDLE),
		[HEAD_WHOLE] = RULE(EMIT, IDLE),
		[HEAD_NOW]   = RULE(EMIT, IDLE),
		[HEAD_ASKS]  = RULE(EMIT, IDLE),
		[CHUNK_LINE] = RULE(PASS_MORE, REST),
		[BODY_PART]  = RULE(PASS_MORE, REST),
		[BODY_END]   = RULE(PASS, IDLE),
		[NOT_OURS]   = RULE(PASS, IDLE),
		[OPAQUE]     = RULE(PASS, REST),
		[RELEASE]    = RULE(EMIT, STREAM),
		[CLOSE]      = RULE(NOTHING, IDLE), /* the FIN takes the last segment along */
	},
	[STREAM] = {
		[HEAD_PART]  = RULE(EMIT, IDLE),
		[HEAD_WHOLE] = RULE(EMIT, IDLE),
		[HEAD_NOW]   = RULE(EMIT, IDLE),
		[HEAD_ASKS]  = RULE(EMIT, IDLE),
		[CHUNK_LINE] = RULE(PASS, STREAM),
		[BODY_PART]  = RULE(PASS, STREAM),
		[BODY_END]   = RULE(PASS, IDLE),
		[NOT_OURS]   = RULE(PASS, IDLE),
		[OPAQUE]     = RULE(PASS, STREAM),
		[RELEASE]    = RULE(NOTHING, STREAM),
		[CLOSE]      = RULE(NOTHING, IDLE),
	},
	[FAILED] = {
		[HEAD_PART ... RELEASE] = RULE(REPORT, IDLE),
		[CLOSE]                 = RULE(NOTHING, IDLE),
	},
};
/* clang-format on */
#undef RULE
#undef RULE_BUT_HEADER

static inline struct hold_rule hold_decide(enum hold_join join, enum hold_state state, enum hold_event event)
{
	const struct hold_cell *cell = &hold_table[state][event];
	return join == JOIN_HEADER && cell->header.action != HOLD_NO_SUCH_ROW ? cell->header : cell->rule;
}

/* The rule that takes its place when nothing can be held (no memory, no helper, the end of the process): the same bytes
 * go at once. */
struct hold_rule hold_without(struct hold_rule rule);

/* Names for traces and for test failures. */
const char *hold_state_name(enum hold_state);
const char *hold_event_name(enum hold_event);
const char *hold_action_name(enum hold_action);

#endif
