/* Proves that where the kernel holds, the head goes to the kernel at once with MSG_MORE, and the kernel keeps the order
 * of the bytes: on sockets that other processes may write to, with hold=kernel, and in the whole process as soon as
 * there may be writers that no hook sees. */
#include "harness.h"

#define MORE_HEAD "send bytes=100 flags=MSG_MORE = 100"
#define BODY      "write bytes=200 = 200"
#define PUSH      "setsockopt TCP_CORK=0 = 0"
#define MESSAGE   "write=" HEAD, "write=*200"
#define SPLIT     MORE_HEAD ", " BODY
#define JOINED    "writev iov=2 bytes=300 = 300"

static const struct scenario calls[] = {
	{ "write, then write", { MESSAGE, "await" }, SPLIT },
	{ "write, then writev of 3",
	  { "write=" HEAD, "writev/3=*200", "await" },
	  MORE_HEAD ", writev iov=3 bytes=200 = 200" },
	{ "write, then send with MSG_NOSIGNAL",
	  { "write=" HEAD, "send+MSG_NOSIGNAL=*200", "await" },
	  MORE_HEAD ", send bytes=200 flags=MSG_NOSIGNAL = 200" },
	{ "send with MSG_NOSIGNAL, then sendmsg",
	  { "send+MSG_NOSIGNAL=" HEAD, "sendmsg/2+MSG_NOSIGNAL=*200", "await" },
	  "send bytes=100 flags=MSG_MORE|MSG_NOSIGNAL = 100, sendmsg iov=2 bytes=200 flags=MSG_NOSIGNAL = 200" },
	{ "a head by writev",
	  { "writev/2=" HEAD, "write=*200", "await" },
	  "sendmsg iov=2 bytes=100 flags=MSG_MORE = 100, " BODY },
	{ "a head by sendmsg with MSG_NOSIGNAL",
	  { "sendmsg/3+MSG_NOSIGNAL=" HEAD, "write=*200", "await" },
	  "sendmsg iov=3 bytes=100 flags=MSG_MORE|MSG_NOSIGNAL = 100, " BODY },
	{ "a head in pieces",
	  { "write=HTTP/1.1 200 OK\r\n", "write=" HEAD_PAD("200"), "write=*200", "await" },
	  "send bytes=17 flags=MSG_MORE = 17, send bytes=83 flags=MSG_MORE = 83, " BODY },
	{ "a GET in pieces",
	  { "connect", "write=GET / HTTP/1.1\r\n", "write=Host: here\r\n", "write=\r\n", "await" },
	  "send bytes=16 flags=MSG_MORE = 16, send bytes=12 flags=MSG_MORE = 12, write bytes=2 = 2",
	  .clients = -1 },
	{ "a non-blocking socket", { "nonblock", MESSAGE, "await" }, SPLIT },
	{ "a socket with TCP_NODELAY", { "nodelay=1", MESSAGE, "await" }, SPLIT },
	{ "a body by sendfile", { "write=" HEAD, "sendfile=*200", "await" }, MORE_HEAD ", sendfile bytes=200 = 200" },
	{ "a body by splice", { "write=" HEAD, "splice=*200", "await" }, MORE_HEAD ", splice bytes=200 = 200" },
	{ "a body of 1024 iovecs",
	  { "write=" HEAD, "writev/1024=*2048", "await" },
	  MORE_HEAD ", writev iov=1024 bytes=2048 = 2048" },
	{ "a head without a body", { "write=HTTP/1.1 204 No Content\r\n\r\n", "await" }, "write bytes=27 = 27" },
	{ "a body by an instruction that no hook sees", { "write=" HEAD, "unseen=*200", "await" }, MORE_HEAD },
	{ "a body by io_uring", { "write=" HEAD, "uring=*200", "await" }, MORE_HEAD },
};

