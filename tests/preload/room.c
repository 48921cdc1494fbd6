/* Proves that a program is told that its head is written only where the kernel has room for it, whatever filled the
 * send buffer meanwhile. */
#include <limits.h>

#include "everywhere.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_room"

static const char *const ways[] = { "little", "capitals", "heads", "SYS_sendto", "pwritev2" };
static const char *const joins[] = { "header", "message" };

EACH_TEST(room, a_head_is_refused_where_the_buffer_is_full, ROWS(ways) * ROWS(joins), 30)
{
	const char *way = ways[*i % ROWS(ways)];
	struct setup setup = { .args = { PROGRAM, way }, .join = joins[*i / ROWS(ways)] };
	struct run *r = check_same(way, &setup);

	cr_expect(strstr(r->results.p, "a head = -1, errno EAGAIN") != NULL, "%s: the buffer was not full: %s", way,
	          r->results.p);
	run_free(r);
}

/* The kernel is asked for room (SO_MEMINFO) not for each head, but again as soon as bytes went that were not counted,
 * or the buffer is another one. */

#define ASKED   "getsockopt SO_55 *"
#define MESSAGE "write=" HEAD, "write=*200"
#define BUFFER  "sndbuf=65536"

static const struct {
	const char *name, *steps[ARGS_MAX - 2];
	int least, most;
	const char *join;
	int clients;
} rows[] = {
	{ "one message", { BUFFER, MESSAGE, "await" }, 1, 1 },
	{ "seven messages", { BUFFER, MESSAGE, MESSAGE, MESSAGE, MESSAGE, MESSAGE, MESSAGE, MESSAGE, "await" }, 1, 1 },
	{ "two messages that take all the room that was found",
	  { BUFFER, "write=HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n", "write=*16000",
	    "write=HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n", "write=*16000", MESSAGE, "await" },
	  2,
	  3 },
	{ "a long body",
	  { BUFFER, "write=HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n", "write=*60000", MESSAGE, "await" },
	  3,
	  3 },
	{ "a long body behind its first write",
	  { BUFFER, "write=HTTP/1.1 200 OK\r\nContent-Length: 60100\r\n\r\n", "write=*100", "write=*60000", MESSAGE,
	    "await" },
	  2,
	  2,
	  .join = "message" },
	{ "bytes that are no message", { BUFFER, MESSAGE, "write=*50", MESSAGE, "await" }, 2, 2 },
	{ "a message that the program corks",
	  { BUFFER, MESSAGE, "send+MSG_MORE=HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok", MESSAGE, "await" },
	  2,
	  2 },
	{ "another send buffer", { BUFFER, MESSAGE, "sndbuf=32768", MESSAGE, "await" }, 2, 2 },
	{ "a body by sendfile", { BUFFER, "write=" HEAD, "sendfile=*200", MESSAGE, "await" }, 2, 2 },
	{ "a body by a system call of its own",
	  { BUFFER, "write=" HEAD, "SYS_write=*200", "peer=ping", "read=4", MESSAGE, "await" },
	  2,
	  2 },
	{ "another connection of the same number", { BUFFER, MESSAGE, "close", MESSAGE, "await" }, 2, 2, .clients = 2 },
	{ "a head that a read released",
	  { BUFFER, "write=" HEAD, "recv+MSG_DONTWAIT=1", "write=*200", MESSAGE, "await" },
	  2,
	  2 },
};

#ifdef UNDER_TSAN /* to create the helper takes so long that the kernel is asked again before the body is joined */
enum { ONCE_MORE = 1 };
#else
enum { ONCE_MORE = 0 };
#endif

EACH_TEST(room, asked_when_it_is_not_known, ROWS(rows), 30)
{
	struct setup setup = { .args = { STEPS }, .join = rows[*i].join, .clients = rows[*i].clients };
	struct run *r = NULL;
	int asked = INT_MAX;

	for (size_t k = 0; rows[*i].steps[k] != NULL; k++)
		setup.args[k + 1] = rows[*i].steps[k];
	/* A thread that has no CPU for longer than the default timeout while its head is held asks once more. */
	for (int n = 0; n < ATTEMPTS && asked > rows[*i].most; n++) {
		if (r != NULL)
			run_free(r);
		r = check_same(rows[*i].name, &setup);
		asked = calls_like(r, ASKED);
	}
	cr_expect(asked >= rows[*i].least && asked <= rows[*i].most + ONCE_MORE,
	          "%s: asked %d times, wanted %d to %d:\n%s", rows[*i].name, asked, rows[*i].least, rows[*i].most,
	          r->calls.p);
	run_free(r);
}

/* In short segments the buffer holds fewer bytes than the library reckons with, and the peer decides how short the
 * segments are. */
static const struct {
	const char *segment, *calls;
} segments[] = {
	{ "88", "send bytes=100 flags=MSG_MORE = 100" },
	{ "400", "send bytes=100 flags=MSG_MORE = 100" },
	{ "536", "writev iov=2 bytes=300 = 300" },
	{ "1460", "writev iov=2 bytes=300 = 300" },
};

EACH_TEST(room, none_is_certain_for_short_segments, ROWS(segments), 30)
{
	struct setup setup = { .args = { PROGRAM, segments[*i].segment } };
	struct run *r = check_same(segments[*i].segment, &setup);

	cr_expect(calls_like(r, segments[*i].calls) == 1, "segments of %s bytes: there is no call \"%s\":\n%s",
	          segments[*i].segment, segments[*i].calls, r->calls.p);
	run_free(r);
}

/* A write may have to wait for more than room, and what is known of the room may be wrong. A waiting thread costs no
 * CPU time. */
#define IN_PEACE "waits in peace: 1\n"

static const struct case_of waiting[] = { { { "system" }, IN_PEACE, .needs = NETWORK_NAMESPACE, .timed = true },
	                                  { { "unseen" }, IN_PEACE, .timed = true } };
EVERYWHERE_TESTS(room, thread_that_waits_costs_nothing, BUILD_DIR "/tests/programs/p_unsent", waiting);
