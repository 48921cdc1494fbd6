/* Two families of programs with a peer that does not read: a write has to wait for it, and is ended, or another call is
 * made beside it. */
#include "generate.h"

enum { LONGEST_BODY = 14000 };

/* Appends a whole message to the text and returns the length of its head. The body is longer than the room that a full
 * socket may still have. */
static uint32_t say_long_message(struct author *a, bool long_head)
{
	uint32_t at = a->p->ntext, size = 2000 + below(&a->c, LONGEST_BODY - 2000);
	bool chunked = one_in(&a->c, 4);
	say(a, "%s\r\n", one_in(&a->c, 3) ? "POST /form HTTP/1.1\r\nHost: a" : "HTTP/1.1 200 OK");
	if (long_head) {
		say(a, "X-Long: ");
		body(a, 200 + below(&a->c, 9000));
		say(a, "\r\n");
	}
	if (chunked)
		say(a, "Transfer-Encoding: chunked\r\n\r\n");
	else
		say(a, "Content-Length: %u\r\n\r\n", size);
	uint32_t head = a->p->ntext - at;
	if (chunked)
		say(a, "%x\r\n", size);
	body(a, size);
	if (chunked)
		say(a, "\r\n0\r\n\r\n");
	return head;
}

/* Usually the connection's queue is emptied first, so that it is certain that a head begins. */
static bool can_be_full(struct author *a, int actor, int h)
{
	struct line *l = line_of(a, h);
	if (a->limited[actor] || l->nonblock || l->quiet || l->linger || a->p->ntext > TEXT - 100000)
		return false;
	while (!one_in(&a->c, 10) && l->head < l->tail && room(a) > 32)
		add_plain_piece(a, actor, h);
	return can_arrive(l);
}

static struct op *add_long_message(struct author *a, enum kind kind, int actor, int h, bool long_head)
{
	uint32_t at = a->p->ntext, head = say_long_message(a, long_head);
	struct op *o = add_on(a, kind, actor, h);
	o->at = at;
	o->size = a->p->ntext - at;
	o->head = head;
	line_of(a, h)->more = false;
	return o;
}

void add_stuck(struct author *a, int actor, int h)
{
	static const uint8_t doors[] = { BY_WRITE, BY_WRITE, BY_SEND, BY_WRITEV, BY_SENDMSG, BY_SENDTO };
	if (!can_be_full(a, actor, h))
		return;
	struct op *o = add_long_message(a, STUCK, actor, h, one_in(&a->c, 5));
	o->how = (uint8_t)below(&a->c, STUCKS);
#ifdef __SANITIZE_ADDRESS__ /* ASan takes a cancelled thread's frames for live ones, and reports the next ones */
	if (o->how == CANCELLED)
		o->how = JUMPED;
#endif
	o->value = doors[below(&a->c, sizeof doors)];
}

static int another_connection(struct author *a, int actor, int h)
{
	for (int i = 0; i < a->handles; i++)
		if (a->held.conn[i] != NOBODY && a->held.conn[i] != a->held.conn[h] &&
		    holders_has(&a->held, i, actor) && !line_of(a, i)->nonblock && !line_of(a, i)->quiet)
			return i;
	return NOBODY;
}

void add_rival(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	if (!can_be_full(a, actor, h))
		return;
	bool refused = one_in(c, 2);
	struct op *o = add_long_message(a, RIVAL, actor, h, refused && one_in(c, 2));
	o->how = (uint8_t)below(c, RIVALS_HOWS);
	o->refused = refused;
	if (o->how == RIVAL_ELSEWHERE && (o->other = (uint8_t)another_connection(a, actor, h)) == NOBODY)
		o->how = RIVAL_INFO;
	if (o->how == RIVAL_ELSEWHERE)
		o->value = a->held.conn[o->other];
	if (o->how == RIVAL_SHUT)
		line_of(a, h)->quiet = true;
	if (o->how == RIVAL_SEND || o->how == RIVAL_ELSEWHERE) {
		uint32_t at = a->p->ntext;
		say(a, "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nr%ur.", 100 + below(c, 900));
		o->more = a->p->ntext - at;
	}
}
