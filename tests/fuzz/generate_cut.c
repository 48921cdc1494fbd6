/* Chooses where one write of a message ends and the next begins. */
#include "generate.h"

static void queue(struct line *l, uint32_t at, uint32_t end)
{
	if (end > at && l->tail < QUEUE)
		l->queue[l->tail++] = (struct piece){ at, end - at };
	else if (end > at) /* the queue is full, so the last piece takes these bytes as well */
		l->queue[l->tail - 1].size = end - l->queue[l->tail - 1].at;
}

static void cut_lines(struct author *a, struct line *l, uint32_t at, uint32_t end)
{
	const char *text = a->p->text;
	uint32_t from = at;
	for (uint32_t i = at; i < end; i++)
		if (text[i] == '\n') {
			queue(l, from, i + 1);
			from = i + 1;
		}
	queue(l, from, end);
}

void cut_at_random(struct author *a, struct line *l, uint32_t at, uint32_t end, uint32_t cuts)
{
	while (cuts-- > 0 && end > at) {
		uint32_t cut = at + below(&a->c, (end - at) / (cuts + 1) + 1);
		queue(l, at, cut);
		at = cut;
	}
	queue(l, at, end);
}

void cut_message(struct author *a, struct line *l, uint32_t at, uint32_t middle, uint32_t end, const uint32_t *seams,
                 int nseams)
{
	switch (below(&a->c, 12)) {
	case 0: /* all at once */ queue(l, at, end); return;
	case 1: /* the head line by line */ cut_lines(a, l, at, middle); break;
	case 2: /* the empty line alone */
		if (middle - at > 2) {
			queue(l, at, middle - 2);
			queue(l, middle - 2, middle);
		} else {
			queue(l, at, middle);
		}
		break;
	case 3: /* the head in random pieces */ cut_at_random(a, l, at, middle, 1 + below(&a->c, 4)); break;
	case 4: /* the head and a part of the body */
		if (end > middle) {
			uint32_t cut = middle + below(&a->c, end - middle);
			queue(l, at, cut);
			queue(l, cut, end);
			return;
		}
		queue(l, at, middle);
		break;
	case 5: /* anywhere */ cut_at_random(a, l, at, end, 1 + below(&a->c, 6)); return;
	case 6: /* the last bytes of the head with the first of the body */
		if (middle - at > 4 && end > middle) {
			uint32_t cut = at + 1 + below(&a->c, middle - at - 1);
			queue(l, at, cut);
			cut_at_random(a, l, cut, end, below(&a->c, 3));
			return;
		}
		queue(l, at, middle);
		break;
	case 7: /* byte by byte */
		if (middle - at > 24) {
			for (uint32_t i = 0; i < 24; i++)
				queue(l, at + i, at + i + 1);
			queue(l, at + 24, middle);
		} else {
			queue(l, at, middle);
		}
		break;
	default: /* as most programs do */ queue(l, at, middle); break;
	}
	if (nseams > 0 && !one_in(&a->c, 4)) {
		uint32_t from = middle;
		for (int i = 0; i < nseams; i++) {
			queue(l, from, seams[i]);
			from = seams[i];
		}
		queue(l, from, end);
	} else if (one_in(&a->c, 3)) {
		cut_at_random(a, l, middle, end, 1 + below(&a->c, 5));
	} else {
		queue(l, middle, end);
	}
}
