/* Proves that while a write takes its time, or after a jump left it, the calls of other threads on the same connection
 * count, and that what is held keeps its deadline. */
#include "harness.h"

#define TURNS     BUILD_DIR "/tests/programs/p_turns"
#define HEAD_MORE "send bytes=100 flags=MSG_MORE = 100"
#define JOINED    "writev iov=2 bytes=300 = 300"
#define PUSHED    "setsockopt TCP_CORK=0 = 0"
#define WRITE(n)  "write bytes=" #n " = " #n

/* The head's write returns after another thread has sent the body. Its late result changes nothing, and the next head
 * is held like the first. */
Test(turns, what_another_thread_wrote_meanwhile_counts, .timeout = 30)
{
	struct setup setup = { .args = { TURNS, "meanwhile" }, .hold = "kernel", .faults = "send:1:linger=150" };
	struct run *r = check_same("a body before the head's write has come back", &setup);

	cr_expect(calls_like(r, HEAD_MORE) == 2 && calls_like(r, WRITE(200)) == 2, "the heads are not both held:\n%s",
	          r->calls.p);
	run_free(r);
}

/* The kernel is asked for room twice: by the message that is written before sendfile takes its bytes, and by the one
 * written after them. */
Test(turns, what_is_known_of_the_room_ends_with_a_call_on_its_way, .timeout = 30)
{
	struct setup setup = { .args = { TURNS, "file" }, .faults = "sendfile:1:delay=150" };
	struct run *r = run(&setup, SHIM); /* bare, nothing delays the call */

	cr_expect(strstr(r->results.p, "all at the peer: 1") != NULL, "%s", r->results.p);
	cr_expect(calls_like(r, "getsockopt SO_55 *") == 2 && calls_like(r, JOINED) == 2,
	          "want two messages, and the room asked for each:\n%s", r->calls.p);
	run_free(r);
}

/* The deadline passes before the call comes back: what the call wrote is pushed when it does, and nothing is held from
 * then on. It is not pushed earlier, because a thread that asks anything of the socket while the kernel copies the
 * call's bytes waits for the memory in which those bytes lie. */
static const struct scenario on_its_way[] = {
	{ "a head whose write takes longer than its deadline",
	  { "write=" HEAD, "await", "write=*200", "await" },
	  HEAD_MORE ", " PUSHED ", " WRITE(200),
	  .timeout = "5ms",
	  .hold = "kernel",
	  .faults = "send:1:linger=100" },
	{ "a head whose write takes longer than its deadline, and a body in two writes",
	  { "write=" HEAD, "await", "write=*100", "await", "write=*100", "await" },
	  HEAD_MORE ", " PUSHED
	            ", " WRITE(100) ", " WRITE(100) ", setsockopt TCP_NODELAY=1 = 0, setsockopt TCP_NODELAY=0 = 0",
	  .timeout = "5ms",
	  .hold = "kernel",
	  .join = "message",
	  .faults = "send:1:linger=100" },
};

EACH_TEST(turns, write_on_its_way_has_its_deadline, ROWS(on_its_way), 30)
{
	check_scenario(&on_its_way[*i]);
}

/* The helper has the turn for longer than others wait for a turn that a jump left, but it is in a call, so its turn is
 * not taken over. */
Test(turns, turn_of_who_is_in_a_call_is_not_taken_over, .timeout = 30)
{
	static const struct scenario slow = { "a helper whose call takes long",
		                              { "write=" HEAD, "sleep=50", "write=*200", "await" },
		                              ANY_CALLS,
		                              .timeout = "5ms",
		                              .faults = "send:1:linger=1500" };

	check_scenario(&slow);
}

static const char *const others[] = { "fork", "read", "dup" };

EACH_TEST(turns, nobody_asks_anything_of_a_socket_while_a_call_is_on_its_way, ROWS(others), 30)
{
	struct setup setup = { .args = { TURNS, "beside", others[*i] },
		               .hold = "kernel",
		               .faults = "send:1:linger=150" };
	struct run *r = check_same(others[*i], &setup);
	const char *head = strstr(r->calls.p, "send "), *push = strstr(r->calls.p, "setsockopt TCP_CORK=0");

	cr_expect(head != NULL && push != NULL && push > head, "%s: want a head, and then a push:\n%s", others[*i],
	          r->calls.p);
	run_free(r);
}

