/* Proves who waits for the helper in each of its phases: the table in docs/design.md, row by row. A delay behind the
 * library makes each phase long, and the call comes in the middle of it. */
#include "harness.h"

#include <stdio.h>

#define PROGRAM BUILD_DIR "/tests/programs/p_meetings"

static const char *const modes[][2] = {
	{ "memory", "header" }, { "memory", "message" }, { "kernel", "header" }, { "kernel", "message" }
};

enum { AT_ONCE_NS = 50000000 };

struct meeting {
	const char *phase, *call;
	const char *timeout, *faults;
	const char *hold, *join;
	bool waits;
	size_t bytes;    /* that the peer gets in the end on the connection of the meeting */
	unsigned status; /* the wait status with which the program ends */
	/* Bare, other bytes come, or in another order, because there the other thread's write has returned. */
	bool differs;
};

static struct run *run_meeting(const struct meeting *m, enum behind behind, const char *wanted)
{
	bool three = strcmp(m->phase, "stopping") == 0;
	bool two = strcmp(m->phase, "starting") == 0 || strcmp(m->phase, "ending") == 0;
	struct setup setup = { .args = { PROGRAM, m->phase, m->call },
		               .timeout = m->timeout,
		               .faults = m->faults,
		               .hold = m->hold,
		               .join = m->join,
		               .clients = three ? 3
		                          : two ? 2
		                                : 1 };
	struct run *r = run(&setup, behind);

	for (int n = 1; n < ATTEMPTS && r->status != -1 && strcmp(r->results.p, wanted) != 0; n++) {
		run_free(r);
		r = run(&setup, behind);
	}
	return r;
}

/* The bytes of the connection that the meeting is about. */
static const struct text *bytes_of(const struct meeting *m, const struct run *r)
{
	return &r->bytes[strcmp(m->phase, "stopping") == 0 || strcmp(m->phase, "starting") == 0];
}

static void check(const struct meeting *m)
{
	char name[160], wanted[2][64];
	struct run *bare, *shim;
	const struct text *got, *want;

	snprintf(name, sizeof name, "%s, %s, %s, hold %s, join %s", m->call, m->phase,
	         m->faults != NULL ? m->faults : "no fault", m->hold, m->join);
	snprintf(wanted[BARE], sizeof wanted[BARE], "waited: 0, status %#x\n", m->status);
	snprintf(wanted[SHIM], sizeof wanted[SHIM], "waited: %d, status %#x\n", m->waits, m->status);
	bare = run_meeting(m, BARE, wanted[BARE]);
	shim = run_meeting(m, SHIM, wanted[SHIM]);
	cr_expect(strcmp(bare->results.p, wanted[BARE]) == 0, "%s: bare: reported %s, wanted %s", name, bare->results.p,
	          wanted[BARE]);
	cr_expect(strcmp(shim->results.p, wanted[SHIM]) == 0, "%s: reported %s, wanted %s; calls:\n%s", name,
	          shim->results.p, wanted[SHIM], shim->calls.p);
	got = bytes_of(m, shim);
	want = bytes_of(m, bare);
	cr_expect(got->n == m->bytes && (m->differs || (want->n == got->n && memcmp(want->p, got->p, got->n) == 0)),
	          "%s: %zu bytes came, not %zu, \"%.20s\", bare %zu; calls:\n%s", name, got->n, m->bytes, got->p,
	          want->n, shim->calls.p);
	if (strcmp(m->call, "another's head") == 0)
		cr_expect(shim->arrived > 0 && shim->arrivals[0].at - shim->shared->sent[0] < AT_ONCE_NS,
		          "%s: it was held; calls:\n%s", name, shim->calls.p);
	run_free(bare);
	run_free(shim);
}

/* --- the helper is asleep, or busy with this very head, or there is none ---------------------- */

static const struct {
	const char *call;
	bool waits; /* for the helper, if the helper has the turn */
	size_t bytes;
	unsigned status;
	bool in_kernel;  /* when the call comes, the kernel holds the bytes, in each mode */
	bool to_the_end; /* when the call comes, something is held only with join=message */
} calls[] = {
	{ "head", true, 200 },
	{ "body", true, 300 },
	{ "pass", true, 200, .in_kernel = true, .to_the_end = true },
	{ "sendfile", true, 300 },
	{ "sendmmsg", true, 300 },
	{ "recv", false, 100 },
	{ "close", true, 100 },
	{ "close_range", true, 100 },
	{ "dup2", true, 100 },
	{ "fclose", true, 100, .in_kernel = true },
	{ "shutdown", true, 100 },
	{ "dup", true, 100 },
	{ "fdopen", true, 100 },
	{ "SCM_RIGHTS", true, 100 },
	{ "TCP_NODELAY", true, 100 },
	{ "TCP_CORK", true, 100 },
	{ "SO_KEEPALIVE", true, 100 },
	{ "TCP_INFO", true, 100 },
	{ "SO_ERROR", false, 100 },
	{ "SO_SNDBUF", false, 100 },
	{ "SIOCOUTQ", true, 100 },
	{ "getsockopt TCP_NODELAY", true, 100 },
	{ "fork", true, 100 },
	{ "posix_spawn", true, 100 },
#ifndef UNDER_TSAN /* TSan makes every vfork a fork */
	{ "vfork, close", false, 100 },
	{ "vfork, body", true, 300 },
#endif
	{ "exec", true, 100 },
	{ "exit", true, 100 },
	{ "_exit", true, 100 },
	{ "quick_exit", true, 100 },
	{ "abort", true, 100, 6 },
};

