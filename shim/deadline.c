#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/syscall.h>

#include "config.h"
#include "lock.h"
#include "pool.h"
#include "process.h"
#include "real.h"
#include "sandbox.h"
#include "task.h"
#include "thread.h"

/* After the last deadline the helper wakes once per timeout for LINGER_NS, so that a program which sends a message now
 * and then need not wake it. Then it sleeps for IDLE_NS, and ends. It checks whether it is the last thread of the
 * process: once per timeout if it is idle and the main thread has ended, else every LOOK_NS. */
#define LINGER_NS 100000000u
#define IDLE_NS   1000000000u
#define LOOK_NS   100000000u
#define SECOND_NS 1000000000u
#define AGAIN_NS  1000000000u /* from a failed attempt to create the thread to the next attempt */

enum { STOPPED, STARTING, RUNNING };
TAILQ_HEAD(list, deadline);

/* Lies in pages that the kernel wipes in a forked child, so a child has no helper. The atomic fields are written and
 * read in the default memory order. */
struct helper {
	struct lock lock; /* guards the thread's start and end; a thread that writes only tries it */
	/* atomic; RUNNING: there is a thread, and it will look at `pushed` once more before it ends */
	_Atomic int running;
	_Atomic int stopping; /* atomic; the thread is told to end */
	struct thread thread; /* guarded by `lock`, but for its number */
	sigset_t mask;        /* the signal mask of the thread that started it; set under `lock` before it runs */
	bool yielded;         /* guarded by `lock`: deadline_yield() has raised process_forbids until the next start */
	atomic_bool first_ends;          /* atomic; the main thread is about to end, or has ended */
	struct deadline *_Atomic pushed; /* atomic; the newcomers, the newest first */
	struct list list; /* in order of `due`; the helper's own, and guarded by `lock` while there is no thread */
	/* atomic; CLOCK_MONOTONIC ns: the thread could not be created then, and for AGAIN_NS none is tried; 0: never */
	_Atomic uint64_t hopeless_since;
	_Atomic uint64_t sleeps_until; /* atomic; ns; 0: it is awake, and will look at `pushed` before it sleeps */
	_Atomic uint32_t futex;        /* atomic; counted up to wake the thread */
	uint64_t second_at;            /* CLOCK_MONOTONIC ns of the last each_second(); the helper's own */
};

static struct helper *_Atomic helper;
static deadline_look *look;
static void (*each_second)(void);

void deadline_init(deadline_look *look_at, void (*at_most_each_second)(void))
{
	look = look_at;
	each_second = at_most_each_second;
}

static void insert(struct list *list, struct deadline *d)
{
	struct deadline *after = TAILQ_LAST(list, list); /* deadlines come nearly in order: search from the end */
	while (after != NULL && after->due > d->due)
		after = TAILQ_PREV(after, list, link);
	if (after != NULL)
		TAILQ_INSERT_AFTER(list, after, d, link);
	else
		TAILQ_INSERT_HEAD(list, d, link);
}

static void take_pushed(struct helper *h)
{
	struct deadline *d = atomic_exchange(&h->pushed, NULL), *older = NULL;
	while (d != NULL) { /* the newest comes first: reverse the list */
		struct deadline *next = d->pushed;
		d->pushed = older;
		older = d;
		d = next;
	}
	for (; older != NULL; older = d) {
		d = older->pushed;
		insert(&h->list, older);
	}
}

static void look_at_the_due(struct helper *h, uint64_t now)
{
	struct deadline *d;
	uint64_t next;
	while ((d = TAILQ_FIRST(&h->list)) != NULL && d->due <= now) {
		TAILQ_REMOVE(&h->list, d, link);
		next = look(d, now);
		if (next != 0) {
			d->due = next > now ? next : now + 1;
			insert(&h->list, d);
		}
	}
}

/* Sleep until `until`, or until a thread pushes a deadline that falls due earlier. */
static void sleep_until(struct helper *h, uint64_t until)
{
	uint32_t seen = atomic_load(&h->futex);
	atomic_store(&h->sleeps_until, until);
	if (atomic_load(&h->pushed) == NULL && !atomic_load(&h->stopping)) {
		struct own_moment t = clock_moment(until);
		own()->syscall(SYS_futex, &h->futex, FUTEX_WAIT_BITSET_PRIVATE, seen, &t, NULL, FUTEX_BITSET_MATCH_ANY);
	}
	atomic_store(&h->sleeps_until, 0);
}

