/* Follows, operation by operation, which table of descriptors has which connection. The author needs it, and so does
 * the question whether a close is the last one. */
#include "program.h"

#include <linux/close_range.h>
#include <sched.h>
#include <string.h>

static uint8_t bit(int table)
{
	return (uint8_t)(1u << table);
}

void holders_begin(struct holders *w)
{
	memset(w, 0, sizeof *w);
	memset(w->conn, NOBODY, sizeof w->conn);
	memset(w->table, NOBODY, sizeof w->table);
	w->table[0] = 0;
	w->tables = 1;
}

static void copy_table(struct holders *w, int from, int to)
{
	for (int h = 0; h < HANDLES; h++)
		if (w->has[h] & bit(from))
			w->has[h] |= bit(to);
	if (w->tables <= to)
		w->tables = to + 1;
}

static void obtain(struct holders *w, const struct op *o)
{
	w->conn[o->other] = o->conn;
	w->has[o->other] = bit(w->table[o->actor]);
}

static bool is_alone(const struct holders *w, int actor)
{
	for (int i = 0; i < ACTORS; i++)
		if (i != actor && w->table[i] == w->table[actor])
			return false;
	return !(w->pinned & bit(w->table[actor]));
}

/* The actor continues with a copy of its table. If no other task had the old table, what was in it is gone. */
static void separate(struct holders *w, int actor, int to)
{
	int from = w->table[actor];
	bool alone = is_alone(w, actor);
	copy_table(w, from, to);
	for (int h = 0; alone && h < HANDLES; h++)
		w->has[h] &= (uint8_t)~bit(from);
	w->table[actor] = (uint8_t)to;
}

static bool unshares(const struct op *o)
{
	return (o->kind == LEAVE && o->how == LEAVE_UNSHARE) ||
	       (o->kind == RANGE && (o->how >= RANGE_UNSHARE || o->value & CLOSE_RANGE_UNSHARE));
}

bool rival_takes_handle(const struct op *o)
{
	return o->how <= RIVAL_DUP2;
}

bool range_closes(const struct op *o)
{
	return o->handle != NOBODY && o->how < RANGE_UNSHARE && !(o->value & CLOSE_RANGE_CLOEXEC);
}

bool clone_is_carried(const struct op *o)
{
	return o->value & (CLONE_VM | CLONE_VFORK);
}

void holders_follow(struct holders *w, const struct op *o)
{
	if (unshares(o))
		separate(w, o->actor, o->table);
	int table = w->table[o->actor];
	switch (o->kind) {
	case OPEN:
	case TAKE: obtain(w, o); break;
	case DUP:
		if (o->how == BY_DUP2_ONTO)
			w->has[o->value] &= (uint8_t)~bit(table);
		obtain(w, o);
		break;
	case PASS: w->passed |= bit(o->conn); break;
	case CLOSE: w->has[o->handle] &= (uint8_t)~bit(table); break;
	case LEAVE:
		if (o->how < LEAVE_SHUT)
			w->has[o->handle] &= (uint8_t)~bit(table);
		break;
	case RIVAL:
		if (rival_takes_handle(o))
			w->has[o->handle] &= (uint8_t)~bit(table);
		break;
	case RANGE:
		if (range_closes(o))
			w->has[o->handle] &= (uint8_t)~bit(table);
		break;
	case CLONE:
		w->table[o->other] = o->table;
		if (o->table != table)
			copy_table(w, table, o->table);
		if (clone_is_carried(o))
			w->pinned |= bit(table);
		break;
	case THREAD: w->table[o->other] = (uint8_t)table; break;
	case FORK:
		w->table[o->other] = o->table;
		copy_table(w, table, o->table);
		break;
	}
}

bool holders_has(const struct holders *w, int handle, int actor)
{
	return w->table[actor] != NOBODY && w->has[handle] & bit(w->table[actor]);
}

bool program_has_last(const struct program *p, uint32_t i)
{
	const struct op *o = &p->ops[i];
	struct holders w;
	holders_begin(&w);
	for (uint32_t j = 0; j < i; j++)
		holders_follow(&w, &p->ops[j]);
	if (!holders_has(&w, o->handle, o->actor) || w.passed & bit(o->conn) ||
	    (unshares(o) && !is_alone(&w, o->actor)))
		return false;
	for (int h = 0; h < HANDLES; h++)
		if (w.conn[h] == o->conn && w.has[h] != (h == o->handle ? bit(w.table[o->actor]) : 0))
			return false;
	return true;
}
