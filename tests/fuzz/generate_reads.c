/* The family of programs that act as servers which read in small portions: several requests in a row, interim responses
 * before the final one, bodies that are sent only when asked for. */
#include "generate.h"

#include <sys/socket.h>

static void say_request(struct author *a)
{
	struct chance *c = &a->c;
	const char *method = PICK(a, "GET", "GET", "HEAD", "HEAD", "HEAD", "POST", "POST", "CONNECT", "PUT", "OPTIONS",
	                          "HEADER", "C", "CONN", "head");
	uint32_t size = 1 + below(c, one_in(c, 6) ? 1500 : 60);
	if (one_in(c, 8))
		say(a, "%s", PICK(a, "\r\n", "\n", "\r\n\r\n"));
	if (one_in(c, 12)) { /* no request */
		body(a, size);
		return;
	}
	say(a, "%s %s HTTP/1.%c\r\nHost: a\r\n", method, PICK(a, "/", "/HEAD / HTTP/1.1", "a.example:443", "*"),
	    one_in(c, 6) ? '0' : '1');
	if (one_in(c, 6))
		say(a, "%s\r\n", PICK(a, "Upgrade: websocket", "Expect: 100-continue", "Connection: close"));
	if (*method != 'P') {
		say(a, "\r\n");
	} else if (one_in(c, 2)) {
		say(a, "%sContent-Length: %u\r\n\r\n", one_in(c, 2) ? "Expect: 100-continue\r\n" : "", size);
		body(a, one_in(c, 10) ? size / 2 : size);
	} else {
		say(a, "Transfer-Encoding: chunked\r\n\r\n%x\r\n", size);
		body(a, size);
		say(a, "\r\n%s", one_in(c, 10) ? "" : "0\r\n\r\n");
	}
}

static void add_interim(struct author *a, int actor, int h)
{
	uint32_t at = a->p->ntext;
	say(a, "HTTP/1.1 %s\r\n\r\n",
	    PICK(a, "100 Continue", "100 Continue", "102 Processing", "102 Processing",
	         "103 Early Hints\r\nLink: </a.css>; rel=preload", "199 "));
	add_bytes(a, actor, h, at, a->p->ntext);
}

static void add_answer(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	uint32_t at = a->p->ntext, size = 1 + below(c, 300);
	switch (below(c, 6)) {
	case 0:
		say(a, "HTTP/1.1 %s\r\n\r\n",
		    PICK(a, "200 Connection established", "101 Switching Protocols\r\nUpgrade: x", "204 No Content",
		         "304 Not Modified"));
		break;
	case 1: /* as the answer to a HEAD */ say(a, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", size); break;
	default:
		say(a, "HTTP/1.1 200 OK\r\nContent-Length: %u\r\n\r\n", size);
		add_bytes(a, actor, h, at, a->p->ntext);
		at = a->p->ntext;
		body(a, size);
		break;
	}
	add_bytes(a, actor, h, at, a->p->ntext);
}

static void add_portion(struct author *a, int actor, int h, uint32_t at, uint32_t size, bool asks)
{
	struct line *l = line_of(a, h);
	struct op *o = add_on(a, READ, actor, h);
	o->how = (uint8_t)below(&a->c, READ_DOORS);
	o->at = at;
	o->size = size;
	if (asks)
		o->value = one_in(&a->c, 2) && can_arrive(l) ? ASKED | ANSWERED : ASKED;
}

/* The final answer takes long: interim heads come first, and after each of them a few bytes of what the client goes on
 * to send. */
static void add_long_dialogue(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	uint32_t at = a->p->ntext, most = room(a) / 2 - 4, rounds = most / 2 + below(c, most / 2);
	if (one_in(c, 2))
		say(a, "%s a.example:443 HTTP/1.1\r\nHost: a\r\n\r\n", PICK(a, "HEAD", "CONNECT"));
	while (a->p->ntext < at + rounds)
		say_request(a);
	for (uint32_t end = a->p->ntext; at < end && room(a) > 0;) {
		uint32_t size = rounds > 0 ? 1 + below(c, 4) / 3 : READ_MOST;
		size = size < end - at ? size : end - at;
		add_portion(a, actor, h, at, size, one_in(c, 8));
		at += size;
		rounds -= rounds > 0;
		if (rounds > 0 && !one_in(c, 12))
			add_interim(a, actor, h);
	}
}

void add_dialogue(struct author *a, int actor, int h)
{
	struct chance *c = &a->c;
	struct line *l = line_of(a, h);
	uint32_t at = a->p->ntext;
	if (l->quiet || at > TEXT - 64000)
		return;
	if (a->family == READS && room(a) > 100 && one_in(c, 4)) {
		add_long_dialogue(a, actor, h);
		return;
	}
	for (uint32_t n = 1 + below(c, 4); n > 0; n--)
		say_request(a);
	for (uint32_t end = a->p->ntext, rounds = 1 + below(c, 8); at < end && room(a) > 4;) {
		uint32_t left = end - at, size = 1 + below(c, left < 40 ? left : left / (1 + below(c, 20)));
		rounds -= rounds > 0;
		if (rounds == 0 || room(a) < 16)
			size = left < READ_MOST ? left : READ_MOST;
		add_portion(a, actor, h, at, size, one_in(c, 4));
		at += size;
		if (one_in(c, 3))
			add_interim(a, actor, h);
		else if (one_in(c, 3))
			add_answer(a, actor, h);
	}
	if (room(a) > 8)
		add_answer(a, actor, h);
}
