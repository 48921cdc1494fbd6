#include "habit.h"

#include <stdatomic.h>
#include <string.h>

/* The process's record: a few kinds, each in the place that its number names. Several threads may write; no order
 * between them matters. */
struct agreed {
	uint16_t kind;
	uint8_t votes;       /* connections that agree: they decide when they are ENOUGH << doubled */
	uint8_t vain : 2;    /* on what; enum vain */
	uint8_t doubled : 3; /* so often they were wrong */
};
_Static_assert(sizeof(struct agreed) == 4, "it is read and written in one piece, on every machine");

enum { KINDS = 8, ENOUGH = 4, DOUBLED_MAX = 4, VOTES_MAX = 255 };

struct habit_record {
	_Atomic struct agreed kinds[KINDS];
	_Atomic uint8_t recorded; /* anything */
};
static struct habit_record private;
static struct habit_record *_Atomic record = &private;

const size_t habit_record_size = sizeof(struct habit_record);

static struct habit_record *get_record(void)
{
	return atomic_load_explicit(&record, memory_order_acquire);
}

static _Atomic struct agreed *place_of(uint16_t kind)
{
	return &get_record()->kinds[kind % KINDS];
}

/* Other processes may have written anything. */
static bool decides(struct agreed a)
{
	return a.votes >= ENOUGH << a.doubled && a.vain <= MORE_IN_VAIN;
}

/* The first letters of each field's name, in their order: enough to tell one kind from another, and no value is read.
 */
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

/* What others learn meanwhile may be lost, and is learned again. */
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
	struct agreed a = atomic_load(place_of(kind));
	if (a.kind != kind)
		a = (struct agreed){ .kind = kind };
	if (a.vain != vain)
		a.votes = 0;
	a.vain = vain & 3u;
	a.votes += a.votes < VOTES_MAX;
	atomic_store(place_of(kind), a);
	atomic_store(&get_record()->recorded, 1);
}

void habit_end(struct habit *h)
{
	struct agreed a = atomic_load(place_of(h->kind));
	if (a.kind == h->kind) {
		a.doubled = (a.doubled + (decides(a) && a.doubled < DOUBLED_MAX)) & 7u;
		a.votes = 0;
		atomic_store(place_of(h->kind), a);
	}
	h->kind = 0;
	h->vain = NOT_IN_VAIN;
}

enum vain habit_says(struct habit *h, uint16_t kind)
{
	if (!h->asked) {
		struct agreed a = atomic_load(place_of(kind));
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