/* A thread waits in recv() while a head is written. As the peer was heard since, what is written next is looked at: it
 * is another head, although it is as long as the body of the first one. */
static const char *const joins[] = { "header", "message" };

EACH_TEST(turns, head_is_seen_behind_a_head_when_the_peer_was_heard, ROWS(joins), 30)
{
	struct setup setup = { .args = { TURNS, "heard" }, .join = joins[*i] };
	struct run *r = check_same("two heads, and the peer between", &setup);

	cr_expect(calls_like(r, "* bytes=100* = 100") == 1 && calls_like(r, JOINED) == 1,
	          "join %s: the second head did not join its body alone:\n%s", joins[*i], r->calls.p);
	run_free(r);
}

/* A handler interrupts a call that leaves the head in memory. The handler's bytes were written later, and the
 * interrupted thread sends them. The place of the handler's stack must not decide whose turn it is. */
static const char *const stacks[] = {
	"",
	"above",
#ifndef UNDER_TSAN /* TSan has a sigaltstack() of its own, found before the library's */
	"above, disarmed",
#endif
	"above, disarmed, by number",
};

EACH_TEST(turns, handler_that_writes_while_a_head_is_held_comes_behind_it, ROWS(stacks) * ROWS(joins), 30)
{
	const char *stack = stacks[*i / ROWS(joins)];
	struct setup setup = { .args = { TURNS, "marked", stack },
		               .join = joins[*i % ROWS(joins)],
		               .faults = "setsockopt:1:linger=200" };
	struct run *r = check_same("a handler's bytes between head and body", &setup);

#ifndef UNDER_TSAN /* TSan delays signal handlers */
	cr_expect(calls_like(r, "send bytes=100 *") == 1 && calls_like(r, "send bytes=6 *") == 1,
	          "stack %s: the thread did not send head and mark:\n%s", stack, r->calls.p);
#endif
	run_free(r);
}

/* A close that waits for its turn has not sent what is held yet: a handler that comes meanwhile writes behind it. */
EACH_TEST(turns, handler_in_a_close_does_not_overtake_what_was_held, ROWS(joins), 30)
{
	struct setup setup = {
		.args = { TURNS, "closed" }, .join = joins[*i], .timeout = HOLD_LONG, .faults = "setsockopt:1:delay=300"
	};
	struct run *r = run(&setup, SHIM);

	for (int n = 1; n < ATTEMPTS && strcmp(r->results.p, "close waited: 1\n") != 0; n++) {
		run_free(r);
		r = run(&setup, SHIM);
	}
	cr_expect(r->status == 0 && strcmp(r->results.p, "close waited: 1\n") == 0,
	          "join %s: wait status %#x, reported %s", joins[*i], (unsigned)r->status, r->results.p);
	cr_expect(r->bytes[0].n >= 100 && memcmp(r->bytes[0].p, HEAD, 100) == 0, "join %s: %zu bytes came: %.40s\n%s",
	          joins[*i], r->bytes[0].n, r->bytes[0].p, r->calls.p);
	run_free(r);
}

/* The second handler comes when the first one is about to queue its bytes, for which it needs memory. */
Test(turns, handler_that_interrupts_a_handler_loses_no_byte_of_either, .timeout = 30)
{
	struct setup setup = { .args = { TURNS, "marked", "nested" },
		               .timeout = HOLD_LONG,
		               .faults = "setsockopt:1:linger=600,mmap:*:delay=100" };
	struct run *r = check_same("two handlers' bytes between head and body", &setup);

	cr_expect(strstr(r->results.p, "all at the peer: 1") != NULL, "%s", r->results.p);
	run_free(r);
}

/* The handler ends the process or the socket, so the interrupted turn leads to nothing; what was written is sent all
 * the same. */
static const char *const ends[] = { "exit", "_exit", "quick_exit", "exit_group", "exec", "shutdown", "close" };

EACH_TEST(turns, handler_that_ends_it_all_loses_nothing, ROWS(ends), 30)
{
	struct setup setup = { .args = { TURNS, "ended", ends[*i] },
		               .timeout = HOLD_LONG,
		               .faults = "setsockopt:1:linger=300" };

	run_free(check_same(ends[*i], &setup));
}

/* After a shutdown in a handler the interrupted call goes on. It books what it did, and the library asks nothing of its
 * socket meanwhile. */