static const struct {
	const char *name, *timeout;
	const char *faults[2]; /* of the helper; [0]: where memory holds the bytes; [1]: where the kernel does */
} phases[] = {
	{ "asleep", HOLD_LONG, { NULL, NULL } },
	/* there is no helper */
	{ "asleep", HOLD_LONG, { "pthread_create:*:errno=EAGAIN", "pthread_create:*:errno=EAGAIN" } },
	{ "busy", "50ms", { "cookie:2:delay=150", "cookie:2:delay=150" } },   /* it asks for the socket's identity */
	{ "busy", "50ms", { "send:1:delay=150", "setsockopt:1:delay=150" } }, /* it sends */
};

EACH_TEST(meetings, who_waits_for_the_helper, ROWS(calls), 180)
{
	for (size_t p = 0; p < ROWS(phases); p++) {
		for (size_t k = 0; k < ROWS(modes); k++) {
			bool kernel = calls[*i].in_kernel || strcmp(modes[k][0], "kernel") == 0;
			struct meeting m = { phases[p].name,
				             calls[*i].call,
				             phases[p].timeout,
				             phases[p].faults[kernel],
				             modes[k][0],
				             modes[k][1],
				             calls[*i].waits && strcmp(phases[p].name, "busy") == 0,
				             calls[*i].bytes,
				             calls[*i].status };
			if (!calls[*i].to_the_end || strcmp(modes[k][1], "message") == 0)
				check(&m);
		}
	}
}

/* --- another thread starts the helper, or waits for its end ----------------------------------- */

/* The helper is the second thread that is created. */
#define SLOW_START HOLD_LONG, "pthread_create:2:delay=150"
#define IN_MEMORY(call, ...)                                                  \
	{                                                                     \
		"starting", call, SLOW_START, "memory", "header", __VA_ARGS__ \
	}
#define STARTING(call, ...)                                                    \
	IN_MEMORY(call, __VA_ARGS__),                                          \
	{                                                                      \
		"starting", call, SLOW_START, "kernel", "message", __VA_ARGS__ \
	}

/* The thread that starts the helper has the turn, and nothing is held yet. Where the kernel holds, that thread's own
 * call follows without the turn; a thread that waited for the turn and then closes may come first, as it may bare. */
static const struct meeting starting[] = {
	STARTING("head", true, 200),
	STARTING("another's head", false, 100),
	STARTING("recv", false, 100),
	STARTING("body", false, 300, .differs = true),
	STARTING("sendfile", false, 300, .differs = true),
	IN_MEMORY("shutdown", false, 0, .differs = true),
	STARTING("getsockopt TCP_NODELAY", true, 100),
	IN_MEMORY("close_range", true, 100),
	IN_MEMORY("dup2", true, 100),
	STARTING("dup", false, 100),
	STARTING("fdopen", false, 100),
	STARTING("SCM_RIGHTS", false, 100),
	STARTING("TCP_NODELAY", true, 100),
	STARTING("TCP_CORK", true, 100),
	STARTING("SO_KEEPALIVE", false, 100),
	STARTING("TCP_INFO", false, 100),
	STARTING("SO_ERROR", false, 100),
	STARTING("SIOCOUTQ", false, 100),
	STARTING("fork", false, 100),
	STARTING("posix_spawn", false, 100),
#ifndef UNDER_TSAN /* TSan also takes its time to report that a close beside a write is a race */
	STARTING("vfork, close", false, 100),
	IN_MEMORY("close", true, 100),
#endif
	STARTING("exec", false, 0, .differs = true),
	STARTING("exit", false, 0, .differs = true),
	STARTING("_exit", false, 0, .differs = true),
	STARTING("quick_exit", false, 0, .differs = true),
};

EACH_TEST(meetings, who_waits_while_another_thread_starts_the_helper, ROWS(starting), 60)
{
	check(&starting[*i]);
}

/* The fork finds no room for one head at first, and sending it then takes long. Meanwhile the deadline of another head
 * comes, which keeps the helper busy for longer still. The fork waits 100 ms for the helper. */
#define BUSY_AND_STOPPED "200ms", "send:1:errno=EAGAIN,send:2:delay=300,setsockopt:1:delay=400"
#define STOPPING(call, ...)                                                          \
	{ "stopping", call, BUSY_AND_STOPPED, "memory", "header", __VA_ARGS__ },     \
	{                                                                            \
		"stopping", call, BUSY_AND_STOPPED, "memory", "message", __VA_ARGS__ \
	}

static const struct meeting stopping[] = {
	STOPPING("another's head", false, 100), STOPPING("body", true, 300), STOPPING("recv", false, 100),
	STOPPING("close", true, 100),           STOPPING("dup", true, 100),  STOPPING("TCP_NODELAY", true, 100),
	STOPPING("posix_spawn", true, 100),     STOPPING("fork", true, 100), STOPPING("_exit", true, 100),
};

EACH_TEST(meetings, who_waits_while_a_fork_waits_for_the_helpers_end, ROWS(stopping), 60)
{
	check(&stopping[*i]);
}

/* --- the process ends while another thread writes --------------------------------------------- */

/* The call that ends the process finds no room for one head at first, and sending it then takes long; it has looked at
 * the other connection before. */
#define ENDING(call, ...)                                                                                         \
	{                                                                                                         \
		"ending", call, HOLD_LONG, "send:1:errno=EAGAIN,send:2:delay=150", "memory", "header", true, 100, \
			__VA_ARGS__.differs = true                                                                \
	}

static const struct meeting ending[] = { ENDING("exit"),           ENDING("_exit"), ENDING("quick_exit"),
	                                 ENDING("SYS_exit_group"), ENDING("exec"),  ENDING("abort", .status = 6, ) };

EACH_TEST(meetings, what_is_written_while_the_process_ends_goes_out, ROWS(ending), 60)
{
	check(&ending[*i]);
}
