#include "due.h"

#include <errno.h>
#include <linux/sockios.h>
#include <stddef.h>
#include <sys/ioctl.h>

#include "config.h"
#include "crowd.h"
#include "emit.h"
#include "late.h"
#include "real.h"
#include "release.h"
#include "note.h"
#include "turn.h"
#include "vain.h"

enum identity { THE_SOCKET, ANOTHER, CANNOT_TELL };

/* Is the message's descriptor number still its socket? The helper has no descriptor of its own: it sends by the
 * program's number, in the turn, without waiting. A hook that closes or replaces the number waits for the turn first,
 * so the answer holds until the send. Only a close that no hook sees can come between. */
static enum identity identify(const struct msg *m)
{
	uint64_t cookie = conn_cookie_of(m->fd, m->cookie);
	if (cookie == m->cookie)
		return THE_SOCKET;
	return cookie != 0 || errno == EBADF || errno == ENOTSOCK ? ANOTHER : CANNOT_TELL;
}

/* Do all the bytes that the kernel holds come from the last write, because the earlier ones have left in full segments,
 * and is that write younger than the timeout? Then m->due is set to one timeout after it. */
static bool is_young(struct msg *m, uint64_t now)
{
	int unsent = 0;
	if (m->state != REST || now - m->last_write_at >= config.timeout_ns ||
	    libc()->ioctl(m->fd, SIOCOUTQNSD, &unsent) != 0 || (uint64_t)unsent > m->last_write_size)
		return false;
	m->due = m->last_write_at + config.timeout_ns;
	return true;
}

/* May a short segment before the held bytes be unacknowledged? The ACK of the previous message makes the kernel send
 * what it has of this one by then. If that is a short segment, the rest waits for its ACK (Nagle's algorithm). */
static bool is_behind_a_short_one(const struct msg *m)
{
	const struct conn *c = conn_find(m->fd);
	return m->state == REST && c != NULL && atomic_load_explicit(&c->small, memory_order_relaxed);
}

static bool is_held(const struct msg *m)
{
	return m->state == HEAD || m->state == BODY || m->state == REST;
}

/* Send what is held, if the number is still the message's socket. If it is another one for the helper, the message
 * keeps what it holds, for descriptors need not be the same in all threads: the program's next call on the number
 * decides. The caller has the turn. */
static void emit_due(struct msg *m, uint64_t now)
{
	struct hold_rule rule = hold_decide(config.join, m->state, RELEASE);
	enum identity who = identify(m);
	m->out_of_sight = who == ANOTHER;
	if (who == ANOTHER) {
		note(m, m->fd, m->state, RELEASE, NOTHING, WHY_OUT_OF_SIGHT, m->len - m->sent);
	} else if (who == THE_SOCKET && !is_young(m, now)) {
		note(m, m->fd, m->state, RELEASE, rule.action, WHY_DEADLINE, m->len - m->sent);
		vain_met_the_deadline(m);
		bool nagled = is_behind_a_short_one(m);
		crowd_sent();
		release_held(m, rule.next);
		if (m->state == FAILED && config.counts)
			stats_count(COUNT_ERRORS, 1);
		if (nagled && m->state == rule.next)
			emit_nudge(m->fd);
	} /* else the helper looks again later */
}

/* Books one more look at the owner of the turn. True: it has left the turn for good. Either it has jumped out of it,
 * and LOOKS_JUMPED looks in a row found no change; or for GONE_NS it has not given the turn back, not been in a system
 * call and not begun another write, so it left by a way that no hook saw. LOOKS_GONE looks are wanted besides, since
 * the process may have been stopped. In both cases the owner must be elsewhere, and not where it was and without a CPU.
 */
static bool watch_owner(struct msg *m, uintptr_t word, uint64_t now)
{
	enum { LOOKS_JUMPED = 3, JUMPED_NS = 10000000, LOOKS_GONE = 10, GONE_NS = 1000000000 };
	unsigned writes = atomic_load_explicit(&m->writes, memory_order_relaxed);
	if (m->busy_looks == 0 || word != m->busy_word || writes != m->busy_writes) {
		m->busy_looks = 0;
		m->busy_word = word;
		m->busy_writes = writes;
		m->busy_since = now;
	}
	if (m->busy_looks < UINT8_MAX)
		m->busy_looks++;
	if (m->busy_looks == 2) /* most owners are done by then, and need not be asked for */
		m->busy_ran = lock_owner_ran(&m->lock);
	bool long_ago = m->busy_looks >= LOOKS_GONE && now - m->busy_since >= GONE_NS;
	if (word & LOCK_JUMPED)
		return m->busy_looks >= LOOKS_JUMPED && (lock_owner_is_elsewhere(&m->lock, m->busy_ran, JUMPED_NS) ||
		                                         (long_ago && lock_is_jumped_for_good(&m->lock)));
	return long_ago && atomic_load(&m->calling) == NOT_CALLING &&
	       lock_owner_is_elsewhere(&m->lock, m->busy_ran, GONE_NS);
}

/* Take the turn if it is free, or take it over if its owner has left it for good. False: another thread has it. */
static bool take_turn(struct msg *m, uint64_t now)
{
	uintptr_t word = 0;
	bool got_turn = lock_try(&m->lock), left = false;
	if (!got_turn) {
		word = atomic_load(&m->lock.word);
		left = watch_owner(m, word, now) && lock_take_over(&m->lock, word);
	}
	if (got_turn || left)
		m->busy_looks = 0;
	if (left)
		late_recover(m);
	return got_turn || left;
}

/* In how many nanoseconds to look again after the turn was found taken. Its owner does not wait, so that is soon; but
 * each time it is twice as long, up to the timeout, for a call that was not to wait may do so after all. */
static uint64_t look_again_in(const struct msg *m)
{
	enum { BUSY_NS = 50000, DOUBLED = 20 };
	uint64_t soon = (uint64_t)BUSY_NS << (m->busy_looks < DOUBLED ? m->busy_looks : DOUBLED);
	return lock_is_jumped(&m->lock) || soon > config.timeout_ns ? config.timeout_ns : soon;
}

/* Returns the time of the next look; 0: there is none, and the helper does not point to the message any more. */
static uint64_t look_at(struct msg *m, uint64_t now)
{
	if (!take_turn(m, now))
		return now + look_again_in(m);
	m->outer = turn_mark;
	if (atomic_load(&m->detached)) {
		msg_free(m);
		return 0;
	}
	if (is_held(m) && m->due != 0 && m->due <= now && !m->out_of_sight)
		emit_due(m, now);
	uint64_t next = 0;
	if (is_held(m) && m->due != 0 && !m->out_of_sight) /* not due yet, or it could not be sent */
		next = m->due > now ? m->due : now + config.timeout_ns;
	/* on a busy connection the next head would have it watched again at once */
	else if (now - m->last_write_at < config.timeout_ns)
		next = deadline_tick(now + config.timeout_ns);
	if (next == 0)
		atomic_store(&m->deadline.watched, UNWATCHED);
	if (next == 0)
		turn_give(m);
	else
		lock_give(&m->lock);
	return next;
}

uint64_t due_look(struct deadline *d, uint64_t now)
{
	crowd_tick(now);
	return look_at((struct msg *)((char *)d - offsetof(struct msg, deadline)), now);
}