/* With hold=kernel each of these messages is one segment. */
EACH_TEST(kernel_hold, whatever_the_calls, ROWS(calls), 30)
{
	struct scenario s = calls[*i];

	s.hold = "kernel";
	s.segments = 1;
	check_scenario(&s);
	check_scenario_behind_another(&s);
}

/* With the default settings the kernel holds on sockets that this process cannot prove to be its own alone. */
static const struct scenario hands[] = {
	{ "an inherited socket", { "keepalive=1", "exec=execv", MESSAGE, "await" }, SPLIT },
	{ "standard input", { "onto=0", MESSAGE, "await" }, SPLIT },
	{ "standard output", { "onto=1", MESSAGE, "await" }, SPLIT },
	{ "standard error", { "onto=2", MESSAGE, "await" }, SPLIT },
	{ "a socket that was dup'ed", { "dup", MESSAGE, "await" }, SPLIT },
	{ "the dup", { "dup", "use", MESSAGE, "await" }, SPLIT },
	{ "the dup, after the original was closed", { "dup", "close", "use", MESSAGE, "await" }, SPLIT },
	{ "a socket that was dup'ed by fcntl", { "F_DUPFD=20", MESSAGE, "await" }, SPLIT },
	{ "a socket that was dup'ed by number", { "SYS_dup", MESSAGE, "await" }, SPLIT },
	{ "the head through a dup, the body through the original",
	  { "dup", "use", "write=" HEAD, "use", "write=*200", "await" },
	  SPLIT },
	{ "the head through the original, the body through a dup",
	  { "dup", "write=" HEAD, "use", "write=*200", "await" },
	  SPLIT },
	{ "fdopen'ed, but written by write", { "fdopen", MESSAGE, "await" }, SPLIT },
	{ "fdopen'ed, the body through the stream", { "fdopen", "write=" HEAD, "fwrite=*200", "await" }, MORE_HEAD },
	{ "fdopen'ed, the body by fprintf", { "fdopen", "write=" HEAD, "fprintf=*200", "fclose", "await" }, ANY_CALLS },
	{ "passed over a unix socket", { "pass", MESSAGE, "await" }, SPLIT },
	{ "received over a unix socket", { "pass", "close", "use", MESSAGE, "await" }, SPLIT },
	{ "alive across a fork", { "child:sleep=0", MESSAGE, "await" }, SPLIT },
	{ "alive across a _Fork", { "_Fork:sleep=0", MESSAGE, "await" }, SPLIT },
	{ "alive across a spawn", { "spawn=sleep=0", MESSAGE, "await" }, SPLIT },
#ifndef WIDE /* this row starts a shell, which is a program of 64 bits */
	{ "alive across system()", { "system=sleep=0", MESSAGE, "await" }, SPLIT },
#endif
	{ "in the child of a fork", { "child:write=" HEAD, "child:write=*200", "await" }, ANY_CALLS },
};

EACH_TEST(kernel_hold, other_hands, ROWS(hands), 30)
{
	struct scenario s = hands[*i];

	s.segments = s.calls == NULL || strcmp(s.calls, ANY_CALLS) != 0;
	check_scenario(&s);
	check_scenario_elsewhere(&s);
	check_scenario_behind_another(&s);
}

Test(kernel_hold, other_hands_on_the_listener, .timeout = 30)
{
	static const struct scenario s = { "accepted from a listener that is alive across a fork",
		                           { "close", "child:sleep=0", MESSAGE, "await" },
		                           ANY_CALLS };

	check_scenario(&s);
	check_scenario_elsewhere(&s);
}

/* A head that the kernel holds also goes at once before a call after which nothing may be held. */
#define HELD     "write=" HEAD
#define RELEASED MORE_HEAD ", " PUSH

