#include "msg.h"

#include <string.h>

#include "pool.h"

/* The list of free messages, in pages that the kernel wipes in a forked child. */
struct free_list {
	struct lock lock;
	struct msg *first; /* guarded by `lock`, with every next_free behind it */
	/* Messages are pushed one by one, and taken all at once by the thread that has the lock, when `first` is
	 * NULL. So none is lost where the lock cannot be had. */
	struct msg *_Atomic given_back;
};

static pool_place free_list;

static void give_back(struct free_list *list, struct msg *m)
{
	m->next_free = atomic_load(&list->given_back);
	while (!atomic_compare_exchange_weak(&list->given_back, &m->next_free, m)) {}
}

/* Returns a free message whose lock the caller has, and gives the list's lock back; NULL: there is none. A thread with
 * a stale pointer may have locked a free message for an instant, or may have left its lock for good, having jumped:
 * such a message goes to the end. */
static struct msg *take_free(struct free_list *list)
{
	struct msg *m, *locked = NULL, *next;
	if (list->first == NULL)
		list->first = atomic_exchange(&list->given_back, NULL);
	while ((m = list->first) != NULL) {
		list->first = m->next_free;
		if (lock_try(&m->lock))
			break;
		m->next_free = locked;
		locked = m;
	}
	lock_give(&list->lock);
	for (; locked != NULL; locked = next) {
		next = locked->next_free;
		give_back(list, locked);
	}
	return m;
}

static struct msg *take_fresh(void)
{
	size_t got;
	struct msg *m = pool_take(sizeof *m, &got);
	if (m == NULL)
		return NULL;
	memset(m, 0, sizeof *m); /* the block may have been the buffer of a head */
	return lock_try(&m->lock) ? m : NULL;
}

struct msg *msg_new(int fd)
{
	struct free_list *list = pool_guarded(&free_list, sizeof *list);
	if (!pool_enter(&free_list, list))
		return NULL;
	struct msg *m = take_free(list);
	if (m == NULL && (m = take_fresh()) == NULL)
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
	char *buf = m->buf;
	m->buf = NULL;
	atomic_signal_fence(memory_order_seq_cst); /* as in msg_reserve_slowly() */
	if (buf != NULL)
		pool_give(buf, m->cap);
	m->cap = 0;
	msg_state(m, IDLE);
	atomic_store(&m->detached, 1);
	lock_give(&m->lock);
	if (list != NULL)
		give_back(list, m);
}

bool msg_reserve_slowly(struct msg *m, size_t need)
{
	if (need > HTTP_HEAD_MAX)
		return false;
	size_t got;
	char *bigger = pool_take(need < 512 ? 512 : need, &got);
	if (bigger == NULL)
		return false;
	char *old = m->buf;
	size_t old_cap = m->cap;
	if (old != NULL)
		memcpy(bigger, old, m->len);
	/* In this order: a signal handler that jumps away in between must not leave the message with memory that was
	 * given away, or with less than it believes to have. */
	m->buf = bigger;
	atomic_signal_fence(memory_order_seq_cst);
	m->cap = got;
	atomic_signal_fence(memory_order_seq_cst);
	if (old != NULL)
		pool_give(old, old_cap);
	return true;
}

void msg_forget_all(void)
{
	atomic_store(&free_list, NULL);
	pool_guarded(&free_list, sizeof(struct free_list));
}
