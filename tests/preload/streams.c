/* Proves that what a program writes piece by piece arrives piece by piece: in one message at most one piece is late,
 * and from the second message of that kind on none is. */
#include "everywhere.h"

#define STREAMS BUILD_DIR "/tests/programs/p_streams"
#define JOINED  "writev iov=2 bytes=* = *"

#define PIECES(gap_us, size, how)                                                            \
	{                                                                                    \
		{ "pieces", gap_us, size, how }, "late pieces: one at most\n", .timed = true \
	}

static const struct case_of paces[] = {
	PIECES("4500", "3000", "close"),
	PIECES("4500", "3000", "cl"),
	PIECES("4500", "3000", "chunk"),
	PIECES("2000", "3000", "chunk"),
	PIECES("4500", "100", "chunk in three"),
	PIECES("20000", "100", "chunk"),
	PIECES("7000", "100", "cl"),
	PIECES("1200", "2000", "close"),
	{ { "splice", "3000" }, "late pieces: one at most\n", .timed = true },
	{ { "splice", "30000" }, "late pieces: one at most\n", .timed = true },
};
EVERYWHERE_TESTS(streams, one_piece_of_a_message_is_late_at_most, STREAMS, paces);

#define MESSAGES(how)                                                                      \
	{                                                                                  \
		{ "messages", how }, "late from the second message on: 0\n", .timed = true \
	}

static const struct case_of repeated[] = {
	MESSAGES("head"),
	MESSAGES("first"),
	MESSAGES("both"),
	MESSAGES("pieces"),
	{ { "messages", "short" }, "late from the second message on: 0\n", .timeout = "20ms", .timed = true },
	{ { "connections" }, "late on the fifth connection and on: 0\n", .timed = true },
#ifndef UNDER_TSAN /* TSan allows no thread in a child of a process that had threads */
	{ { "forks" }, "late on the fifth connection and on: 0\n", .timed = true },
#endif
};
EVERYWHERE_TESTS(streams, what_was_held_in_vain_is_held_no_more, STREAMS, repeated);

#define KEPT_BACK(how)                                               \
	{                                                            \
		{ "more", how }, "the head came: 1\n", .timed = true \
	}

#define LAST_KEPT_BACK(how)                                                          \
	{                                                                            \
		{ "more", how ", last" }, "the first piece came: 1\n", .timed = true \
	}

static const struct case_of kept_back[] = {
	KEPT_BACK("MSG_MORE"),
	KEPT_BACK("MSG_MORE, end"),
	LAST_KEPT_BACK("MSG_MORE"),
	KEPT_BACK("cork"),
	KEPT_BACK("cork, end"),
	LAST_KEPT_BACK("cork"),
	KEPT_BACK("cork, by another name"),
	KEPT_BACK("splice"),
	KEPT_BACK("splice, end"),
	LAST_KEPT_BACK("splice"),
	KEPT_BACK("sendmmsg"),
	KEPT_BACK("sendmmsg, end"),
	LAST_KEPT_BACK("sendmmsg"),
	KEPT_BACK("corked alone"),
	KEPT_BACK("corked alone, dup"),
	KEPT_BACK("corked alone, fork"),
	KEPT_BACK("corked alone, spawn"),
};
EVERYWHERE_TESTS(streams, head_does_not_wait_for_what_the_program_keeps_back, STREAMS, kept_back);

/* Expects so many messages to leave whole in one call. */
static void check_joined(const char *scenario, int joined)
{
	struct setup setup = { .args = { STREAMS, scenario }, .timeout = "5ms" };
	struct run *r = check_same(scenario, &setup);

	for (int n = 1; n < ATTEMPTS && calls_like(r, JOINED) != joined; n++) {
		run_free(r);
		r = check_same(scenario, &setup);
	}
	cr_expect(calls_like(r, JOINED) == joined, "%s: %d messages were joined, not %d:\n%s", scenario,
	          calls_like(r, JOINED), joined, r->calls.p);
	run_free(r);
}

Test(streams, client_that_makes_its_answers_late_makes_no_others_late, .timeout = 60)
{
	check_joined("hostile", 7);
}

/* The first message that is not held shows that it would have been joined. */
Test(streams, habit_is_forgotten_where_a_message_would_have_been_joined, .timeout = 60)
{
	check_joined("again", 2);
}

/* The peer's answer releases nothing that comes after it. */
Test(streams, body_that_the_peer_asked_for_is_gathered, .timeout = 60)
{
	struct setup setup = { .args = { STREAMS, "asks" }, .timeout = "100ms", .join = "message" };
	struct run *r = check_same("asks", &setup);

	cr_expect(calls_like(r, "send bytes=* flags=MSG_MORE = *") == 3 && calls_like(r, "write bytes=5 = 5") == 1,
	          "the body's pieces are not gathered:\n%s", r->calls.p);
	run_free(r);
}

/* It is the peer that pauses, not the program: the kernel still has bytes, to which it adds the next ones. */
Test(streams, peer_that_reads_slowly_makes_no_stream, .timeout = 60)
{
	struct setup setup = { .args = { STREAMS, "slow", "peer" }, .timeout = "200ms", .join = "message" };
	struct run *r = check_same("a slow peer", &setup);

	for (int n = 1; n < ATTEMPTS && calls_like(r, "write bytes=2000 = *") > 0; n++) {
		run_free(r);
		r = check_same("a slow peer", &setup);
	}
	cr_expect(calls_like(r, "* bytes=2* flags=MSG_MORE = *") > 5 && calls_like(r, "write bytes=2000 = *") == 0,
	          "it became a stream:\n%s", r->calls.p);
	run_free(r);
}

/* As many messages are gathered as the helper can push within 2 ms; further ones go as they are written. */
Test(streams, all_that_must_be_pushed_is_counted, .timeout = 60)
{
	struct setup setup = { .args = { STREAMS, "burst" }, .timeout = HOLD_LONG, .join = "message" };
	struct run *r = check_same("300 heads, each with a first chunk", &setup);
	int gathered = calls_like(r, "sendmsg iov=2 * flags=MSG_MORE = *"), joined = calls_like(r, JOINED);

	cr_expect(gathered == 128 && joined == 300 - 128, "%d are gathered, %d joined and no more", gathered, joined);
	run_free(r);
}

static const struct case_of childs[] = { { { "childs", "pieces" }, "80\nthe next head came: 1\n", .timed = true } };
EVERYWHERE_TESTS(streams, child_in_its_parents_memory_makes_no_helper, STREAMS, childs);