static const struct scenario releases[] = {
	{ "read", { "peer=ping", HELD, "read=4", "await", "write=*200" }, RELEASED ", read *, " BODY },
	{ "recv", { "peer=ping", HELD, "recv=4", "await", "write=*200" }, RELEASED ", recv *, " BODY },
	{ "a recv that finds nothing",
	  { HELD, "recv+MSG_DONTWAIT=4", "await", "write=*200" },
	  RELEASED ", recv *, " BODY },
	{ "setsockopt", { HELD, "keepalive=1", "await", "write=*200" }, RELEASED ", setsockopt SO_=1 = 0, " BODY },
	{ "setsockopt TCP_NODELAY",
	  { HELD, "nodelay=1", "await", "write=*200" },
	  RELEASED ", setsockopt TCP_NODELAY=1 = 0, " BODY },
	{ "getsockopt", { HELD, "get-error", "await", "write=*200" }, RELEASED ", " BODY },
	{ "ioctl", { HELD, "outq", "await", "write=*200" }, RELEASED ", " BODY },
	{ "dup", { HELD, "dup", "await", "write=*200" }, RELEASED ", dup *, " BODY },
	{ "shutdown", { HELD, "shutdown", "await" }, MORE_HEAD ", shutdown *" },
	{ "shutdown for reading", { HELD, "shutdown=0", "await", "write=*200" }, RELEASED ", shutdown *, " BODY },
	{ "shutdown of nothing", { HELD, "shutdown=7", "await", "write=*200" }, RELEASED ", shutdown *, " BODY },
	{ "close", { HELD, "close", "await" }, MORE_HEAD ", close *" },
	{ "close of one of two descriptors",
	  { "dup", HELD, "close", "await", "use", "write=*200" },
	  "dup *, " RELEASED ", close *, " BODY },
	{ "fork", { HELD, "child:write=*200", "await" }, RELEASED ", " BODY },
	{ "exec", { HELD, "exec=execv", "write=*200", "await" }, RELEASED ", " BODY },
	{ "exit", { HELD, "exit" }, RELEASED },
	{ "_exit", { HELD, "_exit" }, RELEASED },
	{ "half a head",
	  { "write=HTTP/1.1 200 OK\r\n", "keepalive=1", "await", "write=" HEAD_PAD("200"), "await", "write=*200" },
	  "send bytes=17 flags=MSG_MORE = 17, " PUSH ", setsockopt SO_=1 = 0, write bytes=83 = 83, " BODY },
};

EACH_TEST(kernel_hold, releases, ROWS(releases), 30)
{
	struct scenario s = releases[*i];

	s.hold = "kernel";
	check_scenario(&s);
	check_scenario_behind_another(&s);
}

/* TCP_NODELAY and TCP_CORK are as the program set them before, during and after a hold, however the hold ends. */
static const struct scenario settings[] = {
	{ "as they come", { "settings", HELD, "settings", "write=*200", "settings", "await" }, SPLIT },
	{ "TCP_NODELAY", { "nodelay=1", "settings", HELD, "settings", "write=*200", "settings", "await" }, SPLIT },
	{ "the deadline",
	  { HELD, "settings", "sleep=30", "settings", "write=*200", "settings", "await" },
	  SPLIT,
	  .timeout = "5ms" },
	{ "the deadline with TCP_NODELAY",
	  { "nodelay=1", HELD, "sleep=30", "settings", "write=*200", "settings", "await" },
	  SPLIT,
	  .timeout = "5ms" },
	{ "a release", { HELD, "outq", "settings", "write=*200", "settings", "await" }, SPLIT },
	{ "a program that corks while a head is held",
	  { HELD, "cork=1", "settings", "write=*200", "settings", "cork=0", "settings", "await" },
	  ANY_CALLS },
	{ "a program that corks, and the deadline",
	  { HELD, "cork=1", "sleep=30", "settings", "write=*200", "cork=0", "await" },
	  ANY_CALLS,
	  .timeout = "5ms" },
	{ "a program that corks, and another head",
	  { HELD, "cork=1", HELD, "write=*200", "cork=0", "await" },
	  ANY_CALLS },
	{ "a dup'ed socket that is corked while a head is held",
	  { "dup", HELD, "cork=1", "await", "settings", "write=*200", "cork=0", "await" },
	  MORE_HEAD ", " PUSH ", setsockopt TCP_CORK=1 = 0, " BODY ", " PUSH },
	{ "a program that corks by number",
	  { "SYS_cork=1", HELD, "settings", "write=*200", "settings", "SYS_cork=0", "settings", "await" },
	  "write bytes=100 = 100, " BODY },
	{ "a program that takes its cork off in vain",
	  { "cork=1", "short-cork=0", HELD, "settings", "write=*200", "settings", "cork=0", "await" },
	  "write bytes=100 = 100, " BODY },
	{ "a program that corks in vain", { "short-cork=1", MESSAGE, "settings", "await" }, SPLIT },
	{ "a program that corks in vain while a head is held",
	  { HELD, "short-cork=1", "settings", "write=*200", "settings", "await" },
	  ANY_CALLS },
	{ "a program that corked before",
	  { "cork=1", HELD, "settings", "write=*200", "settings", "cork=0", "settings", "await" },
	  "write bytes=100 = 100, " BODY },
};

