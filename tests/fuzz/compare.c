/* Compares a bare run with one under the library: the same bytes, the same results, the same end. */
#include "programs.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

static bool unread(const struct side *s, int c)
{
	return atomic_load(&s->board->consumed[c]) < s->streams[c].sent;
}

static bool ends_differ(const struct stream *a, const struct stream *b, int c, bool loose, struct difference *d)
{
	if (a->error != b->error && !loose)
		return DIFFERENT(d, "connection %d: ends with '%s' bare, '%s' behind the shim", c,
		                 a->error ? strerror(a->error) : "FIN", b->error ? strerror(b->error) : "FIN");
	return false;
}

/* A connection that ends in a reset (by the peer, or because bytes were left unread) may lose its last bytes. Then one
 * stream must only be the beginning of the other. */
static bool streams_differ(const struct side *bare, const struct side *shim, int c, struct difference *d)
{
	const struct stream *a = &bare->streams[c], *b = &shim->streams[c];
	bool gone = bare->board->program.plans[c].gone, loose = gone || unread(bare, c) || unread(shim, c);
	size_t common = a->n < b->n ? a->n : b->n, same = 0;
	if (stream_is_ruled(&bare->board->program, c))
		return stream_is_wrong(bare, "bare", c, loose, d) ||
		       stream_is_wrong(shim, "behind the shim", c, loose, d) || ends_differ(a, b, c, loose, d);
	while (same < common && a->bytes[same] == b->bytes[same])
		same++;
	if (same < common)
		return DIFFERENT(d, "connection %d: byte %zu is another (%zu bytes bare, %zu behind the shim)", c, same,
		                 a->n, b->n);
	if (a->n != b->n && !loose)
		return DIFFERENT(d, "connection %d: %zu bytes bare, %zu behind the shim", c, a->n, b->n);
	if (a->opened != b->opened)
		return DIFFERENT(d, "connection %d: %s bare", c, a->opened ? "opened only" : "not opened");
	return ends_differ(a, b, c, loose, d);
}

/* When the peer resets a connection, it depends on time which operation first notices. */
static bool depends_on_time(const struct program *p, uint32_t i)
{
	const struct op *o = &p->ops[i];
	if (o->conn != NOBODY && p->plans[o->conn].gone && o->kind != DUP && o->kind != TAKE)
		return true;
	if (o->kind != GET || o->how != SNDBUF)
		return false;
	for (uint32_t j = 0; j < i; j++) /* the kernel tunes the size unless the program has set it */
		if (p->ops[j].kind == SET && p->ops[j].how == SNDBUF && p->ops[j].conn == o->conn)
			return false;
	return true;
}

/* A peer that sends to a side which was shut down for reading gets a reset, so the next write fails with EPIPE or with
 * ECONNRESET. */
static bool same_error(const struct program *p, uint32_t i, int a, int b)
{
	if (a == b || !((a == EPIPE && b == ECONNRESET) || (a == ECONNRESET && b == EPIPE)))
		return a == b;
	for (uint32_t j = 0; j < i; j++)
		if (p->ops[j].kind == SHUT && p->ops[j].value == SHUT_RDWR && p->ops[j].conn == p->ops[i].conn)
			return true;
	return false;
}

static bool never_ended(const struct side *s, const char *name, struct difference *d)
{
	const struct program *p = &s->board->program;
	for (uint32_t i = 0; i < p->nops; i++)
		if (!s->board->results[i].done)
			return DIFFERENT(d, "%s never ended: it stands at operation %u", name, i);
	for (int c = 0; c < CONNS && s->exited; c++)
		if (!s->streams[c].ended)
			return DIFFERENT(d, "%s ended, but %s connection %d", name,
			                 s->streams[c].opened ? "not" : "without", c);
	return DIFFERENT(d, "%s never ended: its operations are all done", name);
}

/* While the library looks whether a thread that jumped out of its turn sleeps, it has a file of /proc open, and the
 * program's next descriptor gets a higher number. */
static bool number_may_be_taken(const struct side *shim, uint32_t i)
{
	const struct program *p = &shim->board->program;
	for (uint32_t j = 0; j < i; j++)
		if (shim->board->results[j].left)
			return p->ops[i].kind == OPEN || p->ops[i].kind == DUP || p->ops[i].kind == TAKE;
	return false;
}

bool differ(const struct side *bare, const struct side *shim, struct difference *d)
{
	d->timed = false;
	const struct program *p = &bare->board->program;
	if (bare->hung || shim->hung)
		return never_ended(bare->hung ? bare : shim, bare->hung ? "the bare run" : "the run behind the shim",
		                   d);
	if (WIFSIGNALED(shim->status) && !WIFSIGNALED(bare->status))
		return DIFFERENT(d, "signal %d ended the run behind the shim", WTERMSIG(shim->status));
	for (int c = 0; c < CONNS; c++)
		if (streams_differ(bare, shim, c, d))
			return true;
	for (uint32_t i = 0; i < p->nops; i++) {
		const struct result *a = &bare->board->results[i], *b = &shim->board->results[i];
		if (depends_on_time(p, i))
			continue;
		if (is_ruled(&p->ops[i]) && a->done == b->done && (a->ret == SKIPPED) == (b->ret == SKIPPED)) {
			if (result_is_wrong(bare, "bare", i, d) || result_is_wrong(shim, "behind the shim", i, d))
				return true;
			continue;
		}
		d->timed = a->ret == b->ret && a->error == b->error &&
		           ((p->ops[i].kind == LEAVE && (a->extra ^ b->extra) == LATE_END) ||
		            number_may_be_taken(shim, i));
		if (a->done != b->done || a->ret != b->ret || !same_error(p, i, (int)a->error, (int)b->error) ||
		    a->extra != b->extra)
			return DIFFERENT(d, "operation %u: %s%ld %s (%ld) bare, %s%ld %s (%ld) behind the shim", i,
			                 a->done ? "" : "not done ", (long)a->ret, a->error ? strerror(a->error) : "",
			                 (long)a->extra, b->done ? "" : "not done ", (long)b->ret,
			                 b->error ? strerror(b->error) : "", (long)b->extra);
	}
	d->timed = false;
	if (bare->status != shim->status)
		return DIFFERENT(d, "exit status %x bare, %x behind the shim", (unsigned)bare->status,
		                 (unsigned)shim->status);
	for (int i = 0; i < ACTORS; i++)
		if (bare->board->status[i] != shim->board->status[i])
			return DIFFERENT(d, "exit status of actor %d: %x bare, %x behind the shim", i,
			                 (unsigned)bare->board->status[i], (unsigned)shim->board->status[i]);
	bool gone = false;
	for (int c = 0; c < CONNS; c++)
		gone |= p->plans[c].gone;
	for (uint32_t i = 0; i < p->nops; i++) /* ECONNRESET raises no SIGPIPE: see same_error() */
		gone |= p->ops[i].kind == SHUT && p->ops[i].value == SHUT_RDWR;
	if (!gone && bare->board->pipe_signals != shim->board->pipe_signals)
		return DIFFERENT(d, "SIGPIPE %u times bare, %u times behind the shim", bare->board->pipe_signals,
		                 shim->board->pipe_signals);
	return false;
}
