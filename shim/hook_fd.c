/* Hooks of the calls that create, close, share, set and question descriptors. */
#include <errno.h>
#include <linux/close_range.h>
#include <linux/sockios.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/ioctl.h>

#include "arrivals.h"
#include "config.h"
#include "lead.h"
#include "lifecycle.h"
#include "names.h"
#include "note.h"
#include "observe.h"
#include "options.h"
#include "readable.h"
#include "real.h"
#include "release.h"
#include "room.h"
#include "turn.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif

/* --- created, connected ----------------------------------------------------------------------- */

static void born(int fd, enum conn_kind kind, unsigned flags)
{
	struct msg *stale = conn_born(fd, kind, flags);
	if (stale != NULL)
		turn_abandon(stale);
}

#define SOCKET(name)                                                                                   \
	EXPORT int name(int domain, int type, int protocol)                                            \
	{                                                                                              \
		int fd = libc()->name(domain, type, protocol);                                         \
		bool internet = domain == AF_INET || domain == AF_INET6;                               \
		bool tcp = internet && (type & 0xf) == SOCK_STREAM &&                                  \
		           (protocol == 0 || protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP);    \
		if (unlikely(config.observe))                                                          \
			observe_socket(fd, tcp);                                                       \
		if (fd >= 0 && config.active)                                                          \
			born(fd, tcp ? CONN_TCP : CONN_OTHER, tcp ? 0 : internet ? CONN_INTERNET : 0); \
		return fd;                                                                             \
	}
SOCKET(socket)
SOCKET(__socket)

/* An accepted socket is of its listener's kind and has its options, so the kernel is asked about the listener, once. A
 * listener that is no TCP socket is remembered even if its creation was not seen (conn_classify does not do that), so
 * that the kernel is not asked at each accept. */
static void accepted(int listener, int fd)
{
	if (unlikely(config.observe))
		observe_accepted(listener, fd);
	if (fd < 0 || !config.active)
		return;
	struct conn *l = conn_make(listener);
	enum conn_kind kind = l != NULL ? conn_classify(l, listener) : CONN_UNKNOWN;
	if (kind == CONN_OTHER && !conn_is(listener, kind) && !process_is_borrowed() &&
	    libc()->fcntl(listener, F_GETFD) >= 0)
		atomic_store_explicit(&l->kind, kind, memory_order_relaxed);
	born(fd, kind, CONN_CONNECTED | (l != NULL && conn_has(l, CONN_CORKED) ? CONN_CORKED : 0));
}

EXPORT int accept(int listener, struct sockaddr *restrict addr, socklen_t *restrict len)
{
	int fd = libc()->accept(listener, addr, len);
	accepted(listener, fd);
	return fd;
}

EXPORT int accept4(int listener, struct sockaddr *restrict addr, socklen_t *restrict len, int flags)
{
	int fd = libc()->accept4(listener, addr, len, flags);
	accepted(listener, fd);
	return fd;
}

/* connect(2) has succeeded. The flag is not set on a descriptor that others may have as well, or whose connect()
 * succeeds before the peer has answered (CONN_LAZY): there the kernel is asked when a head is written. */
static void connected(struct conn *c)
{
	const unsigned ours = CONN_SEEN, open = CONN_ALIASED | CONN_LAZY;
	if ((atomic_load_explicit(&c->flags, memory_order_relaxed) & (ours | open)) == ours)
		conn_set(c, CONN_CONNECTED);
}

#define CONNECT(name)                                                             \
	EXPORT int name(int fd, const struct sockaddr *addr, socklen_t len)       \
	{                                                                         \
		release(fd, WHY_CONNECT);                                         \
		int r = libc()->name(fd, addr, len);                              \
		struct conn *c = conn_find(fd);                                   \
		if (unlikely(config.observe) && (r == 0 || errno == EINPROGRESS)) \
			observe_connected(fd);                                    \
		if (r == 0 && addr->sa_family == AF_UNSPEC)                       \
			release_disconnected(fd);                                 \
		else if (r == 0 && c != NULL)                                     \
			connected(c);                                             \
		return r;                                                         \
	}
CONNECT(connect)
CONNECT(__connect)

/* --- closed ----------------------------------------------------------------------------------- */

/* The result of a close that returned r. `lost`: an errno if held bytes, which the program was told are written, could
 * not be sent. Then the close fails with it, although the descriptor is closed. */
