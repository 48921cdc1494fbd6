/* Proves that what is held goes out before any call that could otherwise overtake it, lose it, or wait for its effect.
 *
 * `await` reports whether the peer has the head well before the timeout. */
#include "harness.h"

#define HELD  "write=" HEAD
#define ALONE "* bytes=100* = 100"    /* the head, by whatever call */
#define BODY  "write bytes=200 = 200" /* as the program wrote it: nothing is held any more */

/* The steps of a row are a held head, the call, the wait until the peer has the head, and the body. */
#define ROW(name, call, recorded)                                                     \
	{                                                                             \
		name, { HELD, call, "await", "write=*200" }, ALONE recorded ", " BODY \
	}

static const struct scenario reads[] = {
	{ "read", { "peer=ping", HELD, "read=4", "await", "write=*200" }, ALONE ", read *, " BODY },
	{ "readv", { "peer=ping", HELD, "readv=4", "await", "write=*200" }, ALONE ", readv *, " BODY },
	{ "recv", { "peer=ping", HELD, "recv=4", "await", "write=*200" }, ALONE ", recv *, " BODY },
	{ "recvfrom", { "peer=ping", HELD, "recvfrom=4", "await", "write=*200" }, ALONE ", recvfrom *, " BODY },
	{ "recvmsg", { "peer=ping", HELD, "recvmsg=4", "await", "write=*200" }, ALONE ", recvmsg *, " BODY },
	{ "recvmmsg", { "peer=ping", HELD, "recvmmsg=4", "await", "write=*200" }, ALONE ", recvmmsg *, " BODY },
	{ "a recv that finds nothing",
	  { HELD, "recv+MSG_DONTWAIT=4", "await", "write=*200" },
	  ALONE ", recv *, " BODY },
	{ "half a head",
	  { "write=HTTP/1.1 200 OK\r\n", "recv+MSG_DONTWAIT=4", "await", "write=" HEAD_PAD("200"), "await",
	    "write=*200" },
	  "* bytes=17* = 17, recv *, write bytes=83 = 83, " BODY },
};
SCENARIO_TESTS(release, reads);

static const struct scenario descriptor[] = {
	ROW("setsockopt", "keepalive=1", ""),
	{ "setsockopt TCP_NODELAY",
	  { HELD, "nodelay=1", "write=*200", "await" },
	  "setsockopt TCP_NODELAY=1 = 0, writev iov=2 bytes=300 = 300" },
	{ "setsockopt TCP_QUICKACK",
	  { HELD, "quickack=1", "write=*200", "await" },
	  "setsockopt TCP_=1 = 0, writev iov=2 bytes=300 = 300" },
	{ "setsockopt SO_OOBINLINE",
	  { HELD, "oobinline=1", "write=*200", "await" },
	  "setsockopt SO_=1 = 0, writev iov=2 bytes=300 = 300" },
	{ "setsockopt TCP_CORK",
	  { HELD, "cork=1", "write=*200", "cork=0", "await" },
	  ALONE ", setsockopt TCP_CORK=1 = 0, " BODY
	        ", setsockopt TCP_NODELAY=1 = 0, setsockopt TCP_NODELAY=0 = 0, setsockopt TCP_CORK=0 = 0" },
	ROW("getsockopt SO_ERROR", "get-error", ""),
	ROW("ioctl", "outq", ", ioctl *"),
	ROW("dup", "dup", ", dup *"),
	ROW("dup2", "dup2=77", ", dup2 *"),
	ROW("dup3", "dup3=77", ", dup3 *"),
	ROW("fcntl F_DUPFD", "F_DUPFD=20", ", F_DUPFD*"),
	ROW("fcntl F_DUPFD_CLOEXEC", "F_DUPFD_CLOEXEC=20", ", F_DUPFD*"),
	ROW("passing it over a unix socket", "pass", ""),
	{ "the body through a dup", { HELD, "dup", "use", "write=*200" }, ALONE ", dup *, " BODY },
	{ "the body through a passed descriptor", { HELD, "pass", "use", "write=*200" }, ALONE ", " BODY },
	{ "shutdown", { HELD, "shutdown", "await" }, ALONE ", shutdown *" },
	{ "close", { HELD, "close", "await" }, ALONE ", close *" },
	{ "close_range", { HELD, "close_range", "await" }, ALONE },
	{ "closefrom", { HELD, "closefrom", "await" }, ALONE },
	{ "dup2 onto it", { HELD, "replace=2", "await" }, ALONE },
	{ "dup3 onto it", { HELD, "replace=3", "await" }, ALONE },
	{ "fdopen, then stdio", { HELD, "fdopen", "await", "fwrite=*200", "await", "fclose" }, ALONE },
	{ "dprintf", { HELD, "dprintf=*200", "await" }, ALONE },
};
SCENARIO_TESTS(release, descriptor);

