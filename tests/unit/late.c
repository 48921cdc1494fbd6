/* What a signal handler writes while its own thread has the turn: is it sent in order, wherever the handler comes? Here
 * a handler comes before each atomic access (of those that name no memory order) and system call of a thread that gives
 * its turn back, or that closes; three of them, at any three of such places. And what becomes of a message whose turn a
 * close cannot have, or loses? */
#include <criterion/criterion.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

static void handler_may_come(void);

#undef atomic_load
#undef atomic_store
#undef atomic_exchange
#undef atomic_compare_exchange_strong
#define IN_ORDER                   memory_order_seq_cst
#define atomic_load(from)          (handler_may_come(), atomic_load_explicit(from, IN_ORDER))
#define atomic_store(to, value)    (handler_may_come(), atomic_store_explicit(to, value, IN_ORDER))
#define atomic_exchange(at, value) (handler_may_come(), atomic_exchange_explicit(at, value, IN_ORDER))
#define atomic_compare_exchange_strong(at, expected, wanted) \
	(handler_may_come(), atomic_compare_exchange_strong_explicit(at, expected, wanted, IN_ORDER, IN_ORDER))

#include "../../shim/conn.h"

static struct conn connection;
#define conn_find(fd)       ((void)(fd), &connection)
#define conn_is_ours(c, fd) ((void)(c), (fd) > 0)

#include "../../shim/late.c"
#include "../../shim/release.c"
#include "../../shim/turn.c"

/* --- the connection --------------------------------------------------------------------------- */

static struct msg message;
static char sent_bytes[64], head_bytes[] = "head";

static void send_bytes(const char *bytes, size_t n)
{
	strncat(sent_bytes, bytes, n);
}

int emit_surely(int fd, const char *bytes, size_t n, size_t *sent)
{
	(void)fd;
	handler_may_come();
	send_bytes(bytes, n);
	*sent += n;
	handler_may_come();
	return 0;
}

ssize_t emit_call(const struct call *call)
{
	send_bytes(call->iov->iov_base, call->iov->iov_len);
	return (ssize_t)call->iov->iov_len;
}

int emit_held(struct msg *m, int fd, int flags)
{
	size_t n = m->len - m->sent;

	(void)flags;
	return emit_surely(fd, m->buf + m->sent, n, &m->sent);
}

static int messages_freed;

void msg_free(struct msg *m)
{
	handler_may_come();
	messages_freed++;
	lock_give(&m->lock);
}

/* Another thread does this right before the message is taken off. */
static void (*meanwhile)(void);

struct msg *conn_forget(struct conn *c, int fd)
{
	(void)fd;
	if (meanwhile != NULL)
		meanwhile();
	return atomic_exchange(&c->msg, NULL);
}

void *pool_pages(size_t size)
{
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p != MAP_FAILED ? p : NULL;
}

void emit_uncork(struct msg *m, int fd)
{
	(void)m, (void)fd;
	handler_may_come();
}

/* What has nothing to do here, or is not called. */
struct real real;
_Thread_local struct crowd_share crowd_share __attribute__((tls_model("initial-exec")));
atomic_uint crowd_period;
void crowd_enter_slowly(enum crowd kind, unsigned period)
{
	(void)kind, (void)period;
}
void crowd_free(enum crowd kind, const struct crowd_place *p)
{
	(void)kind, (void)p;
}
struct conn *conns;
_Atomic unsigned conn_count;
atomic_bool conn_none_beyond, process_lent;
bool process_is_borrowed(void)
{
	return false;
}
void note_decision(struct msg *m, int fd, enum hold_state state, enum hold_event event, enum hold_action action,
                   enum reason why, size_t held)
{
	(void)m, (void)fd, (void)state, (void)event, (void)action, (void)why, (void)held;
}
void note_closed(int fd, bool silent)
{
	(void)fd, (void)silent;
}
void observe_closing(unsigned first, unsigned last)
{
	(void)first, (void)last;
}
void observe_released(int fd, enum reason why)
{
	(void)fd, (void)why;
}
void observe_released_all(enum reason why)
{
	(void)why;
}
uint64_t conn_cookie_of(int fd, uint64_t before)
{
	(void)fd;
	return before;
}
int conn_next(unsigned fd)
{
	(void)fd;
	return -1;
}
struct conn *conn_find_beyond(int fd)
{
	(void)fd;
	return NULL;
}
void room_make(int fd)
{
	(void)fd;
}
void real_init(void)
{
}
bool deadline_watch(struct deadline *d, uint64_t due)
{
	return d != NULL && due != 0;
}
int emit_push(int fd, const struct msg *m)
{
	return m != NULL ? 0 : fd;
}
bool emit_is_final(int error)
{
	return error != 0;
}
struct msg *msg_new(int fd)
{
	(void)fd;
	return NULL;
}
bool room_is_none(int fd)
{
	return fd < 0;
}

/* --- the handlers ----------------------------------------------------------------------------- */

enum { HANDLERS = 3 };

static int places, at[HANDLERS], marks;
static int openers; /* bits: which handlers write what opens a message, and thus take the turn of an idle one */
static bool handles;

static void write_mark(void)
{
	char mark[8];
	struct iovec v = { mark, (size_t)snprintf(mark, sizeof mark, "%d", ++marks) };
	struct call call = { .fd = 3, .iov = &v, .iovcnt = 1, .size = v.iov_len };
	struct msg *m = atomic_load_explicit(&connection.msg, IN_ORDER);

	if (m != NULL && (!msg_is_idle(m) || openers & marks) && lock_is_mine(&m->lock)) {
		ssize_t n = late_write(m, &call);

		cr_assert(n == (ssize_t)v.iov_len);
		return;
	}
	if (m != NULL && m->len > m->sent) { /* a turn of its own */
		send_bytes(m->buf + m->sent, m->len - m->sent);
		msg_clear(m);
		msg_state(m, IDLE);
	}
	emit_call(&call);
}

