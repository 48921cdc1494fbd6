#include "note.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>

#include "clock.h"
#include "pool.h"
#include "readable.h"
#include "real.h"
#include "trace.h"

/* --- what was noted of a connection ----------------------------------------------------------- */

enum noted {
	NOTED_WRITE = 1,
	NOTED_PASSED_OVER = 2,
	NOTED_NODELAY = 4, /* the kernel was asked whether TCP_NODELAY is set */
	NOTED_NAGLE = 8,   /* it is not */
};
/* Of connections with larger numbers nothing is noted, so what is counted once for each connection is not counted for
 * them. */
enum { NUMBERS = 65536 };
typedef _Atomic uint8_t noted_byte;

/* A byte of enum noted for each number, read and written relaxed; NULL: there is no memory. Set by the constructor. */
static noted_byte *table;

static atomic_bool process_ends;

void note_end(void)
{
	atomic_store(&process_ends, true);
}

void note_begin(void)
{
	table = pool_pages(NUMBERS);
}

static noted_byte *noted(int fd)
{
	return table != NULL && (unsigned)fd < NUMBERS ? table + fd : NULL;
}

/* Returns whether it was noted already; where nothing can be noted, true. */
static bool note_once(int fd, enum noted what)
{
	noted_byte *n = noted(fd);
	uint8_t before = n != NULL ? atomic_load_explicit(n, memory_order_relaxed) : what;
	if (!(before & what))
		atomic_store_explicit(n, before | what, memory_order_relaxed);
	return before & what;
}

void note_nodelay(int fd, struct msg *m)
{
	noted_byte *n = config.counts ? noted(fd) : NULL;
	if (m != NULL)
		atomic_store_explicit(&m->usual_row, 0, memory_order_relaxed);
	if (n != NULL)
		atomic_store_explicit(n, atomic_load_explicit(n, memory_order_relaxed) & ~(NOTED_NODELAY | NOTED_NAGLE),
		                      memory_order_relaxed);
}

/* Does Nagle's algorithm hold a short segment of this connection while another one is not acknowledged? The kernel is
 * asked once for each connection. */
static bool ask_nagle(int fd)
{
	int nodelay = 1, saved = errno;
	socklen_t size = sizeof nodelay;
	noted_byte *n = noted(fd);
	if (n == NULL)
		return false;
	uint8_t byte = atomic_load_explicit(n, memory_order_relaxed);
	if (!(byte & NOTED_NODELAY)) {
		bool on = libc()->getsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &nodelay, &size) == 0 && nodelay == 0;
		byte |= NOTED_NODELAY | (on ? NOTED_NAGLE : 0);
		atomic_store_explicit(n, byte, memory_order_relaxed);
		errno = saved;
	}
	return byte & NOTED_NAGLE;
}

void note_closed(int fd, bool silent)
{
	noted_byte *n = config.notes ? noted(fd) : NULL;
	if (n == NULL)
		return;
	uint8_t byte = atomic_load_explicit(n, memory_order_relaxed);
	if (silent && !(byte & (NOTED_WRITE | NOTED_PASSED_OVER)))
		note_passed_over(fd, WHY_NO_WRITE_SEEN);
	atomic_store_explicit(n, 0, memory_order_relaxed);
}

void note_passed_over(int fd, enum reason why)
{
	if (!config.notes || atomic_load(&process_ends) || note_once(fd, NOTED_PASSED_OVER))
		return;
	if (config.counts)
		stats_reason(why);
	if (config.trace != NULL)
		trace_line(fd, IDLE, HEAD_PART, PASS, why, 0);
}

/* A record of TLS (RFC 8446, 5.1) begins with its type, 20 to 23, and version 3. */
static bool is_tls(const unsigned char *p, size_t n)
{
	return n >= 3 && p[0] >= 20 && p[0] <= 23 && p[1] == 3 && p[2] <= 4;
}

/* A client of HTTP/2 begins with the preface, a server with a SETTINGS frame on stream 0 (RFC 9113, 3.4). */
static bool is_http2(const unsigned char *p, size_t n)
{
	static const char preface[] = "PRI * HTTP/2.0\r\n";
	if (n >= sizeof preface - 1 && memcmp(p, preface, sizeof preface - 1) == 0)
		return true;
	return n >= 9 && p[0] == 0 && p[3] == 4 && p[4] == 0 && (p[5] | p[6] | p[7] | p[8]) == 0;
}

void note_opens_nothing(int fd, const char *first, size_t n)
{
	const unsigned char *p = (const unsigned char *)first;
	enum { ENOUGH = 16 };
	n = n < ENOUGH ? n : ENOUGH;
	if (note_once(fd, NOTED_WRITE) || (!config.observe && !readable(first, n)))
		return; /* the connection is judged by its first write */
	note_passed_over(fd, is_tls(p, n) ? WHY_TLS : is_http2(p, n) ? WHY_HTTP2 : WHY_OTHER_PROTOCOL);
}

