/* Proves that with rarer kinds of sockets and calls the peer gets the same bytes, and the program the same results, as
 * without the library. */
#include "harness.h"

#include <stdio.h>

#define HELD "write=" HEAD

static const struct scenario calls[] = {
	{ "MSG_OOB", { HELD, "send+MSG_OOB=*1", "write=*199", "await" }, ANY_CALLS },
	{ "MSG_ZEROCOPY", { "zerocopy=1", HELD, "send+MSG_ZEROCOPY=*200", "await" }, ANY_CALLS },
	{ "MSG_ZEROCOPY for head and body",
	  { "zerocopy=1", "send+MSG_ZEROCOPY=" HEAD, "send+MSG_ZEROCOPY=*200", "await" },
	  ANY_CALLS },
	{ "MSG_ZEROCOPY without having asked for it", { HELD, "send+MSG_ZEROCOPY=*200", "await" }, ANY_CALLS },
	{ "MSG_ZEROCOPY in the middle of a body",
	  { "zerocopy=1", HELD, "write=*50", "send+MSG_ZEROCOPY=*100", "write=*50", "await" },
	  ANY_CALLS },
	{ "MSG_ZEROCOPY on a socket that does not wait",
	  { "nonblock", "zerocopy=1", HELD, "send+MSG_ZEROCOPY=*200", "await" },
	  ANY_CALLS },
	{ "kTLS where the kernel has it, and the same error where not",
	  { HELD, "ulp=tls", "write=*200", "await", HELD, "write=*200", "await" },
	  ANY_CALLS },
	{ "a socket that was never connected", { "socket", HELD, "write=*200", HELD, "await" }, ANY_CALLS },
	{ "a message after shutdown", { "ignore-sigpipe", "shutdown", HELD, "write=*200" }, ANY_CALLS },
};
SCENARIO_TESTS(honest, calls);

#define POST "write=POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n"

static const struct scenario first_calls[] = {
	{ "MSG_FASTOPEN: head, then body",
	  { "fastopen=POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n", "write=*200", "await" },
	  ANY_CALLS,
	  .clients = -1 },
	{ "TCP_FASTOPEN_CONNECT",
	  { "connect+MSG_FASTOPEN", "write=POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n", "write=*200", "await" },
	  ANY_CALLS,
	  .clients = -1 },
	{ "connect to no address",
	  { "connect", "ignore-sigpipe", "disconnect", POST, "write=*200" },
	  ANY_CALLS,
	  .clients = -1 },
	{ "connect to no address by number",
	  { "connect", "ignore-sigpipe", "SYS_disconnect", POST, "write=*200" },
	  ANY_CALLS,
	  .clients = -1 },
	{ "a message on a closed number", { "close=6", HELD, "write=*200" }, ANY_CALLS },
};
FIRST_MESSAGE_TESTS(honest, first_calls);

static const struct scenario families[] = {
	{ "IPv6", { HELD, "write=*200", "await", HELD, "sendfile=*200", "await" }, ANY_CALLS, .listener = ON_IPV6 },
	{ "IPv6 with an IPv4 peer",
	  { HELD, "write=*200", "await", HELD, "sendfile=*200", "await" },
	  ANY_CALLS,
	  .listener = ON_MAPPED },
	{ "MPTCP",
	  { HELD, "write=*200", "await", HELD, "sendfile=*200", "await", HELD, "write=*100", "write=*100", "await" },
	  ANY_CALLS,
	  .listener = ON_MPTCP },
	{ "MPTCP: the deadline, and a read",
	  { HELD, "sleep=30", "await", "write=*200", "await", HELD, "peer=ping", "recv=4", "await", "write=*200",
	    "settings", "await" },
	  ANY_CALLS,
	  .listener = ON_MPTCP,
	  .timeout = "5ms" },
	{ "an IPv6 client",
	  { "connect", "write=POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n", "write=*200", "await" },
	  ANY_CALLS,
	  .clients = -1,
	  .listener = ON_IPV6 },
	{ "an MPTCP client",
	  { "connect", "write=POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n", "write=*200", "await" },
	  ANY_CALLS,
	  .clients = -1,
	  .listener = ON_MPTCP },
};
SCENARIO_TESTS(honest, families);

/* IPv6 is TCP like IPv4, so its messages are joined. */
static const struct scenario joined[] = {
	{ "IPv6", { HELD, "write=*200", "await" }, "writev iov=2 bytes=300 = 300", .listener = ON_IPV6, .segments = 1 },
	{ "IPv6 with an IPv4 peer",
	  { HELD, "write=*200", "await" },
	  "writev iov=2 bytes=300 = 300",
	  .listener = ON_MAPPED,
	  .segments = 1 },
};
SCENARIO_TESTS(honest, joined);

/* Options by which a program watches its single writes: the library finds them, whoever set them and however the
 * descriptor came. */
#define SINGLE     "write bytes=100 = 100, write bytes=200 = 200"
#define MESSAGE    HELD, "write=*200", "await"
#define ONE_BEFORE MESSAGE