/* A handler whose signal is blocked comes at the next place where it is not. */
static void handler_may_come(void)
{
	static int waiting;
	sigset_t blocked;

	if (handles)
		return;
	places++;
	waiting += places == at[0] || places == at[1] || places == at[2];
	pthread_sigmask(SIG_BLOCK, NULL, &blocked);
	if (sigismember(&blocked, SIGUSR1))
		return;
	handles = true;
	for (; waiting > 0; waiting--)
		write_mark();
	handles = false;
}

/* --- the thread ------------------------------------------------------------------------------- */

/* No handler comes while the connection is made what it is to be. */
static void hold_head(bool holds, bool watched)
{
	handles = true;
	memset(&message, 0, sizeof message);
	*sent_bytes = '\0';
	message.fd = 3;
	message.buf = head_bytes;
	message.len = holds ? strlen(head_bytes) : 0;
	msg_state(&message, HEAD);
	atomic_store_explicit(&message.deadline.watched, watched, IN_ORDER);
	atomic_store_explicit(&connection.msg, &message, IN_ORDER);
	places = marks = messages_freed = 0;
}

/* Gives the turn back, or closes, while handlers come. Returns the number of places at which one could have come. */
static int leave_message(bool holds, bool watched, bool closes)
{
	hold_head(holds, watched);
	if (!holds && closes)
		msg_gone(&message, IDLE); /* it was sent */
	cr_assert(closes || lock_try(&message.lock));
	handles = false;
	handler_may_come();
	if (!holds && !closes)
		msg_gone(&message, IDLE);
	if (closes)
		cr_assert(end_message(&connection, 3, SOCKET_ENDS, false) == 0);
	else
		turn_give(&message);
	handler_may_come();
	cr_assert(lock_is_free(&message.lock));
	cr_assert(!late_is_queue(atomic_load_explicit(&message.late, IN_ORDER)), "bytes are left");
	return places;
}

/* Moves the handlers on to the next three places of n, in rising order. False: there are no more. */
static bool next_places(int n)
{
	for (int i = HANDLERS - 1; i >= 0; i--)
		if (at[i] < n - (HANDLERS - 1 - i)) {
			at[i]++;
			for (int j = i + 1; j < HANDLERS; j++)
				at[j] = at[j - 1] + 1;
			return true;
		}
	return false;
}

Test(late, handlers_at_every_place_write_in_order, .timeout = 60)
{
	for (int way = 0; way < 8 << HANDLERS; way++) {
		bool holds = way & 1, watched = way & 2, closes = way & 4;
		const char *wanted = holds ? "head123" : "123";
		int most = HANDLERS, n;

		openers = way >> 3;
		for (int i = 0; i < HANDLERS; i++)
			at[i] = i + 1;
		do {
			n = leave_message(holds, watched, closes);
			most = n > most ? n : most;
			if (marks == HANDLERS)
				cr_assert(strcmp(sent_bytes, wanted) == 0,
				          "held %d, watched %d, close %d, openers %d, handlers at %d, %d and %d of %d: "
				          "sent '%s'",
				          holds, watched, closes, openers, at[0], at[1], at[2], n, sent_bytes);
		} while (next_places(most));
		cr_expect(most > 8, "held %d, watched %d, close %d: %d places only", holds, watched, closes, most);
	}
}

/* --- a close that is not alone with the message ----------------------------------------------- */

static struct msg another;

static void head_comes(void)
{
	another = message;
	atomic_store_explicit(&connection.msg, &another, IN_ORDER);
}

Test(late, head_that_comes_while_a_close_asks_for_its_turn_is_sent)
{
	hold_head(true, false);
	atomic_store_explicit(&connection.msg, NULL, IN_ORDER);
	meanwhile = head_comes;
	cr_expect(end_message(&connection, 3, SOCKET_ENDS, false) == 0);
	cr_expect(strcmp(sent_bytes, "head") == 0, "sent '%s'", sent_bytes);
	cr_expect(messages_freed == 1 && lock_is_free(&another.lock));
}

static void closer_comes(void)
{
	atomic_store_explicit(&connection.msg, NULL, IN_ORDER);
}

Test(late, message_that_another_closer_took_off_is_left_to_it)
{
	hold_head(true, false);
	meanwhile = closer_comes;
	cr_expect(end_message(&connection, 3, SOCKET_ENDS, false) == 0);
	cr_expect(strcmp(sent_bytes, "head") == 0, "sent '%s'", sent_bytes);
	cr_expect(messages_freed == 0 && lock_is_free(&message.lock), "%d messages freed", messages_freed);
}

/* A handler of the closing thread jumped within itself, so another thread took the turn over. */
static void turn_is_lost(void)
{
	atomic_store_explicit(&message.lock.word, thread_self() + 64, IN_ORDER);
}

Test(late, message_whose_turn_a_close_has_lost_is_not_freed_under_its_owner)
{
	hold_head(true, false);
	meanwhile = turn_is_lost;
	cr_expect(end_message(&connection, 3, SOCKET_ENDS, false) == 0);
	cr_expect(messages_freed == 0 && !lock_is_free(&message.lock), "%d messages freed", messages_freed);
	cr_expect(atomic_load_explicit(&message.detached, IN_ORDER) == 1, "nobody is to free the message");
}
