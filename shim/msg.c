#include "msg.h"

#include <string.h>

#include "pool.h"

/* The list of free messages, in pages that the kernel wipes in a forked child. `lock` guards `first` and every
 * next_free. */
struct free_list {
	struct lock lock;
	struct msg *first;
};

static pool_place free_list;
atomic_int held_heads, held_rests;

struct msg *msg_new(int fd)
{
	struct free_list *list = pool_guarded(&free_list, sizeof *list);
	struct msg *m = NULL;
	size_t got;
	if (!pool_enter(&free_list, list))
		return NULL;
	if ((m = list->first) != NULL)
		list->first = m->next_free;
	lock_give(&list->lock);
	if (m == NULL) {
		if ((m = pool_take(sizeof *m, &got)) == NULL)
			return NULL;
		memset(m, 0, sizeof *m); /* the block may have been the buffer of a head */
	}
	/* A thread with a stale pointer may have locked it for an instant. If that thread left the lock, the message is
	 * not used again: whatever else that thread was about to do with it, it may still do. */
	if (lock_take(&m->lock) != LOCK_TAKEN)
		return NULL;
	m->fd = fd;
	msg_write(m); /* a call of the message's earlier life that is still on its way must not be booked here */
	m->error = 0;
	m->busy_looks = 0;
	m->flying = 0;
	m->uncounted = false;
	atomic_store_explicit(&m->usual_row, 0, memory_order_relaxed);
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
	struct free_list *list = pool_guarded(&free_list, sizeof *list);
	if (m->buf != NULL)
		pool_give(m->buf, m->cap);
	m->buf = NULL;
	m->cap = 0;
	msg_state(m, IDLE);
	atomic_store(&m->detached, 1);
	lock_give(&m->lock);
	if (!pool_enter(&free_list, list))
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
	pool_guarded(&free_list, sizeof(struct free_list));
}
