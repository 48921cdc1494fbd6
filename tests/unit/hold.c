/* Proves that the policy has a row for every pair of state and event, and that its rows keep the laws below. */
#include <criterion/criterion.h>

#include "hold.h"

static const enum hold_join modes[] = { JOIN_HEADER, JOIN_MESSAGE };

#define EACH_ROW(j, s, e)                                         \
	for (size_t j = 0; j < sizeof modes / sizeof *modes; j++) \
		for (enum hold_state s = 0; s < HOLD_STATES; s++) \
			for (enum hold_event e = 0; e < HOLD_EVENTS; e++)

static int holds(enum hold_state s)
{
	return s == HEAD || s == BODY || s == REST;
}

Test(hold, every_state_and_event_has_a_row)
{
	EACH_ROW(j, s, e)
	cr_expect(hold_decide(modes[j], s, e).action != HOLD_NO_SUCH_ROW, "join=%s: no row for (%s, %s)",
	          j ? "message" : "header", hold_state_name(s), hold_event_name(e));
}

Test(hold, nothing_is_held_after_a_release_or_a_close)
{
	EACH_ROW(j, s, e)
	{
		struct hold_rule r = hold_decide(modes[j], s, e);
		if (e == RELEASE || e == CLOSE)
			cr_expect(!holds(r.next), "(%s, %s) ends in %s, which holds", hold_state_name(s),
			          hold_event_name(e), hold_state_name(r.next));
	}
}

Test(hold, what_is_held_in_memory_leaves_before_or_with_the_next_bytes)
{
	EACH_ROW(j, s, e)
	{
		enum hold_action a = hold_decide(modes[j], s, e).action;
		if (s == HEAD || s == BODY)
			cr_expect(a == KEEP || a == JOIN || a == JOIN_MORE || a == LEAD || a == EMIT,
			          "(%s, %s) is '%s': what is held would be overtaken", hold_state_name(s),
			          hold_event_name(e), hold_action_name(a));
	}
}

Test(hold, only_a_keep_goes_on_holding_in_memory)
{
	EACH_ROW(j, s, e)
	{
		struct hold_rule r = hold_decide(modes[j], s, e);
		if (r.next == HEAD || r.next == BODY)
			cr_expect(r.action == KEEP, "(%s, %s) goes to %s by '%s'", hold_state_name(s),
			          hold_event_name(e), hold_state_name(r.next), hold_action_name(r.action));
	}
}

Test(hold, the_end_of_a_message_is_never_held)
{
	EACH_ROW(j, s, e)
	{
		struct hold_rule r = hold_decide(modes[j], s, e);
		if (e == BODY_END)
			cr_expect(r.action != KEEP && r.action != PASS_MORE && r.action != JOIN_MORE && !holds(r.next),
			          "(%s, body-end) is '%s' -> %s", hold_state_name(s), hold_action_name(r.action),
			          hold_state_name(r.next));
	}
}

/* The law of MSG_MORE: bytes of which the kernel was told that more follows belong to a state that has a deadline.
 * During a LEAD the message stays in the state in which the call found it, and the call itself has no MSG_MORE. */
Test(hold, what_is_told_to_wait_has_a_deadline)
{
	EACH_ROW(j, s, e)
	{
		struct hold_rule r = hold_decide(modes[j], s, e), without = hold_without(r);
		if (r.action == KEEP || r.action == PASS_MORE || r.action == JOIN_MORE)
			cr_expect(holds(r.next), "(%s, %s) is '%s' -> %s, which has no deadline", hold_state_name(s),
			          hold_event_name(e), hold_action_name(r.action), hold_state_name(r.next));
		if (r.action == LEAD)
			cr_expect(holds(s), "(%s, %s) leads what is not held", hold_state_name(s), hold_event_name(e));
		cr_expect(without.action != KEEP && without.action != PASS_MORE && without.action != JOIN_MORE,
		          "(%s, %s): '%s' where nothing can be held", hold_state_name(s), hold_event_name(e),
		          hold_action_name(without.action));
		cr_expect(r.action == LEAD || without.action == r.action || !holds(without.next),
		          "(%s, %s) holds where nothing can be", hold_state_name(s), hold_event_name(e));
	}
}

/* Only a head that asks the peer may open a message of which nothing is held. */
Test(hold, message_without_a_deadline_goes_on_where_the_peer_is_asked)
{
	EACH_ROW(j, s, e)
	{
		struct hold_rule r = hold_decide(modes[j], s, e);
		if (r.next == REST && s != REST && (r.action == PASS || r.action == JOIN))
			cr_expect(e == HEAD_ASKS, "(%s, %s) is '%s' -> rest", hold_state_name(s), hold_event_name(e),
			          hold_action_name(r.action));
	}
}

Test(hold, an_error_that_waits_is_reported_by_the_next_call)
{
	for (enum hold_event e = 0; e < CLOSE; e++)
		cr_expect(hold_decide(JOIN_HEADER, FAILED, e).action == REPORT, "(failed, %s) is not 'report'",
		          hold_event_name(e));
}

/* usual.c does what these two rows say without asking the table. */
Test(hold, the_usual_message_is_kept_and_then_joined)
{
	for (size_t j = 0; j < sizeof modes / sizeof *modes; j++) {
		struct hold_rule head = hold_decide(modes[j], IDLE, HEAD_WHOLE),
				 body = hold_decide(modes[j], BODY, BODY_END);
		cr_expect(head.action == KEEP && head.next == BODY, "the head is '%s' -> %s",
		          hold_action_name(head.action), hold_state_name(head.next));
		cr_expect(body.action == JOIN && body.next == IDLE, "the body is '%s' -> %s",
		          hold_action_name(body.action), hold_state_name(body.next));
	}
}
