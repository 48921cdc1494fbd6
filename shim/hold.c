#include "hold.h"

/* A message that is joined up to its first body write. The rest passes; it is followed nevertheless, for bytes of a
 * body are not looked at. */
/* clang-format off */
static const struct hold_rule header_rules[HOLD_STATES][HOLD_EVENTS] = {
	[IDLE] = {
		[HEAD_PART]  = { KEEP, HEAD },
		[HEAD_WHOLE] = { KEEP, BODY },
		[HEAD_NOW]   = { PASS, STREAM },
		[HEAD_ASKS]  = { PASS, STREAM },
		[CHUNK_LINE] = { PASS, IDLE },
		[BODY_PART]  = { PASS, STREAM },
		[BODY_END]   = { PASS, IDLE },
		[NOT_OURS]   = { PASS, IDLE },
		[OPAQUE]     = { PASS, IDLE },
		[RELEASE]    = { NOTHING, IDLE },
		[CLOSE]      = { NOTHING, IDLE },
	},
	[HEAD] = {
		[HEAD_PART]  = { KEEP, HEAD },
		[HEAD_WHOLE] = { KEEP, BODY },
		[HEAD_NOW]   = { JOIN, STREAM },
		[HEAD_ASKS]  = { JOIN, STREAM },
		[CHUNK_LINE] = { JOIN, STREAM },
		[BODY_PART]  = { JOIN, STREAM },
		[BODY_END]   = { JOIN, IDLE },
		[NOT_OURS]   = { JOIN, IDLE },
		[OPAQUE]     = { LEAD, STREAM },
		[RELEASE]    = { EMIT, IDLE },
		[CLOSE]      = { EMIT, IDLE },
	},
	[BODY] = {
		/* a second head, and no body for the first: look again once that one is out */
		[HEAD_PART]  = { EMIT, IDLE },
		[HEAD_WHOLE] = { EMIT, IDLE },
		[HEAD_NOW]   = { EMIT, IDLE },
		[HEAD_ASKS]  = { EMIT, IDLE },
		[CHUNK_LINE] = { JOIN, STREAM },
		[BODY_PART]  = { JOIN, STREAM },
		[BODY_END]   = { JOIN, IDLE },
		[NOT_OURS]   = { JOIN, IDLE },
		[OPAQUE]     = { LEAD, STREAM },
		[RELEASE]    = { EMIT, STREAM },
		[CLOSE]      = { EMIT, IDLE },
	},
	/* never entered */
	[REST] = { [HEAD_PART ... OPAQUE] = { PASS, IDLE }, [RELEASE ... CLOSE] = { NOTHING, IDLE } },
	[STREAM] = {
		[HEAD_PART]  = { EMIT, IDLE },
		[HEAD_WHOLE] = { EMIT, IDLE },
		[HEAD_NOW]   = { EMIT, IDLE },
		[HEAD_ASKS]  = { EMIT, IDLE },
		[CHUNK_LINE] = { PASS, STREAM },
		[BODY_PART]  = { PASS, STREAM },
		[BODY_END]   = { PASS, IDLE },
		[NOT_OURS]   = { PASS, IDLE },
		[OPAQUE]     = { PASS, STREAM },
		[RELEASE]    = { NOTHING, STREAM },
		[CLOSE]      = { NOTHING, IDLE },
	},
	[FAILED] = { [HEAD_PART ... RELEASE] = { REPORT, IDLE }, [CLOSE] = { NOTHING, IDLE } },
};
/* clang-format on */

