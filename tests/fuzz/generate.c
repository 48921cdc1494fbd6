/* The author: writes a random program that a careful programmer could have written. Each operation makes sense where it
 * stands (there is no write on a descriptor that the process does not have), and its effect on the stream is
 * determined. */
#include "generate.h"

#include <fcntl.h>
#include <string.h>
#include <sys/socket.h>

static void follow(struct author *a)
{
	while (a->followed < a->p->nops)
		holders_follow(&a->held, &a->p->ops[a->followed++]);
}

struct op *add(struct author *a, enum kind kind, int actor)
{
	follow(a);
	struct op *o = &a->p->ops[a->p->nops++];
	*o = (struct op){ .kind = kind,
		          .actor = (uint8_t)actor,
		          .conn = NOBODY,
		          .handle = NOBODY,
		          .other = NOBODY,
		          .salt = (uint32_t)chance_next(&a->c) };
	return o;
}

struct op *add_on(struct author *a, enum kind kind, int actor, int handle)
{
	struct op *o = add(a, kind, actor);
	o->handle = (uint8_t)handle;
	o->conn = a->held.conn[handle];
	return o;
}

uint32_t room(const struct author *a)
{
	return OPS - a->p->nops;
}

bool can_arrive(const struct line *l)
{
	return !l->corked && !l->more && !l->pending;
}

struct line *line_of(struct author *a, int handle)
{
	return &a->lines[a->held.conn[handle]];
}

static void add_open(struct author *a, int conn, int actor)
{
	struct chance *c = &a->c;
	struct line *l = &a->lines[conn];
	if (a->handles == HANDLES)
		return;
	struct op *o = add(a, OPEN, actor);
	l->opened = true;
	o->conn = (uint8_t)conn;
	o->other = (uint8_t)a->handles++;
	static const uint8_t hows[] = { BY_ACCEPT,         BY_ACCEPT,           BY_ACCEPT4,  BY_ACCEPT4,
		                        BY_OWN_LISTENER,   BY_OWN_LISTENER,     BY_CONNECT,  BY_CONNECT,
		                        BY_CONNECT_MAPPED, BY_CONNECT_NONBLOCK, BY_FASTOPEN, BY_LATE_SYN };
	o->how = hows[below(c, sizeof hows)];
	if (one_in(c, 12))
		o->value = SOCK_CLOEXEC;
	if (o->how == BY_ACCEPT4 && one_in(c, 4))
		o->value |= SOCK_NONBLOCK;
	l->nonblock = o->how == BY_CONNECT_NONBLOCK || o->value & SOCK_NONBLOCK;
	if (o->how == BY_FASTOPEN) {
		struct piece piece = next_piece(a, l);
		o->at = piece.at;
		o->size = piece.size;
	}
}

static int some_flags(struct chance *c)
{
	int flags = 0;
	if (one_in(c, 3))
		flags |= MSG_NOSIGNAL;
	if (one_in(c, 6))
		flags |= MSG_DONTWAIT;
	if (one_in(c, 10))
		flags |= MSG_MORE;
	if (one_in(c, 40))
		flags |= MSG_EOR;
	if (one_in(c, 60))
		flags |= MSG_OOB;
	if (one_in(c, 60))
		flags |= MSG_ZEROCOPY;
	return flags;
}

static bool has_nul(const struct author *a, struct piece piece)
{
	return memchr(a->p->text + piece.at, 0, piece.size) != NULL;
}

static void set_piece(struct op *o, struct piece piece)
{
	o->at = piece.at;
	o->size = piece.size;
}

static uint8_t common_door(struct chance *c)
{
	static const uint8_t doors[] = { BY_WRITE, BY_WRITE,  BY_WRITE,   BY_WRITEV,  BY_SEND,
		                         BY_SEND,  BY_SENDTO, BY_SENDMSG, BY_SENDMSG, BY_WRITE_ALIAS };
	return doors[below(c, sizeof doors)];
}

void add_bytes(struct author *a, int actor, int h, uint32_t at, uint32_t end)
{
	struct op *o = add_on(a, PIECE, actor, h);
	o->how = common_door(&a->c);
	set_piece(o, (struct piece){ at, end - at });
	a->lines[o->conn].more = false;
}

void add_plain_piece(struct author *a, int actor, int h)
{
	struct line *l = line_of(a, h);
	struct piece piece = next_piece(a, l);
	if (piece.size > 0)
		add_bytes(a, actor, h, piece.at, piece.at + piece.size);
}