static const struct scenario watched[] = {
	{ "SO_TIMESTAMPING", { "stamps", MESSAGE, "stamps-made" }, SINGLE },
	{ "SO_TIMESTAMPING_NEW", { "stamps-new", MESSAGE, "stamps-made" }, SINGLE },
	{ "SO_TIMESTAMPING by number", { "SYS_stamps", MESSAGE, "stamps-made" }, SINGLE },
	{ "SO_TIMESTAMPING, then a dup", { "stamps", "dup", "use", MESSAGE, "stamps-made" }, "dup*, " SINGLE },
	{ "SO_TIMESTAMPING by another name",
	  { "dup", "use", ONE_BEFORE, "use", "stamps", "use", MESSAGE, "stamps-made" },
	  "dup*, * bytes=*, * bytes=*, " SINGLE },
	{ "SO_TIMESTAMPING by the name that there was before",
	  { ONE_BEFORE, "dup", "stamps", "use", MESSAGE, "stamps-made" },
	  "* bytes=*, dup*, " SINGLE },
	{ "TCP_NOTSENT_LOWAT by another name",
	  { "dup", "use", ONE_BEFORE, "use", "lowat=4096", "use", MESSAGE },
	  "dup*, * bytes=*, * bytes=*, " SINGLE },
	{ "SO_TIMESTAMPING, then SCM_RIGHTS", { "stamps", "pass", "use", MESSAGE, "stamps-made" }, SINGLE },
	{ "SO_TIMESTAMPING, then exec", { "stamps", "exec=execv", MESSAGE, "stamps-made" }, SINGLE },
	{ "TCP_NOTSENT_LOWAT, then exec", { "lowat=4096", "exec=execv", MESSAGE }, SINGLE },
	{ "TCP_NOTSENT_LOWAT, and a dup2 that fails", { "lowat=4096", "vain-dup2", MESSAGE }, SINGLE },
	{ "SO_TIMESTAMPING of the listener", { "listener-stamps", MESSAGE, "stamps-made" }, SINGLE },
	{ "TCP_NOTSENT_LOWAT of the listener", { "listener-lowat=4096", MESSAGE }, SINGLE },
	{ "TCP_CORK of the listener",
	  { "listener-cork=1", HELD, "settings", "write=*200", "settings", "cork=0", "await" },
	  SINGLE ", setsockopt TCP_CORK=0 = 0" },
};
FIRST_MESSAGE_TESTS(honest, watched);

/* A call that fails makes the library forget nothing. */
static const struct scenario in_vain[] = {
	{ "dup2", { "vain-dup2", MESSAGE }, "writev iov=2 bytes=300 = 300" },
	{ "dup3", { "vain-dup3", MESSAGE }, "writev iov=2 bytes=300 = 300" },
	{ "close_range", { "vain-close_range", MESSAGE }, "writev iov=2 bytes=300 = 300" },
};
FIRST_MESSAGE_TESTS(honest, in_vain);

/* After a close that resets the connection the kernel sends nothing more, so what the program wrote before must be on
 * its way by then. */
#define UNTIL_CLOSE "write=HTTP/1.0 200 OK\r\n\r\n"

static const struct scenario resets[] = {
	{ "a head, then close with SO_LINGER 0", { "linger=0", HELD, "close", "await" }, ANY_CALLS },
	{ "a message, then close with SO_LINGER 0", { "linger=0", HELD, "write=*200", "close", "await" }, ANY_CALLS },
	{ "part of a body, then close with SO_LINGER 0",
	  { "linger=0", HELD, "write=*100", "close", "await" },
	  ANY_CALLS },
	{ "part of a body, SO_LINGER 0, close", { HELD, "write=*100", "linger=0", "close", "await" }, ANY_CALLS },
	{ "a body until close, with SO_LINGER 0",
	  { "nodelay=1", "linger=0", UNTIL_CLOSE, "write=*100", "write=*100", "close", "await" },
	  ANY_CALLS },
	{ "a head, then close with bytes unread", { "peer=ping", "readable", HELD, "close", "await" }, ANY_CALLS },
	{ "part of a body, then close with bytes unread",
	  { "peer=ping", "readable", HELD, "write=*100", "close", "await" },
	  ANY_CALLS },
	{ "a body until close, with bytes unread",
	  { "nodelay=1", "peer=ping", "readable", UNTIL_CLOSE, "write=*100", "write=*100", "close", "await" },
	  ANY_CALLS },
	{ "part of a body, then exit with bytes unread",
	  { "peer=ping", "readable", HELD, "write=*100", "_exit" },
	  ANY_CALLS },
	{ "part of a body, then shutdown and close with bytes unread",
	  { "peer=ping", "readable", HELD, "write=*100", "shutdown", "close", "await" },
	  ANY_CALLS },
};
/* Not behind another message: bare, a reset loses the bytes behind a message that is not acknowledged. */
FIRST_MESSAGE_TESTS(honest, resets);
