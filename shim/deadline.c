#include "deadline.h"

#include <errno.h>
#include <limits.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include "config.h"
#include "lock.h"
#include "ordinary.h"
#include "pool.h"
#include "process.h"
#include "real.h"
#include "sandbox.h"

/* After the last deadline the helper looks around for LINGER_NS, at the pace of the timeout, so that a program which
 * sends a message now and then wakes nobody; then it sleeps, and IDLE_NS later it ends. Meanwhile it looks now and then
 * whether it is the last thread: as often as before where the program's first one has ended, and else each LOOK_NS. */
#define LINGER_NS 100000000u
#define IDLE_NS   1000000000u
#define LOOK_NS   100000000u
#define STOP_NS   100000000u  /* the longest wait for a helper that was told to end */
#define LEAVE_NS  10000000u   /* the longest wait for one that is at its end already */
#define AGAIN_NS  1000000000u /* after a thread could not be created: the next attempt */
#define STACK     (1 << 20)   /* should it be the last thread, the program's exit handlers run on it */

enum { STOPPED, STARTING, RUNNING };

TAILQ_HEAD(list, deadline);

/* In pages that fork wipes: a child has no helper. */
struct helper {
	struct lock lock; /* guards the thread's start and end; never waited for by a writer */
	/* RUNNING: there is a thread, and it will look at `pushed` once more before it ends */
	_Atomic int running;
	_Atomic int stopping; /* ... and it shall end */
	bool joinable;        /* `thread` has not been joined yet */
	pthread_t thread;
	_Atomic pid_t tid; /* the kernel's name for it */
	sigset_t mask;     /* of who started it: exit handlers find it, should this be the last thread */
	/* it made room for the program's: process_forbids is raised until the next one */
	bool yielded;
	atomic_bool first_ends; /* the program's first thread ends, or has ended */
	struct deadline *_Atomic pushed;
	struct list list; /* the helper's own, in order of due */
	/* CLOCK_MONOTONIC ns: no thread could be created, and for AGAIN_NS nobody tries; 0: never */
	_Atomic uint64_t hopeless_since;
	_Atomic uint64_t sleeps_until; /* 0: awake, will look at `pushed` before it sleeps */
	_Atomic uint32_t futex;
};

static struct helper *_Atomic helper;
static deadline_look *look;

void deadline_init(deadline_look *callback)
{
	look = callback;
}

