/* Rules for calls on a full socket, whose results depend on time: how much room there was, and which call was
 * interrupted. There a bare run is not compared with one under the library; each is compared with what the kernel
 * promises, as narrowly as that can be said. */
#include "programs.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* --- results ---------------------------------------------------------------------------------- */

/* The writer stops at the first error; without an error everything was written. */
static bool is_whole(const struct op *o, const struct result *r)
{
	return r->error == 0 && r->ret == o->size;
}

static bool stuck_is_right(const struct op *o, const struct result *r)
{
	switch (o->how) {
	case CANCELLED:
	case JUMPED:
	case JUMPED_RESTARTING: /* only the last call of a writer can be left, and no call fails */
		return r->left ? r->error == 0 : is_whole(o, r);
	case TIMED_OUT: /* no signal came, so EINTR would be wrong */ return is_whole(o, r) || r->error == EAGAIN;
	case RESTARTED: /* the kernel restarts the call after the handler, or returns a count */ return is_whole(o, r);
	case INTERRUPTED: /* no time-out was set, so EAGAIN would be wrong */
		return is_whole(o, r) || r->error == EINTR;
	}
	return false;
}

/* A thread's call has begun when its rival acts, so it ends as if the descriptor had not been touched; only a shutdown
 * ends the connection itself. A head that was sent without waiting was taken whole, in part, or not at all. */
static bool beside_rival_is_right(const struct op *o, const struct result *r)
{
	if (o->refused)
		return r->error == 0 ? r->ret > 0 && r->ret <= o->head : r->error == EAGAIN && r->ret == 0;
	if (o->how == RIVAL_SHUT && r->error == EPIPE)
		return true;
	return is_whole(o, r);
}

static bool rival_is_right(const struct op *o, const struct result *r)
{
	if (o->how == RIVAL_ELSEWHERE)
		return r->rival == (int32_t)o->more;
	if (o->how == RIVAL_SEND)
		return r->rival == -EAGAIN || (r->rival > 0 && r->rival <= (int32_t)o->more);
	return r->rival == 0;
}

/* With SO_SNDTIMEO the kernel adds up to 200 ms to each wait when it believes that memory is short. There may be room
 * after that. */
static bool may_wait(const struct op *o, const struct result *r)
{
	return o->kind == STUCK && o->how == TIMED_OUT && is_whole(o, r);
}

bool is_ruled(const struct op *o)
{
	return o->kind == STUCK || o->kind == RIVAL;
}

bool result_is_wrong(const struct side *s, const char *name, uint32_t i, struct difference *d)
{
	const struct op *o = &s->board->program.ops[i];
	const struct result *r = &s->board->results[i];
	if (!r->done || r->ret == SKIPPED)
		return false;
	d->timed = r->waited && !may_wait(o, r);
	if (d->timed)
		return DIFFERENT(d, "operation %u: %s, a call waits until the peer reads again", i, name);
	if (r->extra != 0)
		return DIFFERENT(d, "operation %u: %s, what has the number now gets bytes of the connection", i, name);
	if (o->kind == STUCK ? !stuck_is_right(o, r) : !beside_rival_is_right(o, r))
		return DIFFERENT(d, "operation %u: %s, the writer ends with %ld %s%s", i, name, (long)r->ret,
		                 r->error ? strerrorname_np(r->error) : "", r->left ? ", left" : "");
	if (o->kind == RIVAL && !rival_is_right(o, r))
		return DIFFERENT(d, "operation %u: %s, the rival's call ends with %d", i, name, r->rival);
	return false;
}

/* --- bytes ------------------------------------------------------------------------------------ */

/* Offsets at which the next operation's bytes may begin, in rising order. Usually there is one; behind a call that was
 * left there are many. */
struct places {
	const struct stream *stream;
	size_t *at, n, room;
	size_t furthest;
};

static void add_place(struct places *p, size_t at)
{
	if (p->n > 0 && p->at[p->n - 1] >= at)
		return;
	if (p->n == p->room) {
		p->room = p->room * 2 + 64;
		if ((p->at = realloc(p->at, p->room * sizeof *p->at)) == NULL)
			err(2, "memory");
	}
	p->at[p->n++] = at;
}

/* How many of these bytes are in the stream at `at`. */
static size_t common(struct places *p, size_t at, const char *bytes, size_t n)
{
	const struct stream *st = p->stream;
	size_t i = 0;
	while (i < n && at + i < st->n && st->bytes[at + i] == bytes[i])
		i++;
	if (at + i > p->furthest)
		p->furthest = at + i;
	return i;
}

