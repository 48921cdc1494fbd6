/* Proves how many messages may wait: a share of each thread, and what other threads give back. */
#include <criterion/criterion.h>
#include <pthread.h>

#include "clock.h"
#include "config.h"
#include "crowd.h"

static struct crowd_place places[4 * CROWD_MAX];

/* Takes places until there is none, `most` at most. Returns how many. */
static int take(struct crowd_place *p, int most)
{
	int n = 0;
	while (n < most && crowd_has_room(CROWD_HEADS))
		crowd_enter(CROWD_HEADS, &p[n++]);
	return n;
}

static void give(const struct crowd_place *p, int n)
{
	while (n-- > 0)
		crowd_leave(CROWD_HEADS, p++);
}

static void *give_all(void *p)
{
	give(p, CROWD_MAX);
	return NULL;
}

static void *take_all(void *n)
{
	static struct crowd_place own[2 * CROWD_MAX];
	*(int *)n = take(own, 2 * CROWD_MAX);
	return NULL;
}

static void in_another_thread(void *(*what)(void *), void *arg)
{
	pthread_t thread;
	cr_assert(pthread_create(&thread, NULL, what, arg) == 0);
	pthread_join(thread, NULL);
}

static void begin(void)
{
	config.timeout_ns = TIMEOUT_MAX_NS;
	crowd_tick(now_ns());
}

Test(crowd, a_share_is_so_many_at_a_time, .init = begin)
{
	int others = 0;
	cr_expect(take(places, 4 * CROWD_MAX) == CROWD_MAX);
	give(places, 5);
	in_another_thread(take_all, &others);
	cr_expect(others == CROWD_MAX);
	cr_expect(take(places, 4 * CROWD_MAX) == 5);
	cr_expect(crowd_has_room(CROWD_RESTS));
}

Test(crowd, any_number_one_after_another, .init = begin)
{
	for (int i = 0; i < 1000; i++) {
		cr_expect(take(places, 1) == 1);
		give(places, 1);
	}
}

Test(crowd, each_thread_has_a_share, .init = begin)
{
	int n = 0;
	take(places, 4 * CROWD_MAX);
	in_another_thread(take_all, &n);
	cr_expect(n == CROWD_MAX);
}

Test(crowd, what_another_thread_gives_back_is_free_for_all, .init = begin)
{
	int n = 0;
	for (int i = 0; i < 5; i++) {
		cr_expect(take(places, 4 * CROWD_MAX) == CROWD_MAX, "round %d", i);
		in_another_thread(give_all, places);
	}
	in_another_thread(take_all, &n);
	cr_expect(n == 2 * CROWD_MAX);
}

Test(crowd, what_waited_before_two_periods_has_lapsed, .init = begin)
{
	uint64_t now = now_ns();
	cr_expect(take(places, 4 * CROWD_MAX) == CROWD_MAX);
	crowd_tick(now + config.timeout_ns / 2);
	crowd_tick(now + 2 * config.timeout_ns);
	cr_expect(take(places, 1) == 0);
	crowd_tick(now + 4 * config.timeout_ns);
	cr_expect(take(places + CROWD_MAX, 4 * CROWD_MAX) == CROWD_MAX);
	give(places, CROWD_MAX);
	cr_expect(take(places, 1) == 0, "lapsed places are given back");
}

Test(crowd, a_share_is_made_anew_without_the_helper, .init = begin)
{
	config.timeout_ns = TIMEOUT_MIN_NS;
	cr_expect(take(places, CROWD_MAX) == CROWD_MAX && !crowd_has_room(CROWD_HEADS));
	for (uint64_t until = now_ns() + 10 * config.timeout_ns; now_ns() < until;) {}
	cr_expect(take(places, 4 * CROWD_MAX) == CROWD_MAX);
}

Test(crowd, nothing_waits_while_the_helper_is_behind, .init = begin)
{
	config.timeout_ns = TIMEOUT_DEFAULT_NS * 10;
	for (int i = 0; i < 2 * CROWD_MAX; i++)
		crowd_sent();
	crowd_tick(now_ns() + TIMEOUT_MAX_NS);
	cr_expect(crowd_has_room(CROWD_HEADS));
	for (int i = 0; i <= 2 * CROWD_MAX; i++)
		crowd_sent();
	crowd_tick(now_ns() + 2 * (uint64_t)TIMEOUT_MAX_NS);
	cr_expect(crowd_until != 0);
	crowd_until = now_ns() + config.timeout_ns;
	cr_expect(!crowd_has_room(CROWD_HEADS) && !crowd_has_room(CROWD_RESTS));
	crowd_until = now_ns() - 1;
	cr_expect(crowd_has_room(CROWD_HEADS) && crowd_until == 0);
}
