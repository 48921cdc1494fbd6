/* Proves that programs which live unusually end up where they would without the library, that their bytes arrive, and
 * that nothing waits longer. */
#include "harness.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_hosts"

struct life {
	const char *what, *how;
	const char *wanted; /* what the program reports, bare as well as under the library */
	const char *join, *hold;
	const char *timeout; /* NULL: 5 ms */
	const char *faults;
	int joined;        /* how many messages leave in one call; 0: any number */
	const char *call;  /* a call that reaches libc once; NULL: none is looked for */
	const char *other; /* what else it may report, if it does so bare as well; NULL: nothing */
	bool timed;
};

static bool differ(const struct run *a, const struct run *b)
{
	for (int i = 0; i < CLIENTS_MAX; i++)
		if (a->bytes[i].n != b->bytes[i].n || memcmp(a->bytes[i].p, b->bytes[i].p, a->bytes[i].n) != 0)
			return true;
	return a->status != b->status || strcmp(a->said.p, b->said.p) != 0;
}

static bool as_wanted(const struct life *l, const struct run *r)
{
	return strcmp(r->results.p, l->wanted) == 0 || (l->other != NULL && strcmp(r->results.p, l->other) == 0);
}

static void check_life(const struct life *l)
{
	struct setup setup = { .args = { PROGRAM, l->what, l->how },
		               .timeout = l->timeout != NULL ? l->timeout : "5ms",
		               .faults = l->faults,
		               .join = l->join,
		               .hold = l->hold };
	const char *how = l->how != NULL ? l->how : "";
	struct run *bare = run(&setup, BARE), *shim = run(&setup, SHIM);

	for (int n = 1; l->timed && n < ATTEMPTS && !as_wanted(l, bare); n++) {
		run_free(bare);
		bare = run(&setup, BARE);
	}
	for (int n = 1; l->timed && n < ATTEMPTS && !as_wanted(l, shim); n++) {
		run_free(shim);
		shim = run(&setup, SHIM);
	}
	cr_expect(bare->status == 0 && as_wanted(l, bare),
	          "%s %s: bare: wait status %#x, reported \"%s\", wanted \"%s\"", l->what, how, (unsigned)bare->status,
	          bare->results.p, l->wanted);
	cr_expect(strcmp(shim->results.p, bare->results.p) == 0, "%s %s: wait status %#x, reported \"%s\", bare \"%s\"",
	          l->what, how, (unsigned)shim->status, shim->results.p, bare->results.p);
	cr_expect(
		!differ(bare, shim),
		"%s %s: wait status %#x, bare %#x; %zu bytes came, \"%.20s...\", bare %zu; said \"%s\"; calls:\n%.600s",
		l->what, how, (unsigned)shim->status, (unsigned)bare->status, shim->bytes[0].n, shim->bytes[0].p,
		bare->bytes[0].n, shim->said.p, shim->calls.p);
	cr_expect(l->joined == 0 || calls_like(shim, "writev iov=2 bytes=300 = 300") == l->joined,
	          "%s %s: %d messages were joined, not %d:\n%s", l->what, how,
	          calls_like(shim, "writev iov=2 bytes=300 = 300"), l->joined, shim->calls.p);
	cr_expect(l->call == NULL || calls_like(shim, l->call) == 1, "%s %s: no call \"%s\":\n%.2000s", l->what, how,
	          l->call, shim->calls.p);
	run_free(bare);
	run_free(shim);
}

#define LIVES(suite, name, table)               \
	EACH_TEST(suite, name, ROWS(table), 60) \
	{                                       \
		check_life(&table[*i]);         \
	}                                       \
	_Static_assert(1, "the macro ends in a semicolon")

static const struct life closers[] = {
	{ "closed-step-by-step", NULL, "heads missing: 0\n", .faults = "getsockopt:*:delay=20,fcntl:*:delay=20" },
	{ "closed-in-a-crowd", NULL, "heads missing: 0\n" },
};
LIVES(hosts, close_at_the_deadline_loses_nothing, closers);

