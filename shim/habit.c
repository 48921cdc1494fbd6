#include "habit.h"

#include <stdatomic.h>
#include <string.h>

/* What connections have learned about one kind of message. It is read and written as one atomic value, and no memory
 * order between such values matters. Threads and processes may overwrite each other's, which costs a vote at most. */
struct agreed {
	uint16_t kind;
	uint8_t votes;       /* how many connections agree; from ENOUGH << doubled on the record decides */
	uint8_t vain : 2;    /* what they agree on; enum vain */
	uint8_t doubled : 3; /* how often the record was wrong, DOUBLED_MAX at most */
};
_Static_assert(sizeof(struct agreed) == 4, "it is read and written in one piece, on every machine");

enum { KINDS = 8, ENOUGH = 4, DOUBLED_MAX = 4, VOTES_MAX = 255 };

/* The record of the process; all of it is atomic. A kind has the place kind % KINDS, and the last one that was written
 * there has it. */
struct habit_record {
	_Atomic struct agreed kinds[KINDS];
	_Atomic uint8_t recorded; /* not 0: something was recorded */
};
static struct habit_record private;
static struct habit_record *_Atomic record = &private;

const size_t habit_record_size = sizeof(struct habit_record);

static struct habit_record *get_record(void)
{
	return atomic_load_explicit(&record, memory_order_acquire);
}

static _Atomic struct agreed *record_of(uint16_t kind)
{
	return &get_record()->kinds[kind % KINDS];
}

/* Is this enough to decide? Another process may have written any value, so `vain` is checked. */
static bool decides(struct agreed a)
{
	return a.votes >= ENOUGH << a.doubled && a.vain <= MORE_IN_VAIN;
}

/* Of each field it takes the first four letters of the name: enough to tell one kind from another. */
uint16_t habit_kind(const char *head, const struct http_head *h)
{
	const char *end = head + h->size, *line = memchr(head, '\n', h->size);
	uint32_t hash = (uint32_t)h->request << 8 | (uint32_t)h->method << 6 | (uint32_t)h->body << 4 | h->status / 100;
	for (; line != NULL && end - line > 4; line = memchr(line + 1, '\n', (size_t)(end - line - 1))) {
		uint32_t name;
		memcpy(&name, line + 1, sizeof name);
		hash = (hash ^ (name | 0x20202020)) * 0x9e3779b1u;
		hash ^= hash >> 15;
	}
	hash ^= hash >> 16;
	return (uint16_t)hash != 0 ? (uint16_t)hash : 1;
}

/* What other threads record during the copy may be lost; they learn it again. */
void habit_share(struct habit_record *zeroed)
{
	struct habit_record *mine = get_record();
	for (int i = 0; i < KINDS; i++)
		atomic_store(&zeroed->kinds[i], atomic_load(&mine->kinds[i]));
	atomic_store(&zeroed->recorded, atomic_load(&mine->recorded));
	atomic_store_explicit(&record, zeroed, memory_order_release);
}

void habit_begin(struct habit *h, uint16_t kind, enum vain vain)
{
	h->kind = kind;
	h->vain = (uint8_t)vain;
	h->asked = true;
	if (h->counted)
		return;
	h->counted = true;
	struct agreed a = atomic_load(record_of(kind));
	if (a.kind != kind)
		a = (struct agreed){ .kind = kind };
	if (a.vain != vain)
		a.votes = 0;
	a.vain = vain & 3u;
	a.votes += a.votes < VOTES_MAX;
	atomic_store(record_of(kind), a);
	atomic_store(&get_record()->recorded, 1);
}

void habit_end(struct habit *h)
{
	struct agreed a = atomic_load(record_of(h->kind));
	if (a.kind == h->kind) {
		a.doubled = (a.doubled + (decides(a) && a.doubled < DOUBLED_MAX)) & 7u;
		a.votes = 0;
		atomic_store(record_of(h->kind), a);
	}
	h->kind = 0;
	h->vain = NOT_IN_VAIN;
}

enum vain habit_says(struct habit *h, uint16_t kind)
{
	if (!h->asked) {
		struct agreed a = atomic_load(record_of(kind));
		h->asked = true;
		if (a.kind == kind && decides(a)) {
			h->kind = kind;
			h->vain = a.vain;
		}
	}
	return h->kind == kind ? h->vain : NOT_IN_VAIN;
}

bool habit_any(const struct habit *h)
{
	return h->vain != NOT_IN_VAIN ||
	       (!h->asked && atomic_load_explicit(&get_record()->recorded, memory_order_relaxed));
}
