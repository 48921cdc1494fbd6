#include "msg.h"

#include <string.h>
#include <sys/mman.h>

#include "pool.h"

/* The list of free messages, in pages that the kernel wipes in a forked child. `lock` guards `first` and every
 * next_free. */
struct free_list {
	struct lock lock;
	struct msg *first;
};

static struct free_list *_Atomic free_list;
atomic_int held_heads, held_rests;

static struct free_list *list_get(void)
{
	struct free_list *list = atomic_load(&free_list), *fresh;
	if (list != NULL || (fresh = pool_pages(sizeof *fresh)) == NULL)
		return list;
	if (atomic_compare_exchange_strong(&free_list, &list, fresh))
		return fresh;
	munmap(fresh, sizeof *fresh);
	return list;
}

/* A list that a thread has jumped out of is left as it is, and the next one begins (as in pool.c). */
static bool enter(struct free_list *list)
{
	enum lock_result result = list != NULL ? lock_take(&list->lock) : LOCK_MINE;
	if (result == LOCK_BUSY)
		atomic_compare_exchange_strong(&free_list, &(struct free_list *){ list }, NULL);
	return result == LOCK_TAKEN;
}

struct msg *msg_new(int fd)
{
	struct free_list *list = list_get();
	struct msg *m = NULL;
	size_t got;
	if (!enter(list))
		return NULL;
	if ((m = list->first) != NULL)
		list->first = m->next_free;
	lock_give(&list->lock);
	if (m == NULL && (m = pool_take(sizeof *m, &got)) == NULL)
		return NULL;
	if (lock_take(&m->lock) != LOCK_TAKEN) /* A thread with a stale pointer may have locked it for an instant. */
		return NULL;
	m->fd = fd;
	msg_write(m); /* a call of the message's earlier life that is still on its way must not be booked here */
	m->error = 0;
	m->busy_looks = 0;
	m->flying = 0;
	m->cookie = m->due = 0;
	m->deadline = (struct deadline){ 0 };
	m->len = m->sent = m->known = 0;
	m->late = NULL;
	m->habit = (struct habit){ 0 };
	atomic_store(&m->late_waits, 0);
	m->kernel = m->corked = m->request = m->sure = m->out_of_sight = m->close_later = false;
	atomic_store(&m->read_since, 0);
	atomic_store(&m->calling, NOT_CALLING);
	atomic_store(&m->detached, 0);
	atomic_store(&m->state, IDLE);
	return m;
}

void msg_free(struct msg *m)
{
	struct free_list *list = list_get();
	if (m->buf != NULL)
		pool_give(m->buf, m->cap);
	m->buf = NULL;
	m->cap = 0;
	msg_state(m, IDLE);
	atomic_store(&m->detached, 1);
	lock_give(&m->lock);
	if (!enter(list))
		return;
	m->next_free = list->first;
	list->first = m;
	lock_give(&list->lock);
}

bool msg_reserve_slowly(struct msg *m, size_t need)
{
	if (need > HTTP_HEAD_MAX)
		return false;
	size_t got;
	char *bigger = pool_take(need < 512 ? 512 : need, &got);
	if (bigger == NULL)
		return false;
	if (m->buf != NULL) {
		memcpy(bigger, m->buf, m->len);
		pool_give(m->buf, m->cap);
	}
	m->buf = bigger;
	m->cap = got;
	return true;
}

void msg_forget_all(void)
{
	atomic_store(&free_list, NULL);
	list_get();
}