/* --- decisions -------------------------------------------------------------------------------- */

void note_hold_time(const struct msg *m)
{
	static const struct {
		uint64_t most_ns;
		enum counter row;
	} rows[] = { { 100000, COUNT_HELD_100_US }, { 250000, COUNT_HELD_250_US }, { 500000, COUNT_HELD_500_US },
		     { 1000000, COUNT_HELD_1_MS },  { 2000000, COUNT_HELD_2_MS },  { 5000000, COUNT_HELD_5_MS } };
	uint64_t began = m->due - config.timeout_ns, now = now_ns(), held_ns = now > began ? now - began : 0;
	unsigned i = 0;
	if (m->due == 0)
		return;
	while (i < sizeof rows / sizeof *rows && held_ns > rows[i].most_ns)
		i++;
	stats_count(i < sizeof rows / sizeof *rows ? rows[i].row : COUNT_HELD_LONGER, 1);
	stats_count(COUNT_HELD_NS, held_ns);
}

static void count_joined(const struct msg *m, int fd)
{
	if (stats_count(COUNT_JOINED, 1) % NOTE_TIMED == 0)
		note_hold_time(m);
	if (!config.observe && ask_nagle(fd)) /* else the kernel is not asked (observe.c) */
		stats_count(COUNT_STALLS, 1);
}

__attribute__((noinline)) void note_usual_kept_slowly(const struct msg *m, size_t bytes)
{
	if (!atomic_load_explicit(&process_ends, memory_order_relaxed))
		trace_line(m->fd, IDLE, HEAD_WHOLE, KEEP, WHY_BODY_TO_COME, bytes);
}

__attribute__((noinline)) void note_usual_joined_slowly(struct msg *m, size_t bytes)
{
	if (atomic_load_explicit(&process_ends, memory_order_relaxed))
		return;
	if (config.counts && !m->uncounted) {
		count_joined(m, m->fd);
		stats_count(COUNT_GATHERED, 1);
	} else if (config.counts) {
		unsigned row = ask_nagle(m->fd) ? COUNT_USUAL_RESPONSES_STALLED : COUNT_USUAL_RESPONSES;
		if (stats_count(row + m->request, 1) % NOTE_TIMED == 0)
			note_hold_time(m);
		if (config.trace == NULL)
			atomic_store_explicit(&m->usual_row, row, memory_order_relaxed);
	}
	m->uncounted = false;
	if (config.trace != NULL)
		trace_line(m->fd, BODY, BODY_END, JOIN, WHY_BODY, bytes);
}

void note_message(const char *first)
{
	stats_count(memcmp(first, "HTTP/", 5) == 0 ? COUNT_RESPONSES : COUNT_REQUESTS, 1);
}

__attribute__((noinline)) void note_unread_slowly(int fd)
{
	if (atomic_load_explicit(&process_ends, memory_order_relaxed))
		return;
	note_once(fd, NOTED_WRITE);
	stats_count(COUNT_RESPONSES, 1);
	stats_count(COUNT_ONE_WRITE, 1);
}

static void count(struct msg *m, int fd, enum hold_state s, enum hold_event e, enum hold_action a, enum reason why)
{
	bool joins = a == JOIN || a == JOIN_MORE || a == LEAD;
	if (hold_waits(s) && m->uncounted) {
		stats_count(m->request ? COUNT_REQUESTS : COUNT_RESPONSES, 1);
		stats_count(COUNT_KEPT, 1);
	}
	m->uncounted = false;
	if (joins && hold_waits(s))
		count_joined(m, fd);
	if (a == KEEP)
		stats_count(COUNT_KEPT, 1);
	if (a == EMIT || a == LEAD)
		stats_count(COUNT_ADDED, 1);
	if (a == EMIT && hold_waits(s) && why == WHY_DEADLINE)
		note_hold_time(m);
	if (a == PASS_MORE || a == JOIN_MORE)
		stats_count(COUNT_FILLED, 1);
	if (e == BODY_END && (s == REST || joins))
		stats_count(COUNT_GATHERED, 1);
	if (e == BODY_END && s == IDLE && a == PASS)
		stats_count(COUNT_ONE_WRITE, 1);
	if (reason_group(why) == AT_ONCE || (reason_group(why) == RELEASED && a == EMIT))
		stats_reason(why);
}

void note_decision(struct msg *m, int fd, enum hold_state s, enum hold_event e, enum hold_action a, enum reason why,
                   size_t bytes)
{
	if (atomic_load(&process_ends))
		return;
	note_once(fd, NOTED_WRITE);
	if (why == WHY_TUNNEL)
		note_once(fd, NOTED_PASSED_OVER); /* that much is said now */
	if (config.counts)
		count(m, fd, s, e, a, why);
	if (config.trace != NULL)
		trace_line(fd, s, e, a, why, bytes);
}