static void insert(struct list *list, struct deadline *d)
{
	struct deadline *after = TAILQ_LAST(list, list); /* deadlines come in order, nearly: look from the end */
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
	while (d != NULL) { /* the newest comes first: turn them round */
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

static void look_at_the_due(struct helper *h)
{
	struct deadline *d;
	uint64_t now = now_ns(), next;
	while ((d = TAILQ_FIRST(&h->list)) != NULL && d->due <= now) {
		TAILQ_REMOVE(&h->list, d, link);
		next = look(d, now);
		if (next != 0) {
			d->due = next > now ? next : now + 1;
			insert(&h->list, d);
		}
	}
}

/* Sleep until `until`, or until somebody pushes what falls due earlier. */
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

/* Has the program's first thread ended? Its process has no image then. */
static bool has_ended(void)
{
	char image[1];
	return own()->syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", image, sizeof image) < 0 && errno == ENOENT;
}

/* How many links the directory of this process's threads has: two, and one for each. 0: not known. */
static unsigned long task_links(void)
{
#ifdef SYS_newfstatat
	struct stat task;
	return own()->syscall(SYS_newfstatat, AT_FDCWD, "/proc/self/task", &task, 0) == 0 ? (unsigned long)task.st_nlink
	                                                                                  : 0;
#else /* libc's struct stat64 is not always the kernel's */
	struct statx task;
	return own()->syscall(SYS_statx, AT_FDCWD, "/proc/self/task", 0, STATX_NLINK, &task) == 0 ? task.stx_nlink : 0;
#endif
}

/* Are there just n threads left that have not ended? /proc lists the first one, ended or not, as long as there are
 * others. Asking takes no descriptor. */
static bool are_left(unsigned n)
{
	unsigned long links = task_links();
	return links <= 2 + n + 1 && links == 2 + n + has_ended();
}

bool deadline_outlives(void)
{
	return atomic_load(&helper) != NULL && are_left(2);
}

/* What the helper before this one has left may be due later than anything can be: the process is in another name space
 * of time by now, whose clock is behind. Then all of it is due. */
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

static void run(struct helper *h)
{
	uint64_t busy = now_ns();
	while (!atomic_load(&h->stopping)) {
		take_pushed(h);
		look_at_the_due(h);
		uint64_t now = now_ns();
		struct deadline *first = TAILQ_FIRST(&h->list);
		if (first != NULL) {
			busy = now;
			if (first->due > now)
				sleep_until(h, first->due);
		} else if (are_left(1)) {
			break;
		} else if (now - busy < LINGER_NS) {
			sleep_until(h, now + config.timeout_ns);
		} else if (now - busy < LINGER_NS + IDLE_NS) {
			sleep_until(h,
			            now + (atomic_load(&h->first_ends) || has_ended() ? config.timeout_ns : LOOK_NS));
		} else if (atomic_load(&h->pushed) == NULL) {
			break;
		}
	}
}

/* The thread's end: from running = 0 on whoever pushes starts the next helper. What was pushed a moment before is this
 * one's still, unless somebody is about to start or to stop a helper just now: then it is theirs. */
static void *run_until_idle(void *arg)
{
	struct helper *h = arg;
	bool again = true;
	ordinary_self();
	atomic_store(&h->tid, own_tid());
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
	if (are_left(1))
		own_sigmask(SIG_SETMASK, &h->mask, NULL);
	return NULL;
}

/* A thread on which no handler runs, from its first instruction on. */
static int create(struct helper *h, size_t stack)
{
	pthread_attr_t attr;
	sigset_t all, before;
	const struct threads *t = threads();
	bool mask = t->pthread_attr_setsigmask_np != NULL; /* neither in musl nor before glibc 2.32 */
	if (LACKS(pthread_create))
		return EAGAIN; /* before glibc 2.34, in a program without threads */
	sigfillset(&all);      /* libc's own signals (setuid in all threads) stay open: libc sees to that */
	t->pthread_attr_init(&attr);
	if (!ordinary_attributes(&attr)) {
		t->pthread_attr_destroy(&attr);
		return EAGAIN;
	}
	if (stack != 0)
		t->pthread_attr_setstacksize(&attr, stack);
	if (mask)
		t->pthread_attr_setsigmask_np(&attr, &all);
	else
		own_sigmask(SIG_SETMASK, &all, &before);
	int error = libc()->pthread_create(&h->thread, &attr, run_until_idle, h);
	if (!mask)
		own_sigmask(SIG_SETMASK, &before, NULL);
	t->pthread_attr_destroy(&attr);
	if (error == 0)
		ordinary_created(h->thread);
	return error;
}

static bool join(struct helper *h, uint64_t until);

/* The caller has the lock, and no handler runs on its thread. */
static bool start(struct helper *h)
{
	int saved = errno;
	int cancel = PTHREAD_CANCEL_DISABLE;
	/* a join can be cancelled, and our caller has a lock */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	bool gone = !h->joinable || join(h, now_ns() + LEAVE_NS); /* it gave up `running`, so it is at its end */
	if (gone) {
		int error = create(h, STACK);
		if (error == EINVAL) /* a program with large thread-local storage */
			error = create(h, 0);
		h->joinable = error == 0;
	}
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
	return gone && h->joinable;
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

static bool start_if_hopeful(struct helper *h)
{
	if (is_hopeless(h) || process_is_borrowed()) /* a child of vfork would start it in its own process */
		return false;
	if (TAILQ_FIRST(&h->list) == NULL)
		TAILQ_INIT(&h->list);
	atomic_store(&h->running, STARTING); /* if it can: until then nobody else counts on it */
	if (sandbox_allows() && start(h)) {
		if (h->yielded)
			atomic_fetch_sub(&process_forbids, 1);
		h->yielded = false;
		return true;
	}
	atomic_store(&h->running, STOPPED);
	atomic_store(&h->hopeless_since, now_ns());
	return false;
}

/* No handler runs until *before is restored. A signal that has none is left as it is: one that is blocked is not
 * ignored but kept, and interrupts another thread's call. */
static void block_handlers(sigset_t *before)
{
	sigset_t handled;
	struct sigaction action;
	int saved = errno;
	sigemptyset(&handled);
	for (int s = 1; s < NSIG; s++) /* not libc's own (setuid in all threads): it says EINVAL to them */
		if (own()->sigaction(s, NULL, &action) == 0 && action.sa_handler != SIG_DFL &&
		    action.sa_handler != SIG_IGN)
			sigaddset(&handled, s);
	errno = saved;
	own_sigmask(SIG_BLOCK, &handled, before);
}

/* Is there a helper, or can there be? Nobody waits to know, not while another thread starts or stops one. No handler
 * runs meanwhile: it might jump away with the lock. */
static bool ensure(struct helper *h)
{
	sigset_t before;
	if (atomic_load(&h->stopping))
		return false;
	/* Who has made the thread gave the lock back, and it has not begun. */
	if (atomic_load(&h->running) == RUNNING || (lock_is_free(&h->lock) && atomic_load(&h->running) == STARTING))
		return true;
	if (atomic_load(&h->running) == STOPPED && is_hopeless(h))
		return false;
	block_handlers(&before);
	bool mine = lock_try(&h->lock);
	if (mine)
		h->mask = before;
	bool ok = mine && (atomic_load(&h->running) != STOPPED || start_if_hopeful(h));
	if (mine)
		lock_give(&h->lock);
	own_sigmask(SIG_SETMASK, &before, NULL);
	return ok;
}

/* There is a helper before anything is pushed: what is watched is never freed but by one. */
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
	/* unless it was looked at meanwhile, and forgotten */
	atomic_compare_exchange_strong(&d->watched, &watched, WATCHED);
	/* it ended meanwhile, and there is no other: what was pushed stays watched, and the next one will look at it */
	if (!ensure(h))
		return false;
	if (atomic_load(&h->sleeps_until) > deadline_tick(due))
		wake(h);
	return true;
}

/* A busy connection's is watched already, by a helper that runs. */
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
		return; /* who has the lock starts one, or will resume it as we do */
	bool left = !atomic_load(&h->running) && TAILQ_FIRST(&h->list) != NULL;
	lock_give(&h->lock);
	if (left || (!atomic_load(&h->running) && atomic_load(&h->pushed) != NULL))
		ensure(h);
}

/* A joined thread is one of the process's threads for a moment still, as far as unshare() cares. */
static void see_it_go(struct helper *h, uint64_t until)
{
	static const struct timespec moment = { 0, 20000 };
	while (own()->syscall(SYS_tgkill, own_pid(), atomic_load(&h->tid), 0) == 0 && now_ns() < until)
		own()->syscall(SYS_nanosleep, &moment, NULL);
}

/* Bounded: a thread's end runs the destructors of its locals, and those may wait for a lock that our caller has. */
static bool join(struct helper *h, uint64_t until)
{
	static const struct timespec moment = { 0, 100000 };
	struct own_moment limit = clock_moment(until);
	if (threads()->pthread_clockjoin_np != NULL) /* neither in musl nor before glibc 2.31 */
		return threads()->pthread_clockjoin_np(h->thread, NULL, CLOCK_MONOTONIC, &limit) == 0;
	while (threads()->pthread_tryjoin_np(h->thread, NULL) != 0) {
		if (now_ns() > until)
			return false;
		own()->syscall(SYS_nanosleep, &moment, NULL);
	}
	return true;
}

static void stop(bool yield)
{
	struct helper *h = atomic_load(&helper);
	int cancel = PTHREAD_CANCEL_DISABLE, saved = errno;
	/* the join is a place to be cancelled, and we have a lock */
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	if (h != NULL && lock_take(&h->lock) == LOCK_TAKEN) { /* else another thread starts or stops it */
		uint64_t until = now_ns() + STOP_NS;
		if (h->joinable) {
			if (yield)
				atomic_store(&h->hopeless_since, now_ns());
			atomic_store(&h->stopping, 1);
			wake(h);
			h->joinable = !join(h, until);
			atomic_store(&h->stopping, 0);
			if (!h->joinable)
				see_it_go(h, until);
		}
		/* Who is about to hold in memory sees this, or is seen by who lets go of what is held. */
		if (yield && !h->yielded) {
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
	stop(false);
}

bool deadline_yield(void)
{
	stop(true);
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