static const struct life missed[] = { { "bodies-missed", NULL, "2 threads end, requests: 4000\n" },
	                              { "bodies-missed", NULL, "2 threads end, requests: 4000\n", "message" } };
LIVES(hosts, two_threads_that_miss_bodies_do_not_wait_for_each_other, missed);

#define ENOUGH "heads that go at once: enough\n"
static const struct life crowds[] = {
	{ "many-heads", "first", ENOUGH, .timeout = "1s" },
	{ "many-heads", "after", ENOUGH, .timeout = "1s" },
	{ "many-heads", "after", ENOUGH, "message", .timeout = "1s" },
	{ "many-heads", "after", ENOUGH, .hold = "kernel", .timeout = "1s" },
};
LIVES(hosts, heads_beyond_the_most_that_wait_go_at_once, crowds);

#ifndef __SANITIZE_ADDRESS__ /* lifecycle.c has the reason: the stack of a cancelled thread */
#define ONE_HEAD "heads: 1, first: 1\n"
static const struct life cancelled[] = {
	{ "cancelled", NULL, ONE_HEAD },
	{ "cancelled", NULL, ONE_HEAD, "message" },
	{ "cancelled", NULL, ONE_HEAD, "message", "kernel" },
	{ "cancelled", "pending", ONE_HEAD },
	{ "cancelled", "pending", ONE_HEAD, "message" },
	{ "cancelled", "late", ONE_HEAD, .faults = "writev:1:linger=2000", .timeout = "100ms" },
	{ "cancelled", "late", ONE_HEAD, "message", .faults = "writev:1:linger=2000", .timeout = "100ms" },
};
LIVES(hosts, cancelled_writer_leaves_one_head, cancelled);
#endif

static const struct life jumpers[] = {
	{ "jumps", "and ends", "the thread ended: 1\n" },
	{ "jumps", "and ends", "the thread ended: 1\n", "message" },
	{ "jumps", "and stays", "another thread's send came back: 1\n" },
	{ "jumps", "and stays", "another thread's send came back: 1\n", "message" },
};
LIVES(hosts, jump_out_of_a_blocked_write_harms_nobody, jumpers);

#define AT_ONCE "it came back: 1, with an honest result: 1\n"
static const struct life hasty[] = {
	{ "dontwait", NULL, AT_ONCE },
	{ "dontwait", NULL, AT_ONCE, "message" },
	{ "dontwait", NULL, AT_ONCE, "message", "kernel" },
};
LIVES(hosts, send_that_must_not_wait_does_not, hasty);

/* --- a child of vfork, threads with descriptors of their own ---------------------------------- */

#ifndef UNDER_TSAN /* TSan makes every vfork a fork, and a process under TSan does not end with its last thread */
static const struct life delayed[] = {
	{ "vfork-late", "close", "late: 0\n", "message", .timeout = "30ms", .timed = true },
	{ "vfork-late", "close nodelay", "late: 0\n", "message", .timeout = "30ms", .timed = true },
	{ "vfork-late", "dup2", "late: 0\n", "message", .timeout = "30ms", .timed = true },
	{ "vfork-late", "close_range", "late: 0\n", "message", .timeout = "30ms", .timed = true },
	{ "vfork-late", "SYS_close", "late: 0\n", "message", .timeout = "30ms", .timed = true },
};
LIVES(hosts, closing_child_of_vfork_delays_nothing, delayed);

/* If the child sends the held head, that takes 100 ms, and the body comes meanwhile. */
static const struct life ordered[] = {
	{ "vfork-order", "close", "", .timeout = HOLD_LONG, .faults = "send:1:delay=100", .joined = 1 },
	{ "vfork-order", "dup2", "", .timeout = HOLD_LONG, .faults = "send:1:delay=100", .joined = 1 },
	{ "vfork-order", "close_range", "", .timeout = HOLD_LONG, .faults = "send:1:delay=100", .joined = 1 },
	{ "vfork-order", "SYS_close", "", "message", .timeout = HOLD_LONG, .faults = "send:1:delay=100", .joined = 1 },
};
LIVES(hosts, closing_child_of_vfork_overtakes_nothing, ordered);

