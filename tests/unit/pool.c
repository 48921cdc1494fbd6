/* Memory without malloc: what becomes of it when a thread stays away, or goes for good, in the middle of a list. */
#include <criterion/criterion.h>
#include <pthread.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../../shim/pool.c" /* the test holds its lock */
#include "stopped.h"

struct guarded {
	struct lock lock;
};
static pool_place place;

static _Atomic pid_t owners_tid;
static atomic_bool done;

static void *own_it(void *guarded)
{
	cr_assert(pool_enter(&place, guarded));
	atomic_store(&owners_tid, gettid());
	while (!atomic_load(&done)) {} /* as the owner does: it does not sleep */
	lock_give(&((struct guarded *)guarded)->lock);
	return NULL;
}

Test(pool, structure_of_a_thread_without_a_cpu_is_kept, .timeout = 20)
{
	struct guarded *guarded = pool_guarded(&place, sizeof *guarded);
	pthread_t thread;
	int status;

	pthread_create(&thread, NULL, own_it, guarded);
	while (atomic_load(&owners_tid) == 0)
		usleep(1000);
	pid_t tracer = stop_thread(atomic_load(&owners_tid), 500);
	cr_assert(tracer > 0, "no process can stop a thread of its parent here");
	atomic_store(&done, true);
	for (int i = 0; i < 3; i++)
		cr_expect(!pool_enter(&place, guarded), "it was entered beside its owner");
	cr_expect(atomic_load(&place) == guarded, "it was given up");
	pthread_join(thread, NULL);
	cr_expect(pool_enter(&place, guarded), "it cannot be entered after its owner");
	cr_expect(waitpid(tracer, &status, 0) == tracer && status == 0);
}

static void *leave_it(void *guarded)
{
	cr_assert(pool_enter(&place, guarded));
	return NULL;
}

Test(pool, structure_that_a_thread_has_left_is_given_up, .timeout = 20)
{
	struct guarded *guarded = pool_guarded(&place, sizeof *guarded);
	pthread_t thread;

	pthread_create(&thread, NULL, leave_it, guarded);
	pthread_join(thread, NULL);
	cr_expect(!pool_enter(&place, guarded), "it was entered");
	struct guarded *another = pool_guarded(&place, sizeof *another);
	cr_expect(another != guarded, "it is there for ever");
	cr_expect(pool_enter(&place, another));
}

/* As a handler finds it that interrupts its thread right behind the first instruction of taking, and jumps away. */
static void *leave_it_without_a_number(void *guarded)
{
	atomic_store(&((struct guarded *)guarded)->lock.word, thread_self());
	while (!atomic_load(&done))
		usleep(1000);
	return NULL;
}

Test(pool, structure_that_bears_no_number_is_given_up, .timeout = 20)
{
	struct guarded *guarded = pool_guarded(&place, sizeof *guarded);
	pthread_t thread;

	pthread_create(&thread, NULL, leave_it_without_a_number, guarded);
	while (lock_is_free(&guarded->lock))
		usleep(1000);
	cr_expect(!pool_enter(&place, guarded) && !pool_enter(&place, guarded), "it was entered");
	cr_expect(atomic_load(&place) == NULL, "it is there for ever");
	atomic_store(&done, true);
	pthread_join(thread, NULL);
}

Test(pool, structure_that_its_own_thread_has_left_is_given_up)
{
	struct guarded *guarded = pool_guarded(&place, sizeof *guarded);

	cr_assert(pool_enter(&place, guarded));
	cr_expect(!pool_enter(&place, guarded), "it was entered twice");
	cr_expect(atomic_load(&place) == guarded, "the owner may have been interrupted just now");
	cr_expect(!pool_enter(&place, guarded), "it was entered twice");
	cr_expect(atomic_load(&place) == NULL, "it is there for ever");
}

static void *stay_elsewhere(void *guarded)
{
	cr_assert(pool_enter(&place, guarded));
	atomic_store(&owners_tid, gettid());
	while (!atomic_load(&done)) {} /* it jumped, and does something else */
	return NULL;
}

Test(pool, structure_of_a_thread_that_works_elsewhere_is_given_up, .timeout = 20)
{
	struct guarded *guarded = pool_guarded(&place, sizeof *guarded);
	pthread_t thread;

	pthread_create(&thread, NULL, stay_elsewhere, guarded);
	while (atomic_load(&owners_tid) == 0)
		usleep(1000);
	for (int i = 0; i < 1000 && atomic_load(&place) == guarded; i++)
		cr_expect(!pool_enter(&place, guarded), "it was entered");
	cr_expect(atomic_load(&place) != guarded, "it is there for ever");
	atomic_store(&done, true);
	pthread_join(thread, NULL);
}

static struct pool *owned;

static void *own_the_pool(void *unused)
{
	cr_assert(lock_try(&owned->lock));
	atomic_store(&owners_tid, gettid());
	while (!atomic_load(&done))
		usleep(1000);
	lock_give(&owned->lock);
	return unused;
}

Test(pool, block_is_not_lost_where_the_lock_cannot_be_had, .timeout = 20)
{
	size_t got;
	void *block = pool_take(512, &got);
	pthread_t thread;

	owned = atomic_load(&pool);
	cr_assert(block != NULL && owned != NULL);
	pthread_create(&thread, NULL, own_the_pool, NULL);
	while (atomic_load(&owners_tid) == 0)
		usleep(1000);
	pool_give(block, got);
	atomic_store(&done, true);
	pthread_join(thread, NULL);
	cr_expect(pool_take(512, &got) == block, "another block was taken");
}
