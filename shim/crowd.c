#include "crowd.h"

#include <string.h>

#include "clock.h"
#include "config.h"

_Thread_local struct crowd_share crowd_share __attribute__((tls_model("initial-exec")));
atomic_uint crowd_period;
_Atomic uint64_t crowd_until;

/* Places of this period that were given back by other threads than had taken them. */
static atomic_int free_places[CROWDS];
/* The helper's own: when the period began (CLOCK_MONOTONIC ns), and how many messages it has sent something of since.
 */
static uint64_t period_at;
static int sent;

/* Brings this thread's share into this period. */
static void go_on(unsigned period)
{
	struct crowd_share *s = &crowd_share, before = *s;
	if (before.period == period)
		return;
	*s = (struct crowd_share){ .period = period };
	if (before.period + 1 == period)
		memcpy(s->taken, before.recent, sizeof s->taken);
}

/* Where the helper begins no period, nothing waits for it any more, and the share makes itself anew. */
bool crowd_has_more(enum crowd kind)
{
	uint64_t until = atomic_load_explicit(&crowd_until, memory_order_relaxed), now = now_ns();
	if (until > now && until - now <= config.timeout_ns)
		return false;
	if (until != 0)
		atomic_store_explicit(&crowd_until, 0, memory_order_relaxed);
	go_on(atomic_load_explicit(&crowd_period, memory_order_relaxed));
	if (crowd_share.taken[kind] < CROWD_MAX || atomic_load_explicit(&free_places[kind], memory_order_relaxed) > 0)
		return true;
	if (crowd_share.none_at == 0)
		crowd_share.none_at = now;
	if (now - crowd_share.none_at <= 3 * config.timeout_ns)
		return false;
	crowd_share = (struct crowd_share){ .period = crowd_share.period };
	return true;
}

/* A place that is free becomes this thread's own. */
void crowd_enter_slowly(enum crowd kind, unsigned period)
{
	go_on(period);
	if (crowd_share.taken[kind] >= CROWD_MAX) {
		atomic_fetch_sub_explicit(&free_places[kind], 1, memory_order_relaxed);
		crowd_share.taken[kind]--;
	}
}

void crowd_free(enum crowd kind, const struct crowd_place *p)
{
	if (atomic_load_explicit(&crowd_period, memory_order_relaxed) - p->period <= 1)
		atomic_fetch_add_explicit(&free_places[kind], 1, memory_order_relaxed);
}

void crowd_begin(void)
{
	atomic_fetch_add_explicit(&crowd_period, 1, memory_order_relaxed);
	for (int kind = 0; kind < CROWDS; kind++)
		atomic_store_explicit(&free_places[kind], 0, memory_order_relaxed);
}

/* Each of many threads may have its share, and all together may be more than can be sent in time. The helper says so
 * once a period, and then nothing new waits for one timeout. */
void crowd_tick(uint64_t now)
{
	if (now - period_at < config.timeout_ns)
		return;
	if (sent > 2 * CROWD_MAX)
		atomic_store_explicit(&crowd_until, now + config.timeout_ns, memory_order_relaxed);
	sent = 0;
	period_at = now;
	crowd_begin();
}

void crowd_sent(void)
{
	sent++;
}