static int result_of_close(int lost, int r)
{
	if (lost != 0 && r == 0) {
		errno = lost;
		return -1;
	}
	return r;
}

#define CLOSE_HOOK(name)                                                                         \
	SLOW int slow_##name(int fd)                                                             \
	{                                                                                        \
		int lost = release_close(fd);                                                    \
		if (lost == RELEASE_LATER)                                                       \
			return 0;                                                                \
		return result_of_close(lost, libc()->name(fd));                                  \
	}                                                                                        \
	EXPORT int name(int fd)                                                                  \
	{                                                                                        \
		return likely(real.ready && conn_unknown(fd)) ? real.name(fd) : slow_##name(fd); \
	}
CLOSE_HOOK(close)
CLOSE_HOOK(__close)

EXPORT int close_range(unsigned first, unsigned last, int flags)
{
	if (LACKS(close_range))
		return (int)real_absent();
	if (flags & CLOSE_RANGE_UNSHARE)
		lifecycle_retire(); /* from here on a number means another descriptor in each thread */
	if (!(flags & ~CLOSE_RANGE_UNSHARE) && first <= last)
		release_closing_range(first, last);
	return libc()->close_range(first, last, flags);
}

EXPORT void closefrom(int first)
{
	release_closing_range(first < 0 ? 0 : (unsigned)first, ~0u);
	if (!LACKS(closefrom))
		libc()->closefrom(first);
}

/* The stream's descriptor; -1: it has none. Leaves errno alone. */
static int descriptor_of(FILE *f)
{
	int saved = errno, fd = fileno(f);
	errno = saved;
	return fd;
}

/* What is held is sent before libc flushes the stream's buffer. */
#define FCLOSE(name)                                           \
	EXPORT int name(FILE *f)                               \
	{                                                      \
		int fd = descriptor_of(f);                     \
		int lost = fd >= 0 ? release_closing(fd) : 0;  \
		return result_of_close(lost, libc()->name(f)); \
	}
FCLOSE(fclose)
OLD_fclose(FCLOSE)

#define FREOPEN(name)                                                                             \
	EXPORT FILE *name(const char *restrict path, const char *restrict mode, FILE *restrict f) \
	{                                                                                         \
		int fd = descriptor_of(f);                                                        \
		if (fd >= 0)                                                                      \
			release_closing(fd);                                                      \
		return libc()->name(path, mode, f);                                               \
	}
FREOPEN(freopen)
FREOPEN(freopen64)

EXPORT int shutdown(int fd, int how)
{
	if (how == SHUT_WR || how == SHUT_RDWR)
		release_ending(fd);
	else
		release(fd, WHY_SHUTDOWN);
	return libc()->shutdown(fd, how);
}

/* --- given a second name ---------------------------------------------------------------------- */

/* The call has returned fd as a second name of `from`, or -1. If something is known about the number fd, its former
 * descriptor was closed unseen, so that is void. Returns fd, and leaves errno alone. */
static int newborn(int from, int fd)
{
	int saved = errno;
	if (fd >= 0)
		release_closing(fd);
	errno = saved;
	return arrivals_second(from, fd);
}

EXPORT int dup(int fd)
{
	release_aliased(fd);
	return newborn(fd, libc()->dup(fd));
}

/* Will dup2(fd, to) replace a descriptor about which something is known? The caller then closes `to` for the library
 * before the call, since afterwards another thread may use the number for something else. */
static bool takes(int fd, int to)
{
	return fd != to && !conn_unknown(to) && (config.observe || libc()->fcntl(fd, F_GETFD) != -1);
}

#define DUP2(name)                                                \
	EXPORT int name(int fd, int to)                           \
	{                                                         \
		release_aliased(fd);                              \
		if (takes(fd, to))                                \
			release_closing(to);                      \
		return arrivals_second(fd, libc()->name(fd, to)); \
	}
DUP2(dup2)
DUP2(__dup2)

/* The kernel refuses all flags but O_CLOEXEC, and replaces nothing then. musl calls dup2() if O_CLOEXEC is not set, so
 * other flags do not make the call fail there. */
EXPORT int dup3(int fd, int to, int flags)
{
	release_aliased(fd);
	bool known = !(flags & ~O_CLOEXEC) || (!(flags & O_CLOEXEC) && !own()->is_glibc);
	if (known && takes(fd, to))
		release_closing(to);
	return arrivals_second(fd, libc()->dup3(fd, to, flags));
}

