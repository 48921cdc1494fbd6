#include "hold.h"

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
