/* Proves that what comes late still comes: the deadline of a head that is written in small pieces, the push when no
 * more bytes follow after MSG_MORE, the error that the helper met, and the kernel's hold after another process has had
 * the socket. */
#include "harness.h"

#include <signal.h>
#include <sys/wait.h>

#define PROGRAM BUILD_DIR "/tests/programs/p_late"

/* Each piece of the head comes well before the deadline of the piece before it. What is held of the head goes out in
 * time all the same; then the rest is no head any more and passes as it is written. */
Test(late, head_that_comes_in_drops_has_one_deadline, .timeout = 30)
{
	struct setup setup = { .args = { STEPS, "write=HTTP/1.1 200 OK\r\n", "sleep=100", "write=A: 1234\r\n",
		                         "sleep=100", "write=A: 1234\r\n", "sleep=100", "write=A: 1234\r\n",
		                         "sleep=100", "write=A: 1234\r\n", "sleep=100", "write=A: 1234\r\n", "await" },
		               .timeout = "300ms" };
	struct run *r = check_same("a head in drops", &setup);

	cr_expect(calls_like(r, "write bytes=9 = 9") > 0, "all of it was held to its last line:\n%s", r->calls.p);
	run_free(r);
}

/* The kernel was told that more follows, and nothing does, so what it holds is pushed. */
#define LED    "* bytes=100 flags=*MSG_MORE* = 100, "
#define PUSHED "setsockopt TCP_CORK=0 = 0, "

static const struct scenario followers[] = {
	{ "a sendfile of nothing",
	  { "write=" HEAD, "sendfile=*0", "await", "write=*200" },
	  LED "sendfile bytes=0 = 0, " PUSHED "write bytes=200 = 200" },
	{ "a sendmmsg of nothing",
	  { "write=" HEAD, "sendmmsg=*0", "await", "write=*200" },
	  LED "sendmmsg *, " PUSHED "write bytes=200 = 200" },
};
SCENARIO_TESTS(late, followers);

/* The count was larger than the file: before Linux 6.5 the kernel keeps the end back then. */
static const struct scenario beyond[] = {
	{ "the end of a message that leaves as it is written",
	  { "write=" HEAD, "sendfile_beyond=*200", "await" },
	  LED "sendfile bytes=1200 = 200, setsockopt TCP_CORK=0 = 0" },
	{ "the end of a message",
	  { "nodelay=1", "write=" HEAD, "sendfile_beyond=*200", "await" },
	  "setsockopt TCP_NODELAY=1 = 0, " LED "sendfile bytes=1200 = 200, setsockopt TCP_CORK=0 = 0",
	  .join = "message",
	  .segments = 1 },
	{ "a piece of a message that leaves as it is written",
	  { "write=" HEAD, "sendfile_beyond=*100", "await", "write=*100" },
	  LED "sendfile bytes=1100 = 100, " PUSHED "write bytes=100 = 100" },
	{ "pieces of which the first one has the head with it",
	  { "write=" HEAD, "sendfile_beyond=*50", "sendfile_beyond=*50", "sendfile_beyond=*100", "await" },
	  LED "sendfile bytes=1050 = 50, " PUSHED
	      "sendfile bytes=1050 = 50, sendfile bytes=1100 = 100, setsockopt TCP_CORK=0 = 0" },
	{ "a piece of a message",
	  { "write=" HEAD, "sendfile_beyond=*100", "await", "write=*100" },
	  LED "sendfile bytes=1100 = 100, *write bytes=100 = 100*",
	  .join = "message" },
};
SCENARIO_TESTS(late, beyond);

/* The bytes that sendmmsg took complete the message, so the next head is no sign of a writer that no hook sees. */
static const struct scenario completed[] = {
	{ "sendmmsg",
	  { "read=500", "write=" HEAD, "sendmmsg=*200", "peer=GET / HTTP/1.1\r\n\r\n", "read=500", "write=" HEAD,
	    "write=*200" },
	  "* bytes=100 flags=*MSG_MORE* = 100, sendmmsg *, writev iov=2 bytes=300 = 300",
	  .request = "GET / HTTP/1.1\r\n\r\n",
	  .join = "message" },
};
SCENARIO_TESTS(late, completed);

/* A child process has had the socket, so the kernel holds the head under MSG_MORE. */
#define IN_ORDER "send bytes=100 flags=MSG_MORE = 100, write bytes=200 = 200"

static const struct scenario others[] = {
	{ "posix_spawn", { "spawn=sleep=1", "write=" HEAD, "write=*200", "await" }, IN_ORDER },
	{ "system", { "system=sleep=1", "write=" HEAD, "write=*200", "await" }, IN_ORDER },
	{ "popen", { "popen=sleep=1", "write=" HEAD, "write=*200", "await" }, IN_ORDER },
	{ "wordexp", { "wordexp=sleep=1", "write=" HEAD, "write=*200", "await" }, IN_ORDER },
	{ "vfork and exec", { "vfork=sleep=1", "write=" HEAD, "write=*200", "await" }, IN_ORDER },
};
SCENARIO_TESTS(late, others);

