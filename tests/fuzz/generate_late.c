/* The family of programs that give a descriptor up when the deadline of a held head comes. */
#include "generate.h"

static void say_head(struct author *a)
{
	struct chance *c = &a->c;
	bool request = one_in(c, 3);
	say(a, "%s\r\n", request ? "POST /form HTTP/1.1\r\nHost: a" : "HTTP/1.1 200 OK");
	if (one_in(c, 3))
		say(a, "Transfer-Encoding: chunked\r\n");
	else
		say(a, "Content-Length: %u\r\n", 1 + below(c, 5000));
	if (!one_in(c, 10)) /* otherwise the head is not complete */
		say(a, "\r\n");
}

void add_leave(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	uint32_t t = a->p->timeout, at = a->p->ntext;
	say_head(a);
	struct op *o = add_on(a, LEAVE, actor, h);
	o->at = at;
	o->size = a->p->ntext - at;
	do
		o->how = (uint8_t)below(c, LEAVINGS);
	while (o->how == LEAVE_UNSHARE || (a->no_stdio && o->how == LEAVE_FCLOSE));
	o->value = (int32_t)(one_in(c, 8) ? below(c, t) : t - 50 + below(c, 250));
	line_of(a, h)->more = false;
	if (o->how == LEAVE_SHUT)
		line_of(a, h)->quiet = true;
}