EACH_TEST(kernel_hold, settings, ROWS(settings), 30)
{
	struct scenario s = settings[*i];

	check_scenario_elsewhere(&s);
	s.hold = "kernel";
	check_scenario(&s);
	check_scenario_behind_another(&s);
}

/* The process stops holding in memory for good at the first sign of writers that no hook sees. */
#define AS_BEFORE MESSAGE
#define THEN      "write=" HEAD, "unseen=*200", "await"

static const struct scenario signs[] = {
	{ "io_uring_setup by number", { AS_BEFORE, "uring-setup", THEN }, JOINED ", " MORE_HEAD },
	{ "a library that is loaded with RTLD_DEEPBIND", { AS_BEFORE, "deepbind", THEN }, JOINED ", " MORE_HEAD },
	{ "io_uring_setup while a head is held",
	  { HELD, "uring-setup", "await", "unseen=*200", "peer=ping", "read=4", THEN },
	  "* bytes=100* = 100, read *, " MORE_HEAD },
	{ "RTLD_DEEPBIND while a head is held",
	  { HELD, "deepbind", "await", "unseen=*200", "peer=ping", "read=4", THEN },
	  "* bytes=100* = 100, read *, " MORE_HEAD },
};

EACH_TEST(kernel_hold, signs_of_unseen_writers, ROWS(signs), 30)
{
	struct scenario s = signs[*i];

	check_scenario(&s);
	s.join = "message";
	check_scenario(&s);
}

/* The third sign, a message that fell short, can only be seen when it is too late for that message. */
Test(kernel_hold, body_that_no_hook_saw_overtakes_once_and_never_again, .timeout = 30)
{
#define REQUEST "GET / HTTP/1.1\r\nHost: here\r\n\r\n"
#define HEARD   "peer=" REQUEST, "read=500"
	struct setup setup = { .args = { STEPS, "read=500", "write=" HEAD, "unseen=*200", HEARD, "write=" HEAD,
		                         "unseen=*200", HEARD, "write=" HEAD, "unseen=*200", "await" },
		               .request = REQUEST };
	struct run *bare = run(&setup, BARE), *shim = run(&setup, SHIM);

	cr_assert(shim->bytes[0].n == 900 && bare->bytes[0].n == 900, "%zu bytes arrived, bare %zu", shim->bytes[0].n,
	          bare->bytes[0].n);
	cr_expect(memcmp(shim->bytes[0].p + 300, bare->bytes[0].p + 300, 600) == 0,
	          "a message after the first is out of order: calls %s", shim->calls.p);
	cr_expect(strcmp(shim->results.p, bare->results.p) == 0, "the program saw\n%sinstead of\n%s", shim->results.p,
	          bare->results.p);
	run_free(bare);
	run_free(shim);
}