/* A message that is followed to its end. */
/* clang-format off */
static const struct hold_rule message_rules[HOLD_STATES][HOLD_EVENTS] = {
	[IDLE] = {
		[HEAD_PART]  = { KEEP, HEAD },
		[HEAD_WHOLE] = { KEEP, BODY },
		[HEAD_NOW]   = { PASS, STREAM },
		[HEAD_ASKS]  = { PASS, REST },
		[CHUNK_LINE] = { PASS, IDLE },
		[BODY_PART]  = { PASS_MORE, REST },
		[BODY_END]   = { PASS, IDLE },
		[NOT_OURS]   = { PASS, IDLE },
		[OPAQUE]     = { PASS, IDLE },
		[RELEASE]    = { NOTHING, IDLE },
		[CLOSE]      = { NOTHING, IDLE },
	},
	[HEAD] = {
		[HEAD_PART]  = { KEEP, HEAD },
		[HEAD_WHOLE] = { KEEP, BODY },
		[HEAD_NOW]   = { JOIN, STREAM },
		[HEAD_ASKS]  = { JOIN, REST },
		[CHUNK_LINE] = { KEEP, BODY },
		[BODY_PART]  = { JOIN_MORE, REST },
		[BODY_END]   = { JOIN, IDLE },
		[NOT_OURS]   = { JOIN, IDLE },
		[OPAQUE]     = { LEAD, STREAM },
		[RELEASE]    = { EMIT, IDLE },
		[CLOSE]      = { EMIT, IDLE },
	},
	[BODY] = {
		/* a second head, and no body for the first: look again once that one is out */
		[HEAD_PART]  = { EMIT, IDLE },
		[HEAD_WHOLE] = { EMIT, IDLE },
		[HEAD_NOW]   = { EMIT, IDLE },
		[HEAD_ASKS]  = { EMIT, IDLE },
		[CHUNK_LINE] = { KEEP, BODY },
		[BODY_PART]  = { JOIN_MORE, REST },
		[BODY_END]   = { JOIN, IDLE },
		[NOT_OURS]   = { JOIN, IDLE },
		[OPAQUE]     = { LEAD, REST },
		[RELEASE]    = { EMIT, STREAM },
		[CLOSE]      = { EMIT, IDLE },
	},
	[REST] = {
		[HEAD_PART]  = { EMIT, IDLE },
		[HEAD_WHOLE] = { EMIT, IDLE },
		[HEAD_NOW]   = { EMIT, IDLE },
		[HEAD_ASKS]  = { EMIT, IDLE },
		[CHUNK_LINE] = { PASS_MORE, REST },
		[BODY_PART]  = { PASS_MORE, REST },
		[BODY_END]   = { PASS, IDLE },
		[NOT_OURS]   = { PASS, IDLE },
		[OPAQUE]     = { PASS, REST },
		[RELEASE]    = { EMIT, STREAM },
		[CLOSE]      = { NOTHING, IDLE }, /* the FIN takes the last segment along */
	},
	[STREAM] = {
		[HEAD_PART]  = { EMIT, IDLE },
		[HEAD_WHOLE] = { EMIT, IDLE },
		[HEAD_NOW]   = { EMIT, IDLE },
		[HEAD_ASKS]  = { EMIT, IDLE },
		[CHUNK_LINE] = { PASS, STREAM },
		[BODY_PART]  = { PASS, STREAM },
		[BODY_END]   = { PASS, IDLE },
		[NOT_OURS]   = { PASS, IDLE },
		[OPAQUE]     = { PASS, STREAM },
		[RELEASE]    = { NOTHING, STREAM },
		[CLOSE]      = { NOTHING, IDLE },
	},
	[FAILED] = { [HEAD_PART ... RELEASE] = { REPORT, IDLE }, [CLOSE] = { NOTHING, IDLE } },
};
/* clang-format on */

struct hold_rule hold_decide(enum hold_join join, enum hold_state state, enum hold_event event)
{
	return (join == JOIN_MESSAGE ? message_rules : header_rules)[state][event];
}

struct hold_rule hold_without(struct hold_rule rule)
{
	switch (rule.action) {
	case KEEP: return (struct hold_rule){ JOIN, IDLE };
	case JOIN_MORE: return (struct hold_rule){ JOIN, STREAM };
	case PASS_MORE: return (struct hold_rule){ PASS, STREAM };
	default: return rule;
	}
}

const char *hold_state_name(enum hold_state s)
{
	static const char *const names[HOLD_STATES] = { "idle", "head", "body", "rest", "stream", "failed" };
	return names[s];
}

const char *hold_event_name(enum hold_event e)
{
	static const char *const names[HOLD_EVENTS] = { "head-part",  "head-whole", "head-now", "head-asks",
		                                        "chunk-line", "body-part",  "body-end", "not-ours",
		                                        "opaque",     "release",    "close" };
	return names[e];
}

const char *hold_action_name(enum hold_action a)
{
	static const char *const names[] = { "(no such row)", "nothing",   "keep", "pass", "pass-more",
		                             "join",          "join-more", "lead", "emit", "report" };
	return names[a];
}
