/* Proves that a head and the first write of its body leave in one call, whatever calls the program used for them. */
#include "harness.h"

#define ONE_WRITEV  "writev iov=2 bytes=300 = 300"
#define ONE_SENDMSG "sendmsg iov=2 bytes=300 flags=MSG_NOSIGNAL = 300"
#define EITHER      "@(writev|sendmsg) iov=* bytes=300* = 300"
#define POST                                                         \
	"POST /form HTTP/1.1\r\n"                                    \
	"Server: a name that fills this line up to one hundred.\r\n" \
	"Content-Length: 200\r\n\r\n"

static const struct scenario calls[] = {
	{ "write, then write", { "write=" HEAD, "write=*200" }, ONE_WRITEV },
	{ "write, then writev of 1", { "write=" HEAD, "writev/1=*200" }, ONE_WRITEV },
	{ "write, then writev of 3", { "write=" HEAD, "writev/3=*200" }, "writev iov=4 bytes=300 = 300" },
	{ "write, then send without flags", { "write=" HEAD, "send=*200" }, ONE_WRITEV },
	{ "write, then send with MSG_NOSIGNAL", { "write=" HEAD, "send+MSG_NOSIGNAL=*200" }, ONE_SENDMSG },
	{ "write, then sendto", { "write=" HEAD, "sendto=*200" }, ONE_WRITEV },
	{ "write, then sendto with MSG_NOSIGNAL", { "write=" HEAD, "sendto+MSG_NOSIGNAL=*200" }, ONE_SENDMSG },
	{ "write, then sendmsg", { "write=" HEAD, "sendmsg/1=*200" }, EITHER },
	{ "write, then sendmsg of 3 with MSG_NOSIGNAL",
	  { "write=" HEAD, "sendmsg/3+MSG_NOSIGNAL=*200" },
	  "sendmsg iov=4 bytes=300 flags=MSG_NOSIGNAL = 300" },
	{ "writev, then writev", { "writev/2=" HEAD, "writev/2=*200" }, "writev iov=* bytes=300 = 300" },
	{ "send, then send", { "send=" HEAD, "send=*200" }, ONE_WRITEV },
	{ "send, then send, both MSG_NOSIGNAL", { "send+MSG_NOSIGNAL=" HEAD, "send+MSG_NOSIGNAL=*200" }, ONE_SENDMSG },
	{ "send with MSG_NOSIGNAL, then write", { "send+MSG_NOSIGNAL=" HEAD, "write=*200" }, EITHER },
	{ "sendto, then write", { "sendto=" HEAD, "write=*200" }, ONE_WRITEV },
	{ "sendmsg, then write", { "sendmsg/3=" HEAD, "write=*200" }, EITHER },
	{ "sendmsg, then sendmsg, both MSG_NOSIGNAL",
	  { "sendmsg+MSG_NOSIGNAL=" HEAD, "sendmsg+MSG_NOSIGNAL=*200" },
	  ONE_SENDMSG },
	{ "a body of one byte",
	  { "write=" HEAD, "write=*1", "write=*199" },
	  "writev iov=2 bytes=101 = 101, write bytes=199 = 199" },
	{ "a body in two writes: the first joins the head",
	  { "write=" HEAD, "write=*150", "write=*50" },
	  "writev iov=2 bytes=250 = 250, write bytes=50 = 50" },
	{ "a kept-alive connection",
	  { "write=" HEAD, "write=*200", "send=" HEAD, "send=*200", "write=" HEAD, "writev/1=*200" },
	  ONE_WRITEV ", " ONE_WRITEV ", " ONE_WRITEV },
	{ "a non-blocking socket", { "nonblock", "write=" HEAD, "write=*200" }, ONE_WRITEV },
	{ "a socket with TCP_NODELAY", { "nodelay=1", "write=" HEAD, "write=*200" }, ONE_WRITEV },
	{ "a client's POST", { "connect", "write=" POST, "write=*200" }, ONE_WRITEV, .clients = -1 },
};
SCENARIO_TESTS(join, calls);

/* The head comes in several writes. */
static const struct scenario pieces[] = {
	{ "line by line",
	  { "write=HTTP/1.1 200 OK\r\n", "write=" HEAD_PAD("200"), "write=*200" },
	  "writev iov=* bytes=300 = 300" },
	{ "line by line with a lone final CRLF",
	  { "write=HTTP/1.1 200 OK\r\n", "write=Content-Length: 200\r\n", "write=\r\n", "write=*200" },
	  "writev iov=* bytes=240 = 240" },
	{ "line by line with send and MSG_NOSIGNAL",
	  { "send+MSG_NOSIGNAL=HTTP/1.1 200 OK\r\n", "send+MSG_NOSIGNAL=Content-Length: 200\r\n",
	    "send+MSG_NOSIGNAL=\r\n", "send+MSG_NOSIGNAL=*200" },
	  "sendmsg iov=* bytes=240 flags=MSG_NOSIGNAL = 240" },
	{ "cut in the middle of the empty line",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r", "write=\n", "write=*200" },
	  "writev iov=* bytes=240 = 240" },
	{ "lines that end in a bare LF",
	  { "write=HTTP/1.1 200 OK\nContent-Length: 200\n\n", "write=*200" },
	  "writev iov=2 bytes=237 = 237" },
	{ "bare LFs and a lone final one",
	  { "write=HTTP/1.1 200 OK\nContent-Length: 200\n", "write=\n", "write=*200" },
	  "writev iov=* bytes=237 = 237" },
	{ "the last line and the body in one write",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 12\r\n", "write=\r\nhello, world" },
	  "writev iov=* bytes=51 = 51" },
	{ "a POST with its fields one by one",
	  { "connect", "write=POST / HTTP/1.1\r\n", "write=Content-Length: 200\r\n", "write=\r\n", "write=*200" },
	  "writev iov=* bytes=240 = 240",
	  .clients = -1 },
};
SCENARIO_TESTS(join, pieces);