static const struct life held[] = {
	{ "vfork-after", "close", "", .timeout = HOLD_LONG, .joined = 3 },
	{ "vfork-after", "dup2", "", .timeout = HOLD_LONG, .joined = 3 },
	{ "vfork-after", "close_range", "", .timeout = HOLD_LONG, .joined = 3 },
	{ "vfork-after", "SYS_close", "", "message", .timeout = HOLD_LONG, .joined = 3 },
};
LIVES(hosts, closing_child_of_vfork_leaves_the_connection_known, held);
#endif

#define OWN_BYTES "one number: 1\nmain's bytes arrived: 1\nthe thread's: 1\n"
static const struct life unshared[] = {
	{ "unshared", "body", OWN_BYTES },
	{ "unshared", "body", OWN_BYTES, "message" },
	{ "unshared", "head", OWN_BYTES },
};
LIVES(hosts, threads_with_descriptors_of_their_own_get_their_own_bytes, unshared);

/* --- full buffers ----------------------------------------------------------------------------- */

#define REFUSED_WHOLE  "send:1:errno=EAGAIN"
#define REFUSED_JOINED "sendmsg:1:errno=EAGAIN"
#define NO_CORK        "TCP_CORK: 0, late: 0\n"
static const struct life corked[] = {
	{ "refused", "whole", NO_CORK, "message", .faults = REFUSED_WHOLE, .timed = true },
	{ "refused", "whole nodelay", NO_CORK, "message", .faults = REFUSED_WHOLE, .timed = true },
	{ "refused", "body", NO_CORK, "message", .faults = REFUSED_JOINED, .timed = true },
	{ "refused", "body nodelay", NO_CORK, "message", .faults = REFUSED_JOINED, .timed = true },
};
LIVES(hosts, refused_message_leaves_no_cork, corked);

static const struct life piecemeal[] = {
	{ "pieces", "written", "late: 0\n", "message", .timed = true },
	{ "pieces", "written nodelay", "late: 0\n", "message", .timed = true },
	{ "pieces", "exact", "late: 0\n", "message", .timed = true },
	{ "pieces", "exact nodelay", "late: 0\n", "message", .timed = true },
	{ "pieces", "asked", "late: 0\n", "message", .timed = true },
};
LIVES(hosts, pieces_by_sendfile_after_a_pause_are_not_late, piecemeal);

/* After a call that took fewer bytes than it was given, the kernel is asked whether it has room for the head. */
#define NOT_LOST "close waited: 0, a head that was taken is lost: 0\n"
static const struct life filled[] = {
	{ "full", "", NOT_LOST, .timed = true },
	{ "full", "", NOT_LOST, "message", .timeout = HOLD_LONG, .timed = true,
	  .call = "send bytes=100 flags=MSG_MORE = *" },
};
LIVES(hosts, head_that_finds_no_room_is_not_lost, filled);

static const struct life blocked[] = {
	{ "interrupted", "timer", "refused: never\n" },
	{ "interrupted", "timer", "refused: never\n", "message" },
	{ "interrupted", "timeout", "refused: EAGAIN\n" },
	{ "interrupted", "timeout", "refused: EAGAIN\n", "message" },
};
LIVES(hosts, blocked_write_ends_for_its_own_reason, blocked);

#define SEEN "seen: ECONNRESET, head: EPIPE\n"
static const struct life resets[] = {
	{ "reset-seen", "read", SEEN },
	{ "reset-seen", "asked", SEEN },
	{ "reset-seen", "read again", SEEN },
	{ "reset-seen", "asked again", SEEN, "message" },
};
LIVES(hosts, head_after_an_error_is_not_taken, resets);

