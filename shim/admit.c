#include "admit.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>

#include "config.h"
#include "names.h"
#include "real.h"

/* A socket may still be connecting. What the program is told now must be what the kernel would tell it. */
static bool ask_connected(struct conn *c, int fd)
{
	if (conn_has(c, CONN_CONNECTED))
		return true;
	struct tcp_info info;
	socklen_t len = sizeof info;
	int saved = errno;
	bool yes = libc()->getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &len) == 0 &&
	           (info.tcpi_state == TCP_ESTABLISHED || info.tcpi_state == TCP_CLOSE_WAIT);
	errno = saved;
	if (yes)
		conn_set(c, CONN_CONNECTED);
	return yes;
}

bool admit_is_still_connected(struct conn *c, int fd)
{
	conn_unset(c, CONN_CONNECTED);
	return ask_connected(c, fd);
}

enum reason admit_why_not(struct conn *c, const struct call *call)
{
	if (conn_has(c, CONN_NAMES))
		names_enter(c);
	enum conn_kind kind = conn_classify(c, call->fd);
	if (kind != CONN_TCP)
		return kind == CONN_PASSED_OVER ? WHY_OPTION_SET : WHY_NOT_TCP;
	if (call->flags & MSG_MORE || conn_has(c, CONN_CORKED))
		return WHY_PROGRAM_CORKS;
	if (conn_has(c, CONN_SHUT))
		return WHY_SHUT;
	if (!ask_connected(c, call->fd))
		return WHY_NOT_CONNECTED;
	int saved = errno;
	if (atomic_load(&c->cookie) == 0) {
		atomic_store(&c->cookie, conn_cookie_of(call->fd, 0));
		errno = saved;
	}
	if (atomic_load(&c->cookie) == 0)
		return WHY_NO_COOKIE;
	/* the helper is its parent's, for which the child's own descriptors mean nothing */
	if (process_is_borrowed()) {
		atomic_store(&c->cookie, 0);
		return WHY_VFORK;
	}
	return REASONS;
}

enum reason admit_why_in_kernel(const struct conn *c, int fd)
{
	return config.place == PLACE_KERNEL       ? WHY_AS_SET
	       : fd <= 2                          ? WHY_STANDARD
	       : !conn_has(c, CONN_SEEN)          ? WHY_INHERITED
	       : conn_has(c, CONN_ALIASED)        ? WHY_SECOND_NAME
	       : conn_has(c, CONN_UNSEEN)         ? WHY_UNSEEN_WRITER
	       : !process_allows_memory(c->epoch) ? WHY_MEMORY_SHARED
	                                          : WHY_NO_ROOM;
}
