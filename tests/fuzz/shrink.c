/* Makes a program that differs as small as possible. */
#include "programs.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

int failures(const struct program *p, int tries, bool once, struct difference *d)
{
	struct side *which;
	int failed = 0;
	time_t limit = time(NULL) + 60;
	for (int i = 0; i < tries && !(once && failed) && time(NULL) < limit; i++)
		failed += run(p, &which, d);
	return failed;
}

static void without(struct program *p, const struct program *from, uint32_t first, uint32_t n)
{
	memcpy(p, from, sizeof *p);
	for (uint32_t i = first; i < first + n; i++) {
		const struct op *o = &from->ops[i];
		if (o->kind == THREAD || o->kind == FORK || o->kind == CLONE) /* the actor that began it takes over */
			for (uint32_t j = 0; j < p->nops; j++)
				if (p->ops[j].actor == o->other)
					p->ops[j].actor = p->ops[i].actor;
	}
	memmove(&p->ops[first], &p->ops[first + n], (p->nops - first - n) * sizeof *p->ops);
	p->nops -= n;
}

static bool still(struct program *p, const struct program *candidate, int tries)
{
	struct difference d;
	if (failures(candidate, tries, true, &d) == 0)
		return false;
	memcpy(p, candidate, sizeof *p);
	return true;
}

void shrink(struct program *p, int tries)
{
	struct program *candidate = malloc(sizeof *candidate);
	time_t limit = time(NULL) + 120;
	bool smaller = true;
	while (smaller && time(NULL) < limit) {
		smaller = false;
		for (uint32_t n = p->nops / 2; n > 0; n = n / 2)
			for (uint32_t i = 0; i + n <= p->nops && time(NULL) < limit;) {
				without(candidate, p, i, n);
				if (still(p, candidate, tries))
					smaller = true;
				else
					i += n;
			}
		/* a plainer door, no flags, fewer bytes */
		for (uint32_t i = 0; i < p->nops && time(NULL) < limit; i++)
			for (int how = 0; how < 3; how++) {
				memcpy(candidate, p, sizeof *p);
				struct op *o = &candidate->ops[i];
				bool piece = o->kind == PIECE || o->kind == SIGNAL;
				if (how == 0 && piece && (o->how != BY_WRITE || o->value != 0))
					o->how = BY_WRITE, o->value = 0;
				else if (how == 1 && o->size > 200)
					o->size /= 2;
				else if (how == 2 && o->kind == SIGNAL)
					o->kind = PIECE;
				else
					continue;
				smaller |= still(p, candidate, tries);
			}
		for (int c = 0; c < CONNS; c++) {
			memcpy(candidate, p, sizeof *p);
			candidate->plans[c] = (struct plan){ 0 };
			if (memcmp(&candidate->plans[c], &p->plans[c], sizeof(struct plan)) != 0)
				smaller |= still(p, candidate, tries);
		}
		memcpy(candidate, p, sizeof *p);
		candidate->ticks = candidate->alt_stack = candidate->no_stdin = false;
		memset(candidate->end, 0, sizeof candidate->end);
		if (memcmp(candidate, p, offsetof(struct program, text)) != 0)
			smaller |= still(p, candidate, tries);
	}
	free(candidate);
}