void add_piece(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	struct line *l = line_of(a, h);
	struct piece piece = next_piece(a, l);
	if (piece.size == 0 && !one_in(c, 8))
		return;
	if (one_in(c, 40) && piece.size > 0 && piece.size < 8000) {
		struct op *o = add_on(a, SPAWN, actor, h);
		o->how = (uint8_t)below(c, SPAWNS);
		set_piece(o, piece);
		l->more = false;
		return;
	}
	if (one_in(c, 25)) {
		struct op *o = add_on(a, SIGNAL, actor, h);
		o->how = common_door(c);
		set_piece(o, piece);
		l->more = false;
		return;
	}
	if (one_in(c, 20) && !l->nonblock && !a->no_stdio && !has_nul(a, piece)) {
		struct op *o = add_on(a, PRINT, actor, h);
		o->how = (uint8_t)below(c, PRINTS);
		o->value = a->processes || !one_in(c, 3); /* flushed at once */
		l->pending |= !o->value;
		set_piece(o, piece);
		return;
	}
	struct op *o = add_on(a, PIECE, actor, h);
	o->how = one_in(c, 3) ? (uint8_t)below(c, DOORS) : common_door(c);
	set_piece(o, piece);
	if (o->how == BY_SPLICE && piece.size > 60000)
		o->how = BY_SENDFILE;
	if ((o->how == BY_DPRINTF || o->how == BY_DPRINTF_CHK) && (l->nonblock || a->no_stdio || has_nul(a, piece)))
		o->how = BY_WRITE;
	if (o->how == BY_AIO && (l->nonblock || a->no_stdio || !one_in(c, 6)))
		o->how = BY_WRITEV;
	if (o->how == BY_INLINE && !a->unseen)
		o->how = BY_SYS_WRITE;
	switch (o->how) {
	case BY_SEND:
	case BY_SENDTO:
	case BY_SENDTO_ADDR:
	case BY_SENDMSG:
	case BY_SENDMMSG:
	case BY_SYS_SENDTO:
	case BY_SYS_SENDMSG: o->value = some_flags(c); break;
	}
	l->more = o->value & MSG_MORE;
}

static void add_read(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	struct line *l = line_of(a, h);
	if (l->quiet)
		return;
	uint32_t at = a->p->ntext;
	if (one_in(c, 5))
		body(a, 1 + below(c, 200));
	else
		say(a, "%s / HTTP/1.%c\r\nHost: a\r\n%s\r\n",
		    PICK(a, "GET", "GET", "HEAD", "HEAD", "POST", "CONNECT", "OPTIONS", "PUT"),
		    one_in(c, 4) ? '0' : '1', one_in(c, 4) ? "Upgrade: websocket\r\n" : "");
	uint32_t end = a->p->ntext;
	uint32_t cuts = one_in(c, 3) ? 1 + below(c, 3) : 0; /* the bytes are read in several calls */
	while (at < end && room(a) > 8) {
		struct op *o = add_on(a, READ, actor, h);
		o->how = (uint8_t)below(c, READ_DOORS);
		o->at = at;
		o->size = cuts-- > 0 ? 1 + below(c, end - at) : end - at;
		cuts = cuts > 10 ? 0 : cuts;
		at += o->size;
	}
}

void add_option(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	struct line *l = line_of(a, h);
	struct op *o = add_on(a, one_in(c, 2) ? SET : GET, actor, h);
	if (o->kind == GET) {
		static const uint8_t asked[] = { NODELAY,  NODELAY, CORK, CORK,     SNDBUF,
			                         NONBLOCK, ERROR,   OUTQ, READABLE, SOCKNAME };
		o->how = asked[below(c, sizeof asked)];
		return;
	}
	static const uint8_t set[] = { NODELAY, NODELAY,  NODELAY,        CORK, CORK, SNDBUF,
		                       SNDBUF,  NONBLOCK, NONBLOCK_IOCTL, EDGE, EDGE, LINGER };
	o->how = set[below(c, sizeof set)];
	o->value = o->how == SNDBUF ? 1 << below(c, 14) : !one_in(c, 3);
	if (o->how == LINGER)
		l->linger = o->value;
	if (o->how == CORK)
		l->corked = o->value;
	if (o->how == NONBLOCK || o->how == NONBLOCK_IOCTL)
		l->nonblock = o->value;
	if (o->how == EDGE)
		l->nonblock = true;
}

