/* Proves that calls on anything but a TCP socket whose every writer is known reach libc as they were made, or go to the
 * kernel in their order: nothing is held in memory there. */
#include "harness.h"

#define MESSAGE(call) call "=" HEAD, "partner", call "=*200", "partner"

static const struct scenario others[] = {
	{ "a pipe", { "open=pipe", MESSAGE("write") } },
	{ "a file", { "open=file", MESSAGE("write") } },
	{ "a unix socket", { "open=unix", MESSAGE("write") } },
	{ "a unix socket by send", { "open=unix", MESSAGE("send") } },
	{ "a socketpair", { "open=socketpair", MESSAGE("write") } },
	{ "a socketpair by sendmsg", { "open=socketpair", MESSAGE("sendmsg") } },
	{ "a UDP socket", { "open=udp", MESSAGE("write") } },
	{ "a UDP socket by send", { "open=udp", MESSAGE("send") } },
	{ "a number that was a connection and is a file now",
	  { "write=" HEAD, "write=*200", "close", "open=file", MESSAGE("write") },
	  "writev iov=2 bytes=300 = 300, write bytes=100 = 100, write bytes=200 = 200" },
};
SCENARIO_TESTS(not_ours, others);

/* TCP sockets to which other processes, or calls that no hook sees, may write. The kernel keeps the order in any case:
 * the calls are untouched, or the head goes with MSG_MORE. */
#define IN_ORDER "* bytes=100* = 100, * bytes=200* = 200"

static const struct scenario unproven[] = {
	{ "a socket that was dup'ed before", { "dup", "write=" HEAD, "use", "write=*200", "await" }, IN_ORDER },
	{ "a head through a dup, the body through the original",
	  { "dup", "use", "write=" HEAD, "use", "write=*200", "await" },
	  IN_ORDER },
	{ "a passed socket", { "pass", "use", "write=" HEAD, "use", "write=*200", "await" }, IN_ORDER },
	{ "a socket passed over one that has time stamps",
	  { "pass-stamped", "use", "write=" HEAD, "use", "write=*200", "await" },
	  IN_ORDER },
	{ "a head on a socket passed so, the body by its new name",
	  { "pass-stamped", "write=" HEAD, "use", "write=*200", "await" },
	  IN_ORDER },
	{ "an fdopen'ed socket", { "fdopen", "write=" HEAD, "fwrite=*200", "await" }, "* bytes=100* = 100" },
	{ "an inherited socket", { "keepalive=1", "exec=execv", "write=" HEAD, "write=*200", "await" }, IN_ORDER },
	{ "a socket that lived through a fork", { "child:sleep=1", "write=" HEAD, "write=*200", "await" }, IN_ORDER },
	{ "a fork's child", { "child:write=" HEAD, "child:write=*200", "await" }, IN_ORDER },
};
SCENARIO_TESTS(not_ours, unproven);

/* These rows need the first message of a new connection. */
static const struct scenario numbers[] = {
	{ "a connection that is standard input", { "close=0", "write=" HEAD, "write=*200", "await" }, IN_ORDER },
	{ "a number that was a pipe and is a connection now",
	  { "open=pipe", "write=" HEAD, "close", "write=" HEAD, "write=*200" },
	  "write bytes=100 = 100, writev iov=2 bytes=300 = 300" },
};
FIRST_MESSAGE_TESTS(not_ours, numbers);
