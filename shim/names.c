#include "names.h"

#include <errno.h>
#include <string.h>

#include "rarely.h"

/* If a process has more names of one socket, or more such sockets at a time, not all are remembered. */
enum { NAMES = 4, SOCKETS = 256 };

RARELY static struct named {
	_Atomic uint64_t cookie;
	_Atomic int numbers[NAMES]; /* each is the descriptor plus one; 0: none */
} sockets[SOCKETS];

static uint64_t cookie_of(struct conn *c)
{
	uint64_t cookie = atomic_load_explicit(&c->cookie, memory_order_relaxed);
	if (cookie == 0 && !process_is_borrowed()) { /* in a vfork's child the number may be another socket's */
		int saved = errno;
		cookie = conn_cookie_of(conn_number(c), 0);
		atomic_store_explicit(&c->cookie, cookie, memory_order_relaxed);
		errno = saved;
	}
	return cookie;
}

/* The connection that entry i of the table stands for, or NULL if it is no name of this socket any more. */
static struct conn *name_at(const struct named *s, unsigned i, uint64_t cookie)
{
	struct conn *c = conn_find(atomic_load_explicit(&s->numbers[i], memory_order_relaxed) - 1);
	return c != NULL && atomic_load_explicit(&c->cookie, memory_order_relaxed) == cookie ? c : NULL;
}

/* Finds the socket's entry in the table, and enters this number if it is not there (*is_new). The cookie is not 0. */
static struct named *entry_of(struct conn *c, uint64_t cookie, bool *is_new)
{
	struct named *s = &sockets[cookie % SOCKETS];
	unsigned empty = 0;
	*is_new = false;
	if (atomic_load_explicit(&s->cookie, memory_order_relaxed) != cookie) {
		for (unsigned i = 0; i < NAMES; i++)
			atomic_store_explicit(&s->numbers[i], 0, memory_order_relaxed);
		atomic_store_explicit(&s->cookie, cookie, memory_order_relaxed);
	}
	for (unsigned i = 0; i < NAMES; i++) {
		const struct conn *at = name_at(s, i, cookie);
		if (at == c)
			return s;
		if (at == NULL)
			empty = i;
	}
	*is_new = true;
	atomic_store_explicit(&s->numbers[empty], conn_number(c) + 1, memory_order_relaxed);
	return s;
}

/* What is told is never certain: what one name reads may cross what another one writes. */
static void tell(const struct conn *from, struct conn *to)
{
	request_tell(&from->request, &to->request);
	if (atomic_load_explicit(&from->kind, memory_order_relaxed) == CONN_PASSED_OVER)
		atomic_store_explicit(&to->kind, CONN_PASSED_OVER, memory_order_relaxed);
}

void names_enter(struct conn *c)
{
	bool is_new;
	conn_set(c, CONN_NAMES);
	uint64_t cookie = cookie_of(c);
	const struct named *s = cookie != 0 ? entry_of(c, cookie, &is_new) : NULL;
	for (unsigned i = 0; s != NULL && is_new && i < NAMES; i++) {
		const struct conn *other = name_at(s, i, cookie);
		if (other != NULL && other != c) {
			tell(other, c);
			return;
		}
	}
}

void names_visit(struct conn *c, void (*visit)(const struct conn *c, struct conn *other))
{
	bool is_new;
	uint64_t cookie = conn_has(c, CONN_NAMES) ? cookie_of(c) : 0;
	const struct named *s = cookie != 0 ? entry_of(c, cookie, &is_new) : NULL;
	for (unsigned i = 0; s != NULL && i < NAMES; i++) {
		struct conn *other = name_at(s, i, cookie);
		if (other != NULL && other != c)
			visit(c, other);
	}
}

void names_forget_all(void)
{
	memset(sockets, 0, sizeof sockets);
}

void names_meet(struct conn *other, struct conn *c)
{
	bool is_new;
	uint64_t cookie = atomic_load_explicit(&other->cookie, memory_order_relaxed);
	conn_set(other, CONN_NAMES);
	if (cookie != 0)
		entry_of(other, cookie, &is_new);
	tell(other, c);
}

void names_tell_slowly(struct conn *c)
{
	names_visit(c, tell);
}