void add_dup(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	if (a->handles == HANDLES)
		return;
	int conn = a->held.conn[h];
	if (one_in(c, 5)) {
		struct op *o = add_on(a, PASS, actor, h);
		(void)o;
		int to = (int)below(c, (uint32_t)a->actors); /* any process may take it */
		o = add(a, TAKE, to);
		o->conn = (uint8_t)conn;
		o->other = (uint8_t)a->handles++;
		return;
	}
	struct op *o = add_on(a, DUP, actor, h);
	o->how = (uint8_t)below(c, DUP_HOWS);
	if (o->how == BY_DUP2_ONTO) { /* it closes another handle of this process */
		int onto = (int)below(c, (uint32_t)a->handles);
		if (onto == h || !holders_has(&a->held, onto, actor))
			o->how = BY_DUP2;
		else
			o->value = onto;
	}
	o->other = (uint8_t)a->handles++;
}

static void add_actor(struct author *a, int actor)
{
	struct chance *c = &a->c;
	if (a->actors == ACTORS || a->held.tables == TABLES)
		return;
	int proc = a->proc[actor], made = a->actors;
	if (a->processes && one_in(c, 2)) {
		struct op *o = add(a, FORK, actor);
		o->other = (uint8_t)made;
		o->how = a->threads[proc] == 0 && one_in(c, 4) ? BY_FORK_ONLY : BY_FORK;
		o->table = (uint8_t)a->held.tables;
		a->proc[made] = made;
	} else {
		struct op *o = add(a, THREAD, actor);
		o->other = (uint8_t)made;
		a->proc[made] = proc;
		a->threads[proc]++;
	}
	a->actors++;
}

void add_pause(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	struct line *l = line_of(a, h);
	uint32_t t = a->p->timeout;
	if (one_in(c, 3) && can_arrive(l)) {
		add_on(a, AWAIT, actor, h);
		return;
	}
	struct op *o = one_in(c, 2) ? add_on(a, PAUSE, actor, h) : add(a, PAUSE, actor);
	switch (below(c, 5)) {
	case 0: o->value = 0; break;
	case 1: o->value = (int32_t)(t / 2); break;
	case 2:
	case 3: o->value = (int32_t)(t - 150 + below(c, 250)); break; /* at the deadline */
	default: o->value = (int32_t)(t + below(c, t)); break;
	}
}

/* Finds a handle of this connection, and an actor that has it. */
static bool find_hand(struct author *a, int conn, int *actor, int *handle)
{
	int tries = 20;
	follow(a);
	while (tries-- > 0) {
		int h = (int)below(&a->c, (uint32_t)a->handles), who = (int)below(&a->c, (uint32_t)a->actors);
		if (a->held.conn[h] == conn && holders_has(&a->held, h, who)) {
			*handle = h;
			*actor = who;
			return true;
		}
	}
	return false;
}

static const struct {
	const char *name;
	uint32_t one_in; /* one program in so many: slow families are rare */
	void (*step)(struct author *a, int actor, int h);
} families[FAMILIES] = {
	[PLAIN] = { "plain", 1, NULL },     [READS] = { "reads", 8, add_dialogue },
	[LATE] = { "late", 12, add_leave }, [CLONES] = { "clones", 8, add_sharing },
	[FULL] = { "full", 60, add_stuck }, [RIVALS] = { "rivals", 60, add_rival },
};

int family_by_name(const char *name)
{
	for (int f = 0; f < FAMILIES; f++)
		if (strcmp(name, families[f].name) == 0)
			return f;
	return -1;
}

static void choose_family(struct author *a, const struct wish *wish)
{
	a->often = 5;
	for (int f = PLAIN + 1; wish->only < 0 && f < FAMILIES; f++)
		if (one_in(&a->c, families[f].one_in))
			a->family = (enum family)f;
	if (wish->only >= 0) {
		a->often = 2;
		a->family = (enum family)wish->only;
	}
}

