/* Proves that when a thread is interrupted in the middle of its call and does not go on with it, the other threads find
 * a connection on which every byte that was written is there, once. */
#include "harness.h"

#include <stdio.h>

#define PROGRAM BUILD_DIR "/tests/programs/p_interrupted"

static const char *const modes[][2] = {
	{ "memory", "header" }, { "memory", "message" }, { "kernel", "header" }, { "kernel", "message" }
};

enum { CANCEL, ASYNC, JUMP, HOWS };
#ifdef __SANITIZE_ADDRESS__ /* lifecycle.c has the reason: the stack of a cancelled thread */
enum { FIRST = JUMP };
#else
enum { FIRST = CANCEL };
#endif
static const char *const hows[HOWS] = { "cancel", "async", "jump" };

static const struct {
	const char *name, *timeout, *faults[2]; /* [0]: where memory holds the head; [1]: where the kernel does */
} times[] = {
	/* the call meets the helper while the helper is sending */
	{ "later", "5ms", { "send:1:delay=150", "setsockopt:1:delay=150" } },
	/* the call itself sends, and takes so long on its way back that the head's deadline passes as well */
	{ "now", "100ms", { "send:1:linger=150,writev:1:linger=150,sendmsg:1:linger=150", "setsockopt:1:linger=150" } },
};

static const struct {
	const char *call;
	bool ends;
	/* Has the call written bytes of its own? [0]: at the time "later"; at the time "now", [1]: where memory
	 * holds the head, [2]: where the kernel does. */
	bool body[HOWS][3];
} calls[] = {
	{ "body", false, { { false, true, true }, { false, true, true }, { false, true, true } } },
	{ "sendfile", false, { { true, true, true }, { false, false, true }, { false, false, true } } },
	{ "recv" },
	{ "dup" },
	{ "shutdown", true },
	{ "close", true },
	{ "TCP_NODELAY" },
	{ "TCP_CORK" },
	{ "SO_KEEPALIVE" },
};

#define BODY_200                                                                                               \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb" \
	"bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

static void check_left(size_t call, size_t how, size_t time, const char *hold, const char *join)
{
	bool kernel = strcmp(hold, "kernel") == 0;
	const char *faults = times[time].faults[kernel];
	struct setup setup = { .args = { PROGRAM, hows[how], times[time].name, calls[call].call },
		               .timeout = times[time].timeout,
		               .faults = faults,
		               .hold = hold,
		               .join = join };
	struct run *r = run(&setup, SHIM);
	char wanted[700];

	snprintf(wanted, sizeof wanted, "%s%s%s", HEAD,
	         calls[call].body[how][time > 0 ? 1 + kernel : 0] ? BODY_200 : "",
	         calls[call].ends ? "" : HEAD BODY_200);
	for (int n = 1; n < ATTEMPTS && r->status != -1 && strcmp(r->bytes[0].p, wanted) != 0; n++) {
		run_free(r);
		r = run(&setup, SHIM);
	}
	cr_expect(r->status == 0 && strcmp(r->results.p, "done\n") == 0,
	          "%s, %s, %s, %s, hold %s, join %s: wait status %#x, reported \"%s\"", calls[call].call, hows[how],
	          times[time].name, faults, hold, join, (unsigned)r->status, r->results.p);
	cr_expect(strcmp(r->bytes[0].p, wanted) == 0,
	          "%s, %s, %s, %s, hold %s, join %s: %zu bytes came, wanted %zu; calls:\n%s", calls[call].call,
	          hows[how], times[time].name, faults, hold, join, r->bytes[0].n, strlen(wanted), r->calls.p);
	run_free(r);
}

EACH_TEST(interrupted, call_that_is_left_loses_and_doubles_nothing, ROWS(calls) * (HOWS - FIRST), 240)
{
	for (size_t time = 0; time < ROWS(times); time++)
		for (size_t k = 0; k < ROWS(modes); k++)
			check_left(*i / (HOWS - FIRST), FIRST + *i % (HOWS - FIRST), time, modes[k][0], modes[k][1]);
}

EACH_TEST(interrupted, jump_out_of_a_write_that_filled_the_buffer_doubles_no_head, ROWS(modes), 60)
{
	struct setup setup = { .args = { PROGRAM, "full" },
		               .hold = modes[*i][0],
		               .join = modes[*i][1],
		               .faults = "sendmsg:1:linger=150,writev:1:linger=150,send:*:linger=20" };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->status == 0 && strcmp(r->results.p, "heads: 1\n") == 0,
	          "hold %s, join %s: wait status %#x, reported %s", setup.hold, setup.join, (unsigned)r->status,
	          r->results.p);
	run_free(r);
}

/* Each of the library's questions to the kernel takes long on its way back, so that the handler interrupts each of
 * them. */
EACH_TEST(interrupted, handler_that_closes_leaves_no_false_word, ROWS(modes), 60)
{
	static const char *const moments[] = { "5", "10", "30", "50", "70", "90" };

	for (size_t k = 0; k < ROWS(moments); k++) {
		struct setup setup = { .args = { PROGRAM, "close", moments[k] },
			               .hold = modes[*i][0],
			               .join = modes[*i][1],
			               .faults = "getsockopt:*:linger=20,send:*:linger=20" };
		struct run *r = run(&setup, SHIM);

		cr_expect(r->status == 0 && r->bytes[0].n == atomic_load(&r->shared->written),
		          "%s ms, hold %s, join %s: wait status %#x, %zu bytes came, %zu were said to be written; "
		          "calls:\n%s",
		          moments[k], setup.hold, setup.join, (unsigned)r->status, r->bytes[0].n,
		          (size_t)atomic_load(&r->shared->written), r->calls.p);
		run_free(r);
	}
}

/* One mapping of memory that the library makes takes long, each in turn, so that the handler interrupts it. */
EACH_TEST(interrupted, jump_while_memory_is_taken_harms_no_other_thread, 6, 60)
{
	char fault[32];
	struct setup setup = { .args = { PROGRAM, "first" }, .faults = fault, .clients = 2 };
	struct run *r;

	snprintf(fault, sizeof fault, "mmap:%zu:delay=150", *i + 1);
	r = run(&setup, SHIM);
	cr_expect(r->status == 0 && strcmp(r->results.p, "another thread's writes came back: 1\n") == 0,
	          "%s: wait status %#x, reported \"%s\"; calls:\n%s", fault, (unsigned)r->status, r->results.p,
	          r->calls.p);
	run_free(r);
}

/* The helper is the third thread of this program. */
EACH_TEST(interrupted, ignored_signal_cuts_no_other_threads_write, ROWS(modes), 60)
{
	struct setup setup = { .args = { PROGRAM, "ignored-signal" },
		               .hold = modes[*i][0],
		               .join = modes[*i][1],
		               .faults = "pthread_create:3:delay=150" };

	run_free(check_same("SIGCHLD while the helper is started", &setup));
}

/* Another library may set the mask of the threads that it creates. */
static const struct {
	const char *when, *creator;
} blocked[] = {
	{ "blocked" },
	{ "blocked-later" },
	{ "blocked", BUILD_DIR "/tests/programs/lib_masks.so" },
	{ "blocked-later", BUILD_DIR "/tests/programs/lib_masks.so" },
};

EACH_TEST(interrupted, helper_runs_no_handler_of_the_programs, ROWS(blocked), 30)
{
	struct setup setup = { .args = { PROGRAM, blocked[*i].when }, .behind = blocked[*i].creator, .timeout = "5ms" };

	run_free(check_same("a signal that every thread of the program blocks", &setup));
}