/* All of these bytes come next. */
static void must_come(struct places *p, const char *bytes, size_t n)
{
	size_t count = p->n;
	p->n = 0;
	for (size_t i = 0; i < count; i++) {
		size_t at = p->at[i];
		if (common(p, at, bytes, n) == n)
			add_place(p, at + n);
	}
}

/* The call was left while it waited: none, some or all of its bytes come next, from the first on. */
static void may_come(struct places *p, const char *bytes, size_t n)
{
	size_t count = p->n, *from = p->at;
	struct places next = { .stream = p->stream, .furthest = p->furthest };
	for (size_t i = 0; i < count; i++) {
		size_t most = common(&next, from[i], bytes, n);
		for (size_t k = 0; k <= most; k++)
			add_place(&next, from[i] + k);
	}
	free(from);
	*p = next;
}

/* Two threads write at once, and the kernel takes all bytes of one somewhere between the bytes of the other. */
static void must_come_between(struct places *p, const char *bytes, size_t n, const char *others, size_t nothers)
{
	size_t count = p->n;
	p->n = 0;
	for (size_t i = 0; i < count; i++) {
		size_t at = p->at[i], most = common(p, at, bytes, n);
		for (size_t k = 0; k <= most; k++)
			if (common(p, at + k, others, nothers) == nothers &&
			    common(p, at + k + nothers, bytes + k, n - k) == n - k) {
				add_place(p, at + n + nothers);
				break;
			}
	}
}

static void must_fill(struct places *p, uint32_t n)
{
	char *bytes = malloc(n + 1);
	for (uint32_t i = 0; i < n; i++)
		bytes[i] = filler(i);
	must_come(p, bytes, n);
	free(bytes);
}

static void follow_ruled(struct places *p, const struct program *program, const struct op *o, const struct result *r)
{
	const char *text = program->text + o->at;
	size_t known = (size_t)r->ret, end = known < o->head ? o->head : o->size;
	must_fill(p, r->filled);
	if (o->kind == RIVAL && o->how == RIVAL_SEND && r->rival > 0)
		must_come_between(p, text, known, text + o->size, (size_t)r->rival);
	else
		must_come(p, text, known);
	if (r->left)
		may_come(p, text + known, end - known);
}

static void follow(struct places *p, const struct program *program, const struct op *o, const struct result *r, int c)
{
	const char *text = program->text + o->at;
	if (o->kind == RIVAL && o->how == RIVAL_ELSEWHERE && o->value == c && r->rival > 0)
		must_come(p, text + o->size, (size_t)r->rival);
	if (o->conn != c || r->ret <= 0)
		return;
	switch (o->kind) {
	case PIECE:
	case SIGNAL:
	case SPAWN:
	case LEAVE: must_come(p, text, (size_t)r->ret); break;
	case OPEN:
		if (o->how == BY_FASTOPEN)
			must_come(p, text, (size_t)r->ret);
		break;
	}
}

bool stream_is_ruled(const struct program *p, int c)
{
	for (uint32_t i = 0; i < p->nops; i++)
		if (is_ruled(&p->ops[i]) && p->ops[i].conn == c)
			return true;
	return false;
}

/* Each byte that was accepted arrives once and in order, and no other byte does. `cut`: the end of the stream may be
 * lost. */
bool stream_is_wrong(const struct side *s, const char *name, int c, bool cut, struct difference *d)
{
	const struct program *program = &s->board->program;
	struct places p = { .stream = &s->streams[c] };
	add_place(&p, 0);
	for (uint32_t i = 0; i < program->nops; i++) {
		const struct op *o = &program->ops[i];
		const struct result *r = &s->board->results[i];
		if (o->conn == c && is_ruled(o) && r->done && r->ret != SKIPPED)
			follow_ruled(&p, program, o, r);
		else if (r->done)
			follow(&p, program, o, r, c);
	}
	bool right = p.n > 0 && p.at[p.n - 1] == s->streams[c].n;
	right |= cut && p.furthest == s->streams[c].n;
	free(p.at);
	if (!right)
		return DIFFERENT(d, "connection %d: %s, what arrives is not what was accepted, from byte %zu of %zu on",
		                 c, name, p.furthest, s->streams[c].n);
	return false;
}
