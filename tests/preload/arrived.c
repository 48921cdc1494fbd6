/* Proves that requests are also recognised on connections that were not accepted in this process: sockets inherited by
 * exec or fork, received by SCM_RIGHTS, fetched by pidfd_getfd, and second names of a socket. From the first request
 * on, the answer to a HEAD or a CONNECT goes at once. Any other message is joined as far as that is possible on a
 * socket that other processes may share. */
#include "harness.h"

#define HEAD_REQUEST    "HEAD / HTTP/1.1\r\nA: 123456\r\n\r\n"
#define GET_REQUEST     "GET /a HTTP/1.1\r\nA: 12345\r\n\r\n"
#define CONNECT_REQUEST "CONNECT there:443 HTTP/1.1\r\n\r\n"
#define ANSWER          "write=" HEAD, "await"
#define AT_ONCE         "read=500", ANSWER

/* The 200 answers a CONNECT and makes the connection a tunnel, in which what looks like a head is left alone. */
#define A_TUNNEL "read=500", "write=HTTP/1.1 200 OK\r\nServer: a server\r\n\r\n", "await", ANSWER, "write=*200", "await"

#define A_MESSAGE "read=500", "write=" HEAD, "write=*200", "await"
#define IN_ORDER  "* bytes=100* = 100, * bytes=200* = 200"
/* The head must leave by a plain write. With MSG_MORE the kernel's own timer would push it before `await` gives up, and
 * the row would pass for the wrong reason. */
#define ALONE "write bytes=100 = 100"

static const struct scenario by_one_number[] = {
	{ "HEAD after exec", { "exec=execv", AT_ONCE }, .request = HEAD_REQUEST },
	{ "HEAD after exec, as standard input", { "onto=0", "exec=execv", AT_ONCE }, .request = HEAD_REQUEST },
	{ "HEAD after exec, as standard output", { "onto=1", "exec=execv", AT_ONCE }, .request = HEAD_REQUEST },
	{ "HEAD after exec, as a number that others do not follow",
	  { "onto=30", "exec=execv", AT_ONCE },
	  .request = HEAD_REQUEST },
	{ "HEAD after exec, by recv byte by byte",
	  { "exec=execv", "recv=1", "readeach=29", ANSWER },
	  .request = HEAD_REQUEST },
	{ "HEAD after a child of vfork called exec",
	  { "vfork=keepalive=1", "exec=execv", AT_ONCE },
	  .request = HEAD_REQUEST },
	{ "CONNECT after exec", { "exec=execv", A_TUNNEL }, .request = CONNECT_REQUEST },
	{ "GET after exec", { "exec=execv", A_MESSAGE }, IN_ORDER, .request = GET_REQUEST },
	{ "HEAD, GET and HEAD after exec",
	  { "exec=execv", AT_ONCE, "peer=" GET_REQUEST, A_MESSAGE, "peer=" HEAD_REQUEST, AT_ONCE },
	  ALONE ", " IN_ORDER ", " ALONE,
	  .request = HEAD_REQUEST },
	{ "HEAD in a fork's child", { "keepalive=1", "forked", AT_ONCE }, .request = HEAD_REQUEST },
	{ "HEAD in a child of _Fork", { "keepalive=1", "_forked", AT_ONCE }, .request = HEAD_REQUEST },
	{ "HEAD in the grandchild", { "keepalive=1", "forked", "forked", AT_ONCE }, .request = HEAD_REQUEST },
	{ "HEAD read before the fork", { "read=500", "forked", ANSWER }, .request = HEAD_REQUEST },
	{ "half of HEAD read before the fork", { "read=2", "forked", AT_ONCE }, .request = HEAD_REQUEST },
	{ "CONNECT read before the fork",
	  { "read=500", "forked", "write=HTTP/1.1 200 OK\r\n\r\n", "await", ANSWER },
	  .request = CONNECT_REQUEST },
	{ "a tunnel of before the fork", { A_TUNNEL, "forked", ANSWER }, .request = CONNECT_REQUEST },
	{ "GET in a fork's child", { "keepalive=1", "forked", A_MESSAGE }, IN_ORDER, .request = GET_REQUEST },
	{ "HEAD on a passed socket", { "pass", "use", AT_ONCE }, .request = HEAD_REQUEST },
	{ "HEAD on a socket passed by recvmmsg", { "pass-recvmmsg", "use", AT_ONCE }, .request = HEAD_REQUEST },
	{ "HEAD on a socket passed by number", { "pass-SYS_recvmsg", "use", AT_ONCE }, .request = HEAD_REQUEST },
	{ "HEAD on a socket passed by number, several messages",
	  { "pass-SYS_recvmmsg", "use", AT_ONCE },
	  .request = HEAD_REQUEST },
	{ "CONNECT on a passed socket", { "pass", "use", A_TUNNEL }, .request = CONNECT_REQUEST },
	{ "GET on a passed socket", { "pass", "use", A_MESSAGE }, IN_ORDER, .request = GET_REQUEST },
	{ "HEAD on a fetched socket", { "fetch", "use", AT_ONCE }, .request = HEAD_REQUEST },
};
FIRST_MESSAGE_TESTS(arrived, by_one_number);

