#include "stats_file.h"

#include <stddef.h>
#include <string.h>

const char *stats_trouble(const struct stats_head *h, uint64_t size)
{
	if (size < sizeof *h || memcmp(h->magic, STATS_MAGIC, sizeof h->magic) != 0)
		return "it is no file of counters";
	uint64_t rows = (uint64_t)h->counters + h->reasons;
	if (size > STATS_TOTAL_MAX || h->head_size < sizeof *h || h->head_size % 8 != 0 || h->slot_size % 8 != 0 ||
	    h->slots == 0 || rows > STATS_ROWS_MAX || rows * 8 > h->slot_size ||
	    h->head_size + (uint64_t)h->slots * h->slot_size > size)
		return "its sizes do not fit together";
	if (h->mode > STATS_OBSERVING || memchr(h->program, '\0', sizeof h->program) == NULL || h->program[0] == '\0')
		return "its head is damaged";
	return NULL;
}

static char *add_number(char *at, uint64_t number)
{
	char digits[20];
	size_t n = 0;
	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	while (n > 0)
		*at++ = digits[--n];
	return at;
}

static char *add_program(char *at, const char *program)
{
	for (; *program != '\0'; program++) {
		char c = *program, letter = (char)(c | 32);
		bool plain = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9') || c == '.' || c == '_' ||
		             c == '+';
		*at++ = (char)(plain ? c : '_');
	}
	return at;
}

void stats_total_name(char name[static STATS_NAME_MAX], const struct stats_head *h, uint32_t uid)
{
	char *at = add_number(name, uid);
	*at++ = '-';
	at = add_program(at, h->program);
	if (h->mode == STATS_OBSERVING)
		memcpy(at, STATS_OBSERVED, sizeof STATS_OBSERVED);
	else
		memcpy(at, STATS_TOTAL, sizeof STATS_TOTAL);
}

static void name_of(char *at, const char *program, int32_t pid, uint64_t started)
{
	at = add_program(at, program);
	*at++ = '-';
	at = add_number(at, (uint32_t)pid);
	*at++ = '-';
	memcpy(add_number(at, started), STATS_SUFFIX, sizeof STATS_SUFFIX);
}

void stats_name(char name[static STATS_NAME_MAX], const struct stats_head *h)
{
	name_of(name, h->program, h->pid, h->started);
}

const char *stats_name_trouble(const struct stats_head *h, const char *name)
{
	char right[STATS_NAME_MAX], *p = right;
	stats_name(right, h);
	for (; *p != '\0' && *p == *name; name++)
		p++;
	return *p == *name ? NULL : "its name is not the one that its head says";
}

void stats_noted_name(char name[static STATS_NAME_MAX], const struct stats_head *total)
{
	name_of(name, total->program, total->folded.pid, total->folded.started);
}

bool stats_is_noted(const struct stats_head *total, const struct stats_head *file)
{
	return total->processes > 0 && total->folded.pid == file->pid && total->folded.started == file->started &&
	       total->folded.began == file->began;
}

void stats_total_begin(struct stats_total *t, const struct stats_head *h)
{
	memset(t, 0, sizeof *t);
	memcpy(t->head.magic, h->magic, sizeof h->magic);
	memcpy(t->head.release, h->release, sizeof h->release);
	memcpy(t->head.program, h->program, sizeof h->program);
	t->head.head_size = sizeof t->head;
	t->head.slots = 1;
	t->head.slot_size = sizeof t->rows;
	t->head.began = h->began;
	t->head.mode = h->mode;
}

/* The rows that a release has added to a table come behind its others. */
bool stats_total_note(struct stats_total *t, const struct stats_head *h)
{
	uint32_t counters = h->counters > t->head.counters ? h->counters : t->head.counters;
	uint32_t reasons = h->reasons > t->head.reasons ? h->reasons : t->head.reasons;
	if (counters + reasons > STATS_ROWS_MAX)
		return false;
	memmove(t->rows + counters, t->rows + t->head.counters, t->head.reasons * sizeof *t->rows);
	memset(t->rows + t->head.counters, 0, (counters - t->head.counters) * sizeof *t->rows);
	memset(t->rows + counters + t->head.reasons, 0, (reasons - t->head.reasons) * sizeof *t->rows);
	t->head.counters = counters;
	t->head.reasons = reasons;
	t->head.processes += t->head.processes < UINT32_MAX;
	t->head.folded.pid = h->pid;
	t->head.folded.started = h->started;
	t->head.folded.began = h->began;
	return true;
}

void stats_add(uint64_t *sums, const uint64_t *more, uint32_t count)
{
	for (; count > 0; count--, sums++, more++)
		if (__builtin_add_overflow(*sums, *more, sums))
			*sums = UINT64_MAX;
}