/* These calls carry the body from a file or a pipe, or have no place left for the head: the head goes just before, with
 * MSG_MORE. */
static const struct scenario files[] = {
	{ "sendfile",
	  { "write=" HEAD, "sendfile=*200" },
	  /* with 64-bit offsets the program calls sendfile64 */
	  "* bytes=100 flags=*MSG_MORE* = 100, sendfile?(64) bytes=200 = 200" },
	{ "sendfile64",
	  { "write=" HEAD, "sendfile64=*200" },
	  "* bytes=100 flags=*MSG_MORE* = 100, sendfile64 bytes=200 = 200" },
	{ "splice", { "write=" HEAD, "splice=*200" }, "* bytes=100 flags=*MSG_MORE* = 100, splice bytes=200 = 200" },
	{ "a body of 1024 iovecs cannot take one more",
	  { "write=" HEAD, "writev/1024=*2048" },
	  "* bytes=100 flags=*MSG_MORE* = 100, writev iov=1024 bytes=2048 = 2048" },
	{ "1024 iovecs on a socket that does not wait",
	  { "nonblock", "write=" HEAD, "writev/1024=*2048" },
	  "* bytes=100 flags=*MSG_MORE* = 100, writev iov=1024 bytes=2048 = 2048" },
	{ "a sendmsg of 1024 iovecs",
	  { "write=" HEAD, "sendmsg/1024+MSG_NOSIGNAL=*2048" },
	  "* bytes=100 flags=*MSG_MORE* = 100, sendmsg iov=1024 bytes=2048 flags=MSG_NOSIGNAL = 2048" },
	{ "a body of 40 iovecs can", { "write=" HEAD, "writev/40=*200" }, "writev iov=41 bytes=300 = 300" },
	{ "sendmmsg", { "write=" HEAD, "sendmmsg=*200" }, "* bytes=100* = 100, sendmmsg messages=1 bytes=200 = 1" },
};
SCENARIO_TESTS(join, files);

/* Where there is nothing to do, the program's own calls reach libc, and no others. */
static const struct scenario untouched[] = {
	{ "head and whole body in one write",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world", "await" } },
	{ "head and part of the body in one write",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 212\r\n\r\nhello, world", "await", "write=*200" } },
	{ "head and body in one writev",
	  { "writev/2=HTTP/1.1 200 OK\r\nContent-Length: 12\r\n\r\nhello, world", "await" } },
	{ "a program that corks by MSG_MORE", { "send+MSG_MORE=" HEAD, "send=*200", "await" } },
	{ "a program that corks by TCP_CORK", { "cork=1", "write=" HEAD, "write=*200", "cork=0", "await" } },
	{ "a head with MSG_ZEROCOPY", { "zerocopy=1", "send+MSG_ZEROCOPY=" HEAD, "write=*200", "await" } },
	{ "bytes that are not HTTP", { "write=*100", "await", "write=*200", "await" } },
	{ "bytes that begin like it", { "write=HTTP/1", "await", "write=*200", "await" } },
	{ "another protocol's greeting", { "write=HELO there\r\n\r\n", "await", "write=*200", "await" } },
	{ "HTTP/2", { "connect", "write=PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "await", "write=*200" }, .clients = -1 },
	{ "empty lines in what is no head", { "write=0\r\n\r\n", "await", "write=--cut\r\n\r\n", "await" } },
	{ "an empty write", { "write=", "write=*200", "await" } },
};
SCENARIO_TESTS(join, untouched);

/* What may come between a head and its body, or instead of the body. */
static const struct scenario between[] = {
	{ "an empty write is not a body", { "write=" HEAD, "write=", "write=*200" }, "write bytes=0 = 0, " ONE_WRITEV },
	{ "two heads in a row, the second longer than the first's body: the first goes out by itself",
	  { "write=HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n", "write=" HEAD, "write=*200" },
	  "* bytes=39* = 39, " ONE_WRITEV },
	{ "two heads in a row, and the peer was heard between: the first goes out by itself",
	  { "write=" HEAD, "peer=ping", "read=4", "write=" HEAD, "write=*200" },
	  "* bytes=100* = 100, read *, " ONE_WRITEV },
	{ "what follows a head and is no longer than its body is not read: it may be a head",
	  { "write=" HEAD, "write=" HEAD, "write=*100" },
	  "writev iov=2 bytes=200 = 200, write bytes=100 = 100" },
	{ "chunk by chunk, and its end by itself",
	  { "write=HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n", "write=5\r\nhello\r\n", "write=0\r\n\r\n" },
	  "writev iov=2 bytes=57 = 57, write bytes=5 = 5" },
	{ "a body until close",
	  { "write=HTTP/1.0 200 OK\r\n\r\n", "write=*200", "write=*200" },
	  "writev iov=2 bytes=219 = 219, write bytes=200 = 200" },
	{ "MSG_MORE on the body is kept",
	  { "write=" HEAD, "send+MSG_MORE=*150", "write=*50" },
	  "sendmsg iov=2 bytes=250 flags=MSG_MORE = 250, write bytes=50 = 50" },
	{ "out-of-band data",
	  { "write=" HEAD, "send+MSG_OOB=*1", "write=*199" },
	  "* bytes=100* = 100, send bytes=1 flags=MSG_OOB = 1, write bytes=199 = 199" },
};
SCENARIO_TESTS(join, between);