static void wake(struct helper *h)
{
	int saved = errno;
	atomic_fetch_add(&h->futex, 1);
	own()->syscall(SYS_futex, &h->futex, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
	errno = saved;
}

bool deadline_outlives(void)
{
	return atomic_load(&helper) != NULL && task_are_left(2);
}

/* Deadlines that the previous helper left may be due later than is possible: the process has entered another time
 * namespace since, whose clock is behind. Then all of them count as due. */
static void forget_another_clock(struct helper *h)
{
	struct deadline *d;
	take_pushed(h);
	d = TAILQ_LAST(&h->list, list);
	if (d == NULL || d->due <= now_ns() + config.timeout_ns)
		return;
	TAILQ_FOREACH(d, &h->list, link)
	d->due = 0;
}

/* Look at deadlines until the helper is told to end, has been idle for long enough, or is the last thread. */
static void run(struct helper *h)
{
	uint64_t busy = now_ns(), asked = busy;
	while (!atomic_load(&h->stopping)) {
		take_pushed(h);
		look_at_the_due(h, now_ns());
		uint64_t now = now_ns();
		struct deadline *first = TAILQ_FIRST(&h->list);
		if (each_second != NULL && now - h->second_at >= SECOND_NS) {
			h->second_at = now;
			each_second();
		}
		bool ask = first == NULL || now - asked >= LOOK_NS;
		if (ask && task_are_left(1)) { /* what is held leaves before the exit handlers run, if it can */
			look_at_the_due(h, now + 2 * config.timeout_ns);
			break;
		}
		asked = ask ? now : asked;
		if (first != NULL) {
			busy = now;
			if (first->due > now)
				sleep_until(h, first->due < now + LOOK_NS ? first->due : now + LOOK_NS);
		} else if (now - busy < LINGER_NS) {
			sleep_until(h, now + config.timeout_ns);
		} else if (now - busy < LINGER_NS + IDLE_NS) {
			bool soon = atomic_load(&h->first_ends) || task_main_has_ended();
			sleep_until(h, now + (soon ? config.timeout_ns : LOOK_NS));
		} else if (atomic_load(&h->pushed) == NULL) {
			break;
		}
	}
}

/* The helper's thread. Once it has set `running` to STOPPED, a thread that pushes a deadline starts the next helper. A
 * deadline that was pushed just before that is still looked at by this one, unless another thread holds the lock: that
 * one is starting or stopping a helper, and takes care of it. */
static void *run_until_idle(void *arg)
{
	struct helper *h = arg;
	bool again = true;
	thread_begin(&h->thread);
	atomic_store(&h->running, RUNNING);
	forget_another_clock(h);
	while (again) {
		run(h);
		atomic_store(&h->running, STOPPED);
		again = atomic_load(&h->pushed) != NULL && !atomic_load(&h->stopping) && lock_try(&h->lock);
		if (again) {
			again = !atomic_exchange(&h->running, RUNNING);
			lock_give(&h->lock);
		}
	}
	if (task_are_left(1))
		own_sigmask(SIG_SETMASK, &h->mask, NULL);
	return NULL;
}

static struct helper *helper_get(void)
{
	struct helper *h = atomic_load(&helper), *mine;
	if (h == NULL) {
		if ((mine = pool_pages(sizeof *mine)) == NULL)
			return NULL;
		if (atomic_compare_exchange_strong(&helper, &h, mine))
			h = mine;
	}
	return h;
}

static bool is_hopeless(const struct helper *h)
{
	uint64_t since = atomic_load(&h->hopeless_since);
	return since != 0 && now_ns() - since < AGAIN_NS;
}

bool deadline_cannot_be_kept(void)
{
	const struct helper *h = atomic_load(&helper);
	return h != NULL && is_hopeless(h);
}

/* Start the helper, unless the last attempt failed less than AGAIN_NS ago. The caller holds the lock, and no signal
 * handler runs on its thread. */
static bool start_if_hopeful(struct helper *h)
{
	if (is_hopeless(h) || process_is_borrowed()) /* a child of vfork would start it in its own process */
		return false;
	if (TAILQ_FIRST(&h->list) == NULL)
		TAILQ_INIT(&h->list);
	atomic_store(&h->running, STARTING); /* no other thread relies on it before the lock is free (ensure) */
	if (sandbox_allows() && thread_start(&h->thread, run_until_idle, h)) {
		if (h->yielded)
			atomic_fetch_sub(&process_forbids, 1);
		h->yielded = false;
		return true;
	}
	atomic_store(&h->running, STOPPED);
	atomic_store(&h->hopeless_since, now_ns());
	return false;
}

/* Is nothing done about this signal? */
static bool is_ignored(int s, const struct sigaction *action)
{
	return action->sa_handler == SIG_IGN ||
	       (action->sa_handler == SIG_DFL && (s == SIGCHLD || s == SIGURG || s == SIGWINCH || s == SIGCONT));
}

/* Block all signals about which something is done; the caller restores *before later. Those without a handler are among
 * them because a new helper inherits the mask, and they may get a handler before it has begun. Signals that are ignored
 * are left alone: the kernel does not discard a blocked one, and it may interrupt another thread's call. Not inlined:
 * the stack may be a coroutine's, and small, and the caller calls pthread_create(). */
static __attribute__((noinline)) void block_signals(sigset_t *before)
{
	sigset_t blocked;
	struct sigaction action;
	int saved = errno;
	sigemptyset(&blocked);
	for (int s = 1; s < NSIG; s++) /* for its own signals (setuid in all threads) libc returns EINVAL */
		if (own()->sigaction(s, NULL, &action) == 0 && !is_ignored(s, &action))
			sigaddset(&blocked, s);
	errno = saved;
	own_sigmask(SIG_BLOCK, &blocked, before);
}

/* Is there a helper, or can one be started? Does not wait for another thread that is starting or stopping one. No
 * signal handler runs while the lock is held, for it might jump away with it. */
static bool ensure(struct helper *h)
{
	sigset_t before;
	if (atomic_load(&h->stopping))
		return false;
	/* STARTING and the lock is free: the thread was created, and has not begun to run. */
	if (atomic_load(&h->running) == RUNNING || (lock_is_free(&h->lock) && atomic_load(&h->running) == STARTING))
		return true;
	if (atomic_load(&h->running) == STOPPED && is_hopeless(h))
		return false;
	block_signals(&before);
	bool mine = lock_try(&h->lock);
	if (mine)
		h->mask = before;
	bool ok = mine && (atomic_load(&h->running) != STOPPED || start_if_hopeful(h));
	if (mine)
		lock_give(&h->lock);
	own_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

/* A helper must exist before anything is pushed, for a message that is watched is freed by the helper only. */
static __attribute__((noinline)) bool watch_slowly(struct deadline *d, uint64_t due)
{
	uint8_t watched = UNWATCHED;
	struct helper *h = helper_get();
	if (h == NULL || !ensure(h))
		return false;
	if (!atomic_compare_exchange_strong(&d->watched, &watched, BEING_WATCHED))
		return watched == WATCHED;
	d->due = deadline_tick(due);
	d->pushed = atomic_load(&h->pushed);
	while (!atomic_compare_exchange_weak(&h->pushed, &d->pushed, d)) {}
	watched = BEING_WATCHED;
	/* this fails if the helper has looked at d meanwhile, and the callback has forgotten it */
	atomic_compare_exchange_strong(&d->watched, &watched, WATCHED);
	/* if the helper has ended meanwhile and none can be started, d stays pushed, and the next helper looks at it */
	if (!ensure(h))
		return false;
	if (atomic_load(&h->sleeps_until) > deadline_tick(due))
		wake(h);
	return true;
}

/* On a busy connection the deadline is nearly always watched already, and the helper runs. */
bool deadline_watch(struct deadline *d, uint64_t due)
{
	const struct helper *h = atomic_load_explicit(&helper, memory_order_acquire);
	if (h != NULL && atomic_load(&d->watched) == WATCHED && atomic_load(&h->running) == RUNNING &&
	    !atomic_load(&h->stopping))
		return true;
	return watch_slowly(d, due);
}

uint64_t deadline_tick(uint64_t t)
{
	return t - t % config.timeout_ns;
}

void deadline_resume(void)
{
	struct helper *h = atomic_load(&helper);
	if (h == NULL || atomic_load(&h->running) || !lock_try(&h->lock))
		return; /* the thread that holds the lock is starting a helper, or will call this function later */
	bool left = !atomic_load(&h->running) && TAILQ_FIRST(&h->list) != NULL;
	lock_give(&h->lock);
	if (left || (!atomic_load(&h->running) && atomic_load(&h->pushed) != NULL))
		ensure(h);
}

enum stop {
	STOP,
	STOP_AND_YIELD, /* none is started for a second */
	STOP_FOR_GOOD,  /* none is started again, and one that has not ended in time ends as soon as it has a CPU */
};

static void stop(enum stop how)
{
	struct helper *h = atomic_load(&helper);
	int cancel = PTHREAD_CANCEL_DISABLE, saved = errno;
	/* pthread_join() is a cancellation point, and this thread will hold a lock */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (h != NULL && lock_take_patiently(&h->lock) == LOCK_TAKEN) { /* else another thread starts or stops it */
		if (h->thread.joinable) {
			if (how == STOP_AND_YIELD)
				atomic_store(&h->hopeless_since, now_ns());
			atomic_store(&h->stopping, 1);
			wake(h);
			thread_join(&h->thread);
			if (how != STOP_FOR_GOOD)
				atomic_store(&h->stopping, 0);
		}
		/* A thread that is about to hold in memory either sees this afterwards, or its hold is seen by the
		 * caller, which then releases what is held. */
		if (how == STOP_AND_YIELD && !h->yielded) {
			atomic_fetch_add(&process_forbids, 1);
			h->yielded = true;
		}
		lock_give(&h->lock);
	}
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}

void deadline_stop(void)
{
	stop(STOP);
}

void deadline_end(void)
{
	stop(STOP_FOR_GOOD);
}

bool deadline_yield(void)
{
	stop(STOP_AND_YIELD);
	return atomic_load(&helper) != NULL;
}

void deadline_thread_ends(void)
{
	struct helper *h = atomic_load(&helper);
	if (h != NULL && own_tid() == own_pid() && !atomic_exchange(&h->first_ends, true))
		wake(h);
}

void deadline_forget(void)
{
	atomic_store(&helper, NULL);
}