static const struct scenario by_number[] = {
	{ "HEAD on a socket accepted by number", { "SYS_accept", AT_ONCE }, .request = HEAD_REQUEST },
	{ "CONNECT on a socket accepted by number", { "SYS_accept", A_TUNNEL }, .request = CONNECT_REQUEST },
	{ "GET on a socket accepted by number", { "SYS_accept", A_MESSAGE }, IN_ORDER, .request = GET_REQUEST },
};
FIRST_MESSAGE_TESTS(arrived, by_number);

/* The peer of a connection that this process opened may be the one that sends the requests. */
static const struct scenario connected[] = {
	{ "HEAD", { "connect", "peer=" HEAD_REQUEST, AT_ONCE } },
	{ "CONNECT", { "connect", "peer=" CONNECT_REQUEST, A_TUNNEL } },
	{ "HEAD behind a line of ours", { "connect", "write=here I am\r\n", "peer=" HEAD_REQUEST, AT_ONCE } },
};

EACH_TEST(arrived, connected, ROWS(connected), 30)
{
	struct scenario s = connected[*i];

	s.clients = -1;
	check_scenario(&s);
}

/* The request is read by one name of the socket and answered by the other. */
#define OTHER(...) "use", __VA_ARGS__, "use"
#define WAY(how)                                                                                                     \
	{ "HEAD, read before " how, { "read=500", how, OTHER(ANSWER) }, .request = HEAD_REQUEST },                   \
		{ "HEAD, read behind " how, { how, "read=500", OTHER(ANSWER) }, .request = HEAD_REQUEST },           \
		{ "HEAD, read by what comes of " how, { how, OTHER("read=500"), ANSWER }, .request = HEAD_REQUEST }, \
		{ "HEAD in halves around " how,                                                                      \
		  { "read=2", how, OTHER("read=500"), ANSWER },                                                      \
		  .request = HEAD_REQUEST },                                                                         \
		{ "CONNECT by two names of " how,                                                                    \
		  { how, "read=500", OTHER("write=HTTP/1.1 200 OK\r\n\r\n", "await"), ANSWER, OTHER(ANSWER) },       \
		  .request = CONNECT_REQUEST },                                                                      \
	{                                                                                                            \
		"three requests by two names of " how,                                                               \
			{ how,                                                                                       \
			  "read=500",                                                                                \
			  OTHER(ANSWER, "peer=" GET_REQUEST),                                                        \
			  "read=500",                                                                                \
			  OTHER("write=" HEAD, "write=*200", "peer=" HEAD_REQUEST),                                  \
			  "read=500",                                                                                \
			  "use",                                                                                     \
			  ANSWER },                                                                                  \
			ALONE ", " IN_ORDER ", " ALONE, .request = HEAD_REQUEST                                      \
	}

static const struct scenario by_two_names[] = { WAY("dup"),     WAY("dup2"),    WAY("dup3"),     WAY("F_DUPFD"),
	                                        WAY("fcntl64"), WAY("SYS_dup"), WAY("SYS_dup3"), WAY("SYS_fcntl"),
	                                        WAY("pass"),    WAY("fetch") };
FIRST_MESSAGE_TESTS(arrived, by_two_names);

/* Servers that inetd starts have one connection as their standard input, output and error. */
#define INETD "onto=0", "dup2=1", "dup2=2", "exec=execv"

static const struct scenario inetd[] = {
	{ "HEAD", { INETD, "read=500", "fd=1", ANSWER }, .request = HEAD_REQUEST },
	{ "HEAD twice",
	  { INETD, "read=500", "fd=1", ANSWER, "peer=" HEAD_REQUEST, "fd=0", "read=500", "fd=1", ANSWER },
	  .request = HEAD_REQUEST },
	{ "GET, then HEAD, answered by the third name",
	  { INETD, "read=500", "fd=1", "write=" HEAD, "write=*200", "await", "peer=" HEAD_REQUEST, "fd=0", "read=500",
	    "fd=2", ANSWER },
	  IN_ORDER ", " ALONE,
	  .request = GET_REQUEST },
	{ "CONNECT",
	  { INETD, "read=500", "fd=1", "write=HTTP/1.1 200 OK\r\n\r\n", "await", "fd=2", ANSWER },
	  .request = CONNECT_REQUEST },
	{ "HEAD, by numbers far from another",
	  { "onto=7", "dup2=19", "exec=execv", "read=500", "fd=19", ANSWER },
	  .request = HEAD_REQUEST },
	{ "HEAD, in a fork's child",
	  { "onto=7", "dup2=9", "forked", "read=500", "fd=9", ANSWER },
	  .request = HEAD_REQUEST },
	{ "HEAD, in the child of what was started",
	  { INETD, "forked", "read=500", "fd=1", ANSWER },
	  .request = HEAD_REQUEST },
};
FIRST_MESSAGE_TESTS(arrived, inetd);