/* The helper's first send meets the error, and the program's next write reports it. On a busy machine the helper may
 * come too late for that; then there is nothing to report, and the run is repeated. */
static struct run *run_whose_helper_met_it(const struct setup *setup)
{
	struct run *r = run(setup, SHIM);

	for (int n = 1; n < ATTEMPTS && calls_like(r, "send bytes=100 * = -1 EPIPE") == 0; n++) {
		run_free(r);
		r = run(setup, SHIM);
	}
	cr_assert(calls_like(r, "send bytes=100 * = -1 EPIPE") > 0, "the helper met no error:\n%s", r->calls.p);
	return r;
}

Test(late, broken_pipe_that_the_helper_met_raises_the_signal, .timeout = 30)
{
	struct setup setup = { .args = { STEPS, "write=" HEAD, "sleep=50", "write=*200", "await" },
		               .timeout = "5ms",
		               .faults = "send:1:errno=EPIPE" };
	struct run *r = run_whose_helper_met_it(&setup);

	cr_expect(WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGPIPE,
	          "wait status %#x and not SIGPIPE, reported \"%s\"", (unsigned)r->status, r->results.p);
	run_free(r);
}

static const struct {
	const char *step, *result;
} without_signal[] = {
	{ "send+MSG_NOSIGNAL=*200", "send = -1, errno EPIPE" },
	{ "sendmmsg+MSG_NOSIGNAL=*200", "sendmmsg = -1, errno EPIPE" },
};

EACH_TEST(late, broken_pipe_that_the_helper_met_is_an_error_with_nosignal, ROWS(without_signal), 30)
{
	struct setup setup = { .args = { STEPS, "write=" HEAD, "sleep=50", without_signal[*i].step },
		               .timeout = "5ms",
		               .faults = "send:1:errno=EPIPE" };
	struct run *r = run_whose_helper_met_it(&setup);

	cr_expect(r->status == 0 && strstr(r->results.p, without_signal[*i].result) != NULL,
	          "wait status %#x, reported \"%s\"", (unsigned)r->status, r->results.p);
	run_free(r);
}

Test(late, broken_pipe_that_a_read_meets_raises_no_signal, .timeout = 30)
{
	struct setup setup = { .args = { PROGRAM, "reset" } };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->status == 0 && strstr(r->results.p, "read ") != NULL, "wait status %#x, reported \"%s\"",
	          (unsigned)r->status, r->results.p);
	run_free(r);
}

/* The peer resets the connection while a head is held. Each later call returns what it does bare: what has come is read
 * before the error, which is reported once, and not on the socket's next connection. */
static const char *const resets[] = { "refused", "again", "new", "new-by-number" };

EACH_TEST(late, reset_is_reported_where_it_is_bare, ROWS(resets), 30)
{
	struct setup setup = { .args = { PROGRAM, resets[*i] }, .timeout = HOLD_LONG };

	run_free(check_same(resets[*i], &setup));
}

/* There is no room for a head when its connection is ended by connect(AF_UNSPEC). Bare it is lost with the connection,
 * and the socket's next one gets what is written to it only. */
static const char *const full[] = { "full", "full-by-number" };

EACH_TEST(late, head_without_room_does_not_go_to_the_next_connection, ROWS(full), 30)
{
	struct setup setup = { .args = { PROGRAM, full[*i] }, .timeout = HOLD_LONG, .faults = "send:1:errno=EAGAIN" };

	run_free(check_same(full[*i], &setup));
}

Test(late, deadline_comes_although_the_helper_was_stopped_for_a_fork, .timeout = 60)
{
	struct setup setup = { .args = { PROGRAM, "fork" },
		               .timeout = "150ms",
		               .clients = 2,
		               .faults = "send:1:errno=EAGAIN,send:2:delay=80" };
	struct run *r = check_same("a head that is written while another thread forks", &setup);

	for (int n = 1; n < 3 * ATTEMPTS && calls_like(r, "setsockopt TCP_CORK=0 *") == 0; n++) {
		run_free(r);
		r = check_same("a head that is written while another thread forks", &setup);
	}
	cr_expect(calls_like(r, "setsockopt TCP_CORK=0 *") > 0,
	          "the helper did not come back, the kernel sent the head:\n%s", r->calls.p);
	run_free(r);
}

Test(late, close_does_not_wait_for_a_writer, .timeout = 30)
{
	struct setup setup = { .args = { PROGRAM, "blocked" } };

	run_free(check_same("a close while another thread writes", &setup));
}