#define FCNTL(name)                                             \
	EXPORT int name(int fd, int cmd, ...)                   \
	{                                                       \
		va_list ap;                                     \
		va_start(ap, cmd);                              \
		void *arg = va_arg(ap, void *);                 \
		va_end(ap);                                     \
		if (cmd != F_DUPFD && cmd != F_DUPFD_CLOEXEC)   \
			return libc()->name(fd, cmd, arg);      \
		release_aliased(fd);                            \
		return newborn(fd, libc()->name(fd, cmd, arg)); \
	}
FCNTL(fcntl)
FCNTL(fcntl64)
FCNTL(__fcntl)
#if TWO_TIMES
FCNTL(__fcntl_time64)
#endif
OLD_fcntl(FCNTL)

#define FDOPEN(name)                                \
	EXPORT FILE *name(int fd, const char *mode) \
	{                                           \
		release_aliased(fd);                \
		return libc()->name(fd, mode);      \
	}
FDOPEN(fdopen)
OLD_fdopen(FDOPEN)

/* --- set and questioned ----------------------------------------------------------------------- */

#define IOCTL(name)                                                                                              \
	EXPORT int name(int fd, ioctl_request request, ...)                                                      \
	{                                                                                                        \
		va_list ap;                                                                                      \
		va_start(ap, request);                                                                           \
		void *arg = va_arg(ap, void *);                                                                  \
		va_end(ap);                                                                                      \
		if (request == SIOCOUTQ || request == SIOCOUTQNSD) /* no other answer depends on what is held */ \
			release(fd, WHY_OPTIONS);                                                                \
		return libc()->name(fd, request, arg);                                                           \
	}
IOCTL(ioctl)
#if TWO_TIMES
IOCTL(__ioctl_time64)
#endif

static bool is_on(const void *value)
{
	int on = 0;
	if (value != NULL)
		memcpy(&on, value, sizeof on);
	return on != 0;
}

/* An option is about to be set after which each single write matters. It counts from before the call on, so that a
 * write of another thread meanwhile is not held either. */
static void switch_off(struct conn *c, int fd)
{
	if (conn_classify(c, fd) == CONN_TCP) {
		atomic_store(&c->kind, CONN_PASSED_OVER);
		note_passed_over(fd, WHY_OPTION_SET);
	}
	names_tell(c);
}

/* The number (m->writes) of the write that another thread, which has the turn, is making in a call that was not to
 * wait. 0: there is none. */
static unsigned waiting_write(struct conn *c)
{
	struct msg *m = atomic_load(&c->msg);
	unsigned writes = m != NULL ? atomic_load(&m->writes) : 0;
	return m != NULL && atomic_load(&m->calling) == CALLING ? writes : 0;
}

/* Set TCP_NODELAY or TCP_CORK for the program. The library sets these options and sets them back, always in the turn,
 * so the program's call takes the turn, too. If the turn cannot be had because its owner waits in a call (turn_take),
 * the option is set without it, and set again unless that call lasted all the while, for during it the owner sets
 * nothing. `leads`: the program corks, and what is held goes under its cork. *value can be read, since the kernel has
 * read it. */
static int set_in_turn(struct conn *c, int fd, int name, const void *value, socklen_t len, bool leads)
{
	bool mine;
	int cancel = turn_uncancellable(), r, error;
	unsigned waiting;
	struct msg *m;
	do {
		m = turn_take(c, fd, true, &mine);
		waiting = m == NULL ? waiting_write(c) : 0;
		if (leads && m != NULL && !mine) /* if `mine`, the turn that this handler interrupted may be sending */
			lead_corked(m);
		r = libc()->setsockopt(fd, IPPROTO_TCP, name, value, len);
		error = errno;
	} while (r == 0 && m == NULL && atomic_load(&c->msg) != NULL && (waiting == 0 || waiting_write(c) != waiting));
	if (r == 0 && name == TCP_CORK && is_on(value))
		conn_set(c, CONN_CORKED);
	else if (r == 0 && name == TCP_CORK)
		conn_unset(c, CONN_CORKED);
	if (m != NULL && !mine)
		turn_give(m);
	turn_cancellable(cancel);
	errno = error;
	return r;
}

static void let_go(const struct conn *c, struct conn *other)
{
	(void)c;
	release(conn_number(other), WHY_OPTIONS);
}