/* --- memory, sandboxes, the beginning and the end of a process -------------------------------- */

static const struct life memory[] = {
	{ "unreadable", NULL, "EFAULT: 6 of 6, taken: 16 of 16\n" },
	{ "many-messages", NULL, "sent: 1024\n" },
	{ "no-option", NULL, "EFAULT: 4 of 4\n" },
	{ "no-message", NULL, "EFAULT: 3 of 3, sent: 2\n" },
};
LIVES(hosts, memory_that_is_not_there_is_an_error, memory);

#if !defined __SANITIZE_ADDRESS__ && !defined UNDER_TSAN /* sanitizers make system calls that the sandbox forbids */
#define BOTH "written: 100 and 200\n"
static const struct life sandboxes[] = {
	{ "sandbox", "filter", BOTH },
	{ "sandbox", "filter by syscall", BOTH },
	{ "sandbox", "filter, _exit", BOTH },
	{ "sandbox", "filter, held, _exit", BOTH },
	{ "sandbox", "no getpid, forks", BOTH "its child's end: 0\n" },
	{ "sandbox", "filter, held", BOTH },
	{ "sandbox", "filter, worker", BOTH "the worker's end: 0\n" },
	{ "sandbox", "strict", BOTH },
	{ "sandbox", "strict by syscall", BOTH },
	{ "sandbox", "strict, held", BOTH },
	{ "sandbox", "strict, worker", BOTH "the worker's end: 0\n" },
	{ "sandbox", "no sendto, slow", BOTH },
	{ "sandbox", "no sendto, worker", BOTH "the worker's end: 0\n" },
#if defined __x86_64__ || defined __i386__
	{ "sandbox", "no clock", BOTH },
	{ "sandbox", "no clock, held", BOTH },
#endif
};
LIVES(hosts, program_in_a_sandbox_lives, sandboxes);

/* A thread has asked whether the library is at work, and has no CPU before it makes the library's call. */
#define ALL "a thread was stopped: 1\n"
static const struct life threads_of_sandboxes[] = {
	{ "sandbox-for-all", NULL, ALL, .hold = "kernel", .faults = "send:1:delay=200" },
	{ "sandbox-for-all", NULL, ALL, "message", .hold = "kernel", .faults = "send:1:delay=200" },
};
LIVES(hosts, thread_of_a_program_in_a_sandbox_lives, threads_of_sandboxes);
#endif

#ifdef __SANITIZE_ADDRESS__ /* its threads may block all signals when they end, as with gcc 14 */
#define OR_BLOCKED "SIGTERM is blocked: 1, SIGUSR1: 1\nlate: 0\n"
#else
#define OR_BLOCKED NULL
#endif
static const struct life moments[] = {
	{ "early", NULL, "close_range 1, closefrom 1, _Fork 1, execveat 1\n", .timeout = HOLD_LONG, .joined = 1 },
#ifndef UNDER_TSAN
	{ "last-thread", NULL, "late: 0\n", .timed = true },
	{ "last-thread", "later", "late: 0\n", .timed = true },
	{ "last-thread", "first", "on the first thread: 1, late: 0\n", .timed = true },
	{ "last-thread", "first, later", "on the first thread: 1, late: 0\n", .timed = true },
	{ "last-thread", "held", "all came: 1, late: 0\n", .timeout = HOLD_LONG, .timed = true },
	{ "last-thread", "held", "all came: 1, late: 0\n", .timed = true },
	{ "last-thread", "later, held", "all came: 1, late: 0\n", .timed = true },
	{ "last-return", NULL, "SIGTERM is blocked: 0, SIGUSR1: 1\nlate: 0\n", .other = OR_BLOCKED, .timed = true },
	{ "last-status", NULL, "ended: 1, status: 3\n" },
	{ "last-status", "later", "ended: 1, status: 3\n" },
#endif
};
LIVES(hosts, first_and_last_moments_are_as_ever, moments);