static const struct {
	const char *join, *faults;
} shut[] = {
	{ "header", "writev:1:linger=300" },
	{ "message", "sendmsg:1:linger=300" },
};

EACH_TEST(turns, shutdown_in_a_handler_is_no_end_of_the_call_that_it_interrupts, ROWS(shut), 30)
{
	struct setup setup = {
		.args = { TURNS, "shut" }, .join = shut[*i].join, .timeout = HOLD_LONG, .faults = shut[*i].faults
	};
	struct run *r = run(&setup, SHIM);

	cr_expect(strcmp(r->results.p, "100\n-1, EPIPE: 1\n-1, EPIPE: 1\n") == 0, "join %s: %s\n%s", shut[*i].join,
	          r->results.p, r->calls.p);
	cr_expect(calls_like(r, "setsockopt *") == 0,
	          "join %s: we ask something of the socket while a call is on its way:\n%s", shut[*i].join, r->calls.p);
	cr_expect(r->bytes[0].n == 200, "join %s: %zu bytes came, not 200", shut[*i].join, r->bytes[0].n);
	run_free(r);
}

/* The handler's bytes find no room for longer than anything waits for room. The handler was told that they are written,
 * so the next write reports the loss. */
Test(turns, what_a_handler_wrote_is_not_lost_in_silence, .timeout = 30)
{
	struct setup setup = { .args = { TURNS, "marked" }, .faults = "setsockopt:1:linger=200,send:*:errno=EAGAIN" };
	struct run *r = run(&setup, SHIM);

	cr_expect(strstr(r->results.p, "writing failed: EIO") != NULL, "the next write did not fail: %s", r->results.p);
	run_free(r);
}

/* While a wait for room lasts signals are blocked, so the next handler comes as soon as it is over. */
EACH_TEST(turns, handlers_that_find_no_room_keep_nobody, ROWS(joins), 30)
{
	struct setup setup = { .args = { TURNS, "insist" },
		               .join = joins[*i],
		               .timeout = HOLD_LONG,
		               .faults = "setsockopt:1:linger=100,send:*:errno=EAGAIN" };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->status == 0 && strcmp(r->results.p, "soon: 1\n") == 0, "join %s: wait status %#x, reported %s",
	          joins[*i], (unsigned)r->status, r->results.p);
	run_free(r);
}

/* --- jumps ------------------------------------------------------------------------------------ */

/* The thread that jumped out of the call never comes back. With the short timeout the helper finds its turn first, with
 * the long one another writer does. */
static const struct {
	const char *how, *timeout, *faults;
} jumps[] = {
	{ "write", HOLD_LONG, "writev:1:linger=3000" },
	{ "write", "5ms", "writev:1:linger=3000" },
	{ "option", HOLD_LONG, "setsockopt:1:linger=3000" },
	{ "option", "5ms", "setsockopt:1:linger=3000" },
	{ "option, and no more", "5ms", "setsockopt:1:linger=3000" },
	{ "option, exit", HOLD_LONG, "setsockopt:1:linger=3000" },
	{ "option, exit", "5ms", "setsockopt:1:linger=3000" },
#ifndef UNDER_TSAN /* a lock that is taken over was not given back, so TSan sees a race in whatever it guards */
	{ "option, unseen", HOLD_LONG, "setsockopt:1:linger=3000" },
	{ "option, unseen", "5ms", "setsockopt:1:linger=3000" },
	{ "option, unseen, and no more", "5ms", "setsockopt:1:linger=3000" },
	{ "option, nested", HOLD_LONG, "setsockopt:1:linger=3000,setsockopt:2:linger=3000" },
	{ "option, nested", "5ms", "setsockopt:1:linger=3000,setsockopt:2:linger=3000" },
#endif
	{ "option, interrupted often", HOLD_LONG, "setsockopt:1:linger=3000" },
};

EACH_TEST(turns, jump_out_of_a_call_loses_nothing_and_keeps_nobody, ROWS(jumps) * ROWS(joins), 60)
{
	const char *join = joins[*i % ROWS(joins)];
	size_t k = *i / ROWS(joins);
	struct setup setup = { .args = { TURNS, "jump", jumps[k].how },
		               .timeout = jumps[k].timeout,
		               .faults = jumps[k].faults,
		               .join = join };

	run_free(check_same(jumps[k].how, &setup));
}
