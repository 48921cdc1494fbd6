/* The family of programs with tasks that share memory, descriptors, both or neither, and with descriptors that are
 * shared no longer. Such a task may do little: it has no thread-local storage of its own, and libc does not know of
 * it. */
#include "generate.h"

#include <fcntl.h>
#include <linux/close_range.h>
#include <sched.h>
#include <signal.h>
#include <sys/socket.h>

static int some_sharing(struct chance *c)
{
	static const int sharings[] = {
		SIGCHLD,
		CLONE_FILES | SIGCHLD,
		CLONE_FS | SIGCHLD,
		CLONE_VFORK | SIGCHLD,
		CLONE_FILES | CLONE_VFORK | SIGCHLD,
		CLONE_VM | SIGCHLD,
		CLONE_VM | CLONE_FILES | SIGCHLD,
		CLONE_VM | CLONE_SIGHAND | SIGCHLD,
		CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | SIGCHLD,
		CLONE_VM | CLONE_VFORK | SIGCHLD,
		CLONE_VM | CLONE_VFORK | CLONE_FILES | SIGCHLD,
		CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_CHILD_CLEARTID,
		CLONE_VM | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_CHILD_CLEARTID,
	};
	return sharings[below(c, sizeof sharings / sizeof *sharings)];
}

static void add_clone(struct author *a, int actor)
{
	struct chance *c = &a->c;
	if (a->actors == ACTORS || a->held.tables == TABLES)
		return;
	struct op *o = add(a, CLONE, actor);
	int made = a->actors++;
	o->other = (uint8_t)made;
	o->value = some_sharing(c);
	o->how = (uint8_t)below(c, CLONINGS);
	if (o->value & CLONE_VM && (o->how == CLONE_BY_NUMBER || o->how == CLONE_BY_NUMBER_3))
		o->how = CLONE_ON_NEW_STACK; /* on its parent's stack it would overwrite that */
	o->table = o->value & CLONE_FILES ? a->held.table[actor] : (uint8_t)a->held.tables;
	static const uint8_t ends[] = { BY__EXIT, BY_SYS_EXIT, BY_EXIT /* its function returns */ };
	a->p->end[made] = ends[below(c, o->how == CLONE_BY_LIBC ? 3 : 2)];
	a->proc[made] = made;
	a->limited[made] = true;
	a->threads[a->proc[actor]]++;
}

static void add_range(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	static const int flags[] = { CLOSE_RANGE_UNSHARE, CLOSE_RANGE_UNSHARE, CLOSE_RANGE_CLOEXEC,
		                     CLOSE_RANGE_UNSHARE | CLOSE_RANGE_CLOEXEC };
	if (a->held.tables == TABLES)
		return;
	bool far = one_in(c, 2);
	struct op *o = far ? add(a, RANGE, actor) : add_on(a, RANGE, actor, h);
	o->how = (uint8_t)below(c, RANGINGS);
	o->value = flags[below(c, sizeof flags / sizeof *flags)];
	o->table = (uint8_t)a->held.tables;
}

static void add_late_unshare(struct author *a, int actor, int h)
{
	if (a->held.tables == TABLES)
		return;
	add_leave(a, actor, h);
	struct op *o = &a->p->ops[a->p->nops - 1];
	o->how = LEAVE_UNSHARE;
	o->table = (uint8_t)a->held.tables;
}

void add_sharing(struct author *a, int actor, int h)
{
	uint32_t roll = below(&a->c, 10);
	if (a->limited[actor])
		add_limited(a, actor, h);
	else if (roll < 4)
		add_clone(a, actor);
	else if (roll < 8)
		add_range(a, actor, h);
	else
		add_late_unshare(a, actor, h);
}

/* Closes by a call that needs nothing of libc. */
static void add_plain_close(struct author *a, int actor, int h)
{
	static const uint8_t hows[] = { BY_CLOSE, BY_CLOSE_RANGE, BY_SYS_CLOSE };
	add_on(a, CLOSE, actor, h)->how = hows[below(&a->c, sizeof hows)];
}

void add_limited(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	struct line *l = line_of(a, h);
	switch (below(c, 12)) {
	case 0: add_dialogue(a, actor, h); break;
	case 1: add_on(a, LOOK, actor, h)->how = (uint8_t)below(c, LOOKS); break;
	case 2: add_option(a, actor, h); break;
	case 3: add_pause(a, actor, h); break;
	case 4: add_dup(a, actor, h); break;
	case 5: add_plain_close(a, actor, h); break;
	case 6:
		if (one_in(c, 3)) {
			add_on(a, SHUT, actor, h)->value = SHUT_WR;
			l->quiet = true;
		}
		break;
	default: add_plain_piece(a, actor, h); break;
	}
}