static const struct scenario processes[] = {
	{ "fork: the child writes the body", { HELD, "child:write=*200", "await" }, ALONE ", " BODY },
	{ "fork: the parent writes the body", { HELD, "child:sleep=1", "await", "write=*200" }, ALONE ", " BODY },
	{ "fork: the child begins a head, the parent ends it",
	  { "write=HTTP/1.1 200 OK\r\n", "child:write=Content-Length: 4\r\n\r\n", "write=body", "await" },
	  "* bytes=17* = 17, write bytes=21 = 21, write bytes=4 = 4" },
	{ "posix_spawn", { HELD, "spawn=write=*200", "await" }, ALONE ", " BODY },
#ifndef WIDE /* these rows start a shell, which is a program of 64 bits */
	{ "system", { HELD, "system=write=*200", "await" }, ALONE ", " BODY },
	{ "popen", { HELD, "popen=write=*200", "await" }, ALONE ", " BODY },
	{ "wordexp", { HELD, "wordexp=write=*200", "await" }, ALONE ", " BODY },
#endif
	{ "vfork and exec", { HELD, "vfork=write=*200", "await" }, ALONE ", " BODY },
	{ "execv", { HELD, "exec=execv", "write=*200", "await" }, ALONE ", " BODY },
	{ "execve", { HELD, "exec=execve", "write=*200", "await" }, ALONE ", " BODY },
	{ "execvp", { HELD, "exec=execvp", "write=*200", "await" }, ALONE ", " BODY },
	{ "execvpe", { HELD, "exec=execvpe", "write=*200", "await" }, ALONE ", " BODY },
	{ "execl", { HELD, "exec=execl", "write=*200" }, ALONE ", " BODY },
	{ "execlp", { HELD, "exec=execlp", "write=*200" }, ALONE ", " BODY },
	{ "execle", { HELD, "exec=execle", "write=*200" }, ALONE ", " BODY },
	{ "fexecve", { HELD, "exec=fexecve", "write=*200", "await" }, ALONE ", " BODY },
	{ "execveat", { HELD, "exec=execveat", "write=*200", "await" }, ALONE ", " BODY },
	{ "return from main", { HELD }, ALONE },
	{ "exit", { HELD, "exit" }, ALONE },
	{ "_exit", { HELD, "_exit" }, ALONE },
	{ "_Exit", { HELD, "_Exit" }, ALONE },
	{ "quick_exit", { HELD, "quick_exit" }, ALONE },
	{ "abort", { HELD, "abort" }, ALONE },
	{ "exit in the middle of a head", { "write=HTTP/1.1 200 OK\r\n", "exit" }, "* bytes=17* = 17" },
};
SCENARIO_TESTS(release, processes);

/* A head that proves to be no small one goes out with the write that shows it, and all else passes. */
static const struct scenario oversize[] = {
	{ "a head of more than 16 KiB",
	  { "write=HTTP/1.1 200 OK\r\n", "write=*16384", "await", "write=*200", "await" },
	  "writev iov=2 bytes=16401 = 16401, " BODY },
	{ "a head that grows beyond 16 KiB",
	  { "write=HTTP/1.1 200 OK\r\n", "write=*8000", "write=*8000", "write=*8000", "await", "write=\r\n\r\n",
	    "await", "write=*200", "await" },
	  "writev iov=2 bytes=24017 = 24017, write bytes=4 = 4, " BODY },
	{ "a head that never ends", { "write=HTTP/1.1 200 OK\r\n", "sleep=1", "close", "await" }, "* bytes=17* = 17" },
};
SCENARIO_TESTS(release, oversize);