static void add_step(struct author *a, int conn, uint32_t wild)
{
	struct chance *c = &a->c;
	struct line *l = &a->lines[conn];
	int actor, h;
	if (!l->opened) {
		add_open(a, conn, (int)below(c, (uint32_t)a->actors));
		return;
	}
	if (!find_hand(a, conn, &actor, &h))
		return;
	if (a->p->plans[conn].gone && one_in(c, 3)) {
		add_on(a, AWAIT_GONE, actor, h);
		return;
	}
	if (a->limited[actor] && !one_in(c, 4)) {
		if (room(a) > 32)
			add_limited(a, actor, h);
		return;
	}
	if (a->family != PLAIN && one_in(c, a->often)) {
		if (room(a) > 32)
			families[a->family].step(a, actor, h);
		return;
	}
	if (a->limited[actor])
		return;
	if (below(c, 100) >= wild) {
		add_piece(a, actor, h);
		if (a->slow_writer && one_in(c, 4))
			add_pause(a, actor, h);
		return;
	}
	uint32_t roll = below(c, 100);
	if (roll < 20)
		add_read(a, actor, h);
	else if (roll < 32) {
		add_on(a, LOOK, actor, h)->how = (uint8_t)below(c, LOOKS);
	} else if (roll < 52)
		add_option(a, actor, h);
	else if (roll < 64)
		add_dup(a, actor, h);
	else if (roll < 72)
		add_pause(a, actor, h);
	else if (roll < 80)
		add_actor(a, actor);
	else if (roll < 85) {
		struct op *o = add_on(a, PIECE, actor, h); /* an empty write */
		o->how = (uint8_t)below(c, BY_PWRITEV2);
	} else if (roll < 90)
		add_on(a, FLUSH, actor, h);
	else if (roll < 92)
		add(a, NO_EXEC, actor)->how = (uint8_t)below(c, EXECS);
	else if (roll < 94) {
		if (a->threads[a->proc[actor]] == 0) {
			add(a, EXEC, actor)->how = (uint8_t)below(c, EXECS);
			l->pending = false;
		}
	} else if (roll < 96) {
		struct op *o = add_on(a, SHUT, actor, h);
		o->value = one_in(c, 3) ? SHUT_RDWR : SHUT_WR;
		l->quiet = true;
	} else {
		struct op *o = add_on(a, CLOSE, actor, h);
		o->how = (uint8_t)below(c, a->no_stdio ? BY_FCLOSE : CLOSE_HOWS);
		if (one_in(c, 8)) {
			o->kind = CLOSE_ALL;
			o->how = (uint8_t)below(c, 3);
			o->value = FIRST_FREE_FD + (int32_t)below(c, 3);
			o->conn = o->handle = NOBODY;
		}
	}
}

void program_generate(struct program *p, const struct wish *wish, uint64_t k)
{
	struct author a = { .c = { wish->seed * 0x2545f4914f6cdd1du ^ (k + 1) * 0x9e3779b97f4a7c15u },
		            .p = p,
		            .unseen = wish->unseen,
		            .actors = 1 };
	struct chance *c = &a.c;
	holders_begin(&a.held);
	memset(p, 0, offsetof(struct program, text));
	p->timeout = wish->timeout_us;
	choose_family(&a, wish);
	p->ticks = one_in(c, 12);
	p->ignore_pipe = one_in(c, 2);
	p->alt_stack = one_in(c, 3);
	p->no_stdin = one_in(c, 25);
	for (int i = 0; i < ACTORS; i++)
		p->end[i] = (uint8_t)(one_in(c, 3) ? below(c, ENDS) : BY_EXIT);
	bool full = a.family == FULL || a.family == RIVALS;
	a.no_stdio = full || a.family == CLONES; /* a FILE belongs to one table, and hides what it wrote */
	a.processes = one_in(c, 3);
	a.slow_writer = one_in(c, 3);
	a.nlines = a.family == LATE ? CONNS : one_in(c, 2) ? 1 : 1 + (int)below(c, CONNS);
	for (int i = 0; i < a.nlines; i++) {
		struct plan *plan = &p->plans[i];
		a.lines[i].budget = one_in(c, 8) ? 120000 : 20000;
		if (one_in(c, 10)) {
			plan->gulp = 100 + below(c, 4000);
			plan->every = 100 + below(c, 300);
			a.lines[i].budget = 30000;
		}
		plan->split = one_in(c, 3) ? 1 + below(c, 1000) : 0;
		plan->eager = a.family == READS && !one_in(c, 20);
		plan->gone = one_in(c, 60);
		if (full) { /* what is written there must arrive, and soon */
			plan->every = 0;
			plan->gone = false;
			plan->narrow = plan->eager = true;
		}
		plan->gone_after = one_in(c, 2) ? 0 : below(c, 2000);
	}
	uint32_t length = 3 + below(c, one_in(c, 4) ? 100 : 36), wild = one_in(c, 3) ? 15 : 10 + below(c, 50),
		 sticky = below(c, 10);
	int conn = 0;
	for (uint32_t tries = 0; p->nops < length && tries < 300; tries++) {
		if (below(c, 10) >= sticky)
			conn = (int)below(c, (uint32_t)a.nlines);
		add_step(&a, conn, wild);
	}
}