/* `call` is libc's function of the name that the program has called. */
static int set(__typeof__(setsockopt) *call, int fd, int level, int name, const void *value, socklen_t len)
{
	struct conn *c = conn_find(fd);
	enum option_effect effect = c != NULL || config.observe ? option_set(level, name) : HARMLESS;
	if (unlikely(config.observe)) {
		if (effect != HARMLESS && effect != CORKS)
			observe_released(fd, WHY_OPTIONS);
		int r = call(fd, level, name, value, len);
		if (r == 0 && level == IPPROTO_TCP && name == TCP_NODELAY)
			observe_nodelay(fd, is_on(value));
		else if (r == 0 && level == IPPROTO_TCP && name == TCP_CORK)
			observe_cork(fd, is_on(value));
		else if (r == 0 && effect == SWITCHES_OFF)
			observe_passed_over(fd);
		return r;
	}
	bool leads = effect == CORKS && !conn_idle(c) && conn_is_ours(c, fd) && len >= sizeof(int) &&
	             readable(value, sizeof(int)) && is_on(value);
	if (effect == SWITCHES_OFF && config.active)
		switch_off(c, fd);
	if (level == IPPROTO_TCP && name == TCP_NODELAY)
		note_nodelay(fd, c != NULL ? atomic_load_explicit(&c->msg, memory_order_acquire) : NULL);
	if (effect == HARMLESS)
		release_from_kernel(fd);
	else if (!leads)
		release(fd, WHY_OPTIONS);
	if (c == NULL || !config.active)
		return call(fd, level, name, value, len);
	if (effect == CORKS)
		/* the cork is set on the socket, and what is held for another number of it would stay under it */
		names_visit(c, let_go);
	room_unknown(c);
	/* Of a socket of another kind the flag says something else (CONN_INTERNET), and the call fails. */
	if (level == IPPROTO_TCP && name == TCP_FASTOPEN_CONNECT && !conn_is(fd, CONN_OTHER))
		conn_set(c, CONN_LAZY);
	if (effect == CORKS || (level == IPPROTO_TCP && name == TCP_NODELAY))
		return set_in_turn(c, fd, name, value, len, leads);
	return call(fd, level, name, value, len);
}

#define SETSOCKOPT(hook)                                                               \
	EXPORT int hook(int fd, int level, int name, const void *value, socklen_t len) \
	{                                                                              \
		return set(libc()->hook, fd, level, name, value, len);                 \
	}
SETSOCKOPT(setsockopt)
#if TWO_TIMES
SETSOCKOPT(__setsockopt64)
#endif

/* Asks in the turn, so that the program does not see a value that the library has set for an instant. */
static int get_in_turn(int fd, int name, void *value, socklen_t *len)
{
	struct conn *c = conn_find(fd);
	int cancel = turn_uncancellable();
	struct msg *m = c != NULL ? turn_take_old(c, fd) : NULL;
	int r = libc()->getsockopt(fd, IPPROTO_TCP, name, value, len), error = errno;
	if (m != NULL)
		turn_give(m);
	turn_cancellable(cancel);
	errno = error;
	return r;
}

/* What is held is sent first only if the answer depends on it: questions about TCP's state, its queue and its cork.
 * SO_ERROR also tells the error that sending held bytes has met. */
static int get(__typeof__(getsockopt) *call, int fd, int level, int name, void *value, socklen_t *len)
{
	bool error = level == SOL_SOCKET && name == SO_ERROR;
	int late = error ? release_or_fail(fd) : 0;
	if (!error && !conn_idle(conn_find(fd)) && option_asked(level, name) == RELEASES)
		release(fd, WHY_OPTIONS);
	int r = level == IPPROTO_TCP && (name == TCP_NODELAY || name == TCP_CORK) ? get_in_turn(fd, name, value, len)
	                                                                          : call(fd, level, name, value, len);
	if (r == 0 && late != 0 && value != NULL && *len >= sizeof late)
		memcpy(value, &late, sizeof late);
	struct conn *c = conn_find(fd);
	if (r == 0 && error && c != NULL && *len >= sizeof(int) && is_on(value))
		conn_unset(c, CONN_CONNECTED); /* before the next head is held, the kernel is asked */
	return r;
}

#define GETSOCKOPT(hook)                                                                            \
	EXPORT int hook(int fd, int level, int name, void *restrict value, socklen_t *restrict len) \
	{                                                                                           \
		return get(libc()->hook, fd, level, name, value, len);                              \
	}
GETSOCKOPT(getsockopt)
#if TWO_TIMES
GETSOCKOPT(__getsockopt64)
#endif
