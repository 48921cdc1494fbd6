#include "conn.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>

#include "once.h"
#include "options.h"
#include "own.h"
#include "pool.h"
#include "rarely.h"
#include "real.h"

#ifndef IPPROTO_MPTCP
#define IPPROTO_MPTCP 262
#endif
#ifndef TCP_ULP
#define TCP_ULP 31
#endif

/* Few programs have more descriptors than the first row takes (512 KiB of address space). Higher numbers have rows of
 * ROW entries each, up to MOST, the default of fs.nr_open. */
#define FIRST (1u << 14)
#define MOST  (1u << 20)
#define ROW   (unsigned)(POOL_LEAST / sizeof(struct conn))

struct conn *conns;
_Atomic unsigned conn_count;
_Atomic unsigned conn_top;
atomic_bool conn_none_beyond;
static struct conn *_Atomic first; /* the first row; the thread that sets it then publishes it by `conn_count` */
RARELY static struct conn *_Atomic rows[MOST / ROW];

void conn_begin(void)
{
	atomic_store(&conn_none_beyond, true);
}

static void map_first(void)
{
	size_t size = FIRST * sizeof *conns;
	struct conn *none = NULL, *mine = process_note_owner() ? pool_reserve(&size) : NULL;
	if (mine != NULL && atomic_compare_exchange_strong(&first, &none, mine)) {
		conns = mine;
		atomic_store(&conn_count, (unsigned)(size / sizeof *mine));
	} else if (mine != NULL) {
		munmap(mine, size);
	}
}

struct conn *conn_find_beyond(int fd)
{
	struct conn *row = (unsigned)fd < MOST ? atomic_load_explicit(&rows[(unsigned)fd / ROW], memory_order_acquire)
	                                       : NULL;
	return row != NULL ? row + (unsigned)fd % ROW : NULL;
}

static struct conn *make_beyond(int fd)
{
	struct conn *none = NULL,
		    *mine = (unsigned)fd < MOST && conn_find_beyond(fd) == NULL ? pool_pages(POOL_LEAST) : NULL;
	if (mine != NULL) {
		atomic_store(&conn_none_beyond, false); /* set before anything is known of such a number */
		if (!atomic_compare_exchange_strong(&rows[(unsigned)fd / ROW], &none, mine))
			munmap(mine, POOL_LEAST);
	}
	return conn_find_beyond(fd);
}

struct conn *conn_make_slowly(int fd)
{
	if (atomic_load(&first) == NULL)
		map_first();
	unsigned count = atomic_load(&conn_count), top = atomic_load(&conn_top);
	if ((unsigned)fd >= count)
		return count == 0 ? NULL : make_beyond(fd);
	while (top <= (unsigned)fd && !atomic_compare_exchange_weak(&conn_top, &top, (unsigned)fd + 1)) {}
	return conns + fd;
}

int conn_next(unsigned fd)
{
	if (fd < atomic_load(&conn_top))
		return (int)fd;
	for (unsigned n = fd / ROW; n < MOST / ROW && !atomic_load(&conn_none_beyond); n++)
		if (atomic_load(&rows[n]) != NULL)
			return (int)(fd > n * ROW ? fd : n * ROW);
	return -1;
}

int conn_number(const struct conn *c)
{
	uintptr_t at = (uintptr_t)c;
	for (unsigned n = 0; at - (uintptr_t)conns >= FIRST * sizeof *c && n < MOST / ROW; n++) {
		uintptr_t row = (uintptr_t)atomic_load_explicit(&rows[n], memory_order_relaxed);
		if (row != 0 && at - row < POOL_LEAST)
			return (int)(n * ROW + (at - row) / sizeof *c);
	}
	return (int)(c - conns);
}

void conn_forget_all(void)
{
	if (conns != NULL)
		memset(conns, 0, atomic_load(&conn_top) * sizeof *conns);
	for (unsigned n = 0; n < MOST / ROW; n++)
		if (atomic_load(&rows[n]) != NULL)
			memset(atomic_load(&rows[n]), 0, POOL_LEAST);
}

/* --- life ------------------------------------------------------------------------------------- */

/* The value of an option, or `otherwise` if the kernel gives none. It answers with no bytes where there is nothing to
 * tell (TCP_ULP without a protocol); an emulator may have written to `value` even then. May change errno. */
static int option(int fd, int level, int name, int otherwise)
{
	int value = 0;
	socklen_t len = sizeof value;
	return libc()->getsockopt(fd, level, name, &value, &len) == 0 && len == sizeof value ? value : otherwise;
}

static bool is_tcp(int protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_MPTCP;
}

/* The kind of a TCP socket that is classified only now. Its options may have been set by another process, on its
 * listener, or by another number, so the kernel is asked for those that matter. */
static enum conn_kind tcp_as_it_came(struct conn *c, int fd, int protocol)
{
	if (option(fd, IPPROTO_TCP, TCP_CORK, 0))
		conn_set(c, CONN_CORKED);
	bool watched = option(fd, SOL_SOCKET, SO_TIMESTAMPING_OLD, 0) ||
	               option(fd, IPPROTO_TCP, TCP_NOTSENT_LOWAT, 0) ||
	               (protocol == IPPROTO_TCP && option(fd, IPPROTO_TCP, TCP_ULP, 0)); /* else it is MPTCP's own */
	return watched ? CONN_PASSED_OVER : CONN_TCP;
}

enum conn_kind conn_classify(struct conn *c, int fd)
{
	enum conn_kind kind = atomic_load_explicit(&c->kind, memory_order_relaxed);
	if (kind != CONN_UNKNOWN)
		return kind;
	int saved = errno, protocol = option(fd, SOL_SOCKET, SO_PROTOCOL, -1);
	kind = is_tcp(protocol) ? tcp_as_it_came(c, fd, protocol) : CONN_OTHER;
	errno = saved;
	/* A descriptor whose creation was not seen may also be closed unseen, and its number may become a socket then.
	 * So CONN_OTHER is remembered only where the creation was seen. A child of vfork remembers nothing, for the
	 * table is its parent's. */
	if ((kind != CONN_OTHER || conn_has(c, CONN_SEEN)) && !process_is_borrowed())
		atomic_store_explicit(&c->kind, kind, memory_order_relaxed);
	return kind;
}

bool conn_is_tcp(int fd)
{
	return is_tcp(option(fd, SOL_SOCKET, SO_PROTOCOL, -1));
}

/* The upper half of an identity that is made from an inode's number. No cookie has it, for the kernel counts cookies
 * upwards from 1, and some downwards from the largest number. */
#define BY_INODE UINT64_C(0x80000000)

static bool is_by_inode(uint64_t cookie)
{
	return cookie >> 32 == BY_INODE;
}

/* An identity made from the number of the socket's inode; 0 and errno: fd is no socket, or the kernel does not tell. A
 * socket keeps its inode as long as it lives. The number has 32 bits and comes again after 4 * 10^9 sockets, pipes and
 * the like, while a hold lasts milliseconds. */
static uint64_t inode_of(int fd)
{
#ifdef SYS_fstat64 /* 32 bits: SYS_fstat fails there if a value does not fit into its smaller fields */
	struct stat64 s;
	bool known = own()->syscall(SYS_fstat64, fd, &s) == 0;
#elif defined SYS_fstat
	struct stat s;
	bool known = own()->syscall(SYS_fstat, fd, &s) == 0;
#else /* architectures so young that every libc for them has fstat() */
	struct stat s;
	bool known = own()->fstat(fd, &s) == 0;
#endif
	if (known && !S_ISSOCK(s.st_mode)) {
		known = false;
		errno = ENOTSOCK;
	}
	return known ? BY_INODE << 32 | (uint32_t)s.st_ino : 0;
}

uint64_t conn_cookie_of(int fd, uint64_t before)
{
	uint64_t cookie = 0;
	socklen_t len = sizeof cookie;
	if (!is_by_inode(before) && libc()->getsockopt(fd, SOL_SOCKET, SO_COOKIE, &cookie, &len) == 0)
		return cookie;
	return before == 0 || is_by_inode(before) ? inode_of(fd) : 0;
}

size_t conn_mss(struct conn *c, int fd)
{
	int mss = atomic_load_explicit(&c->mss, memory_order_relaxed);
	if (mss == 0) {
		int saved = errno;
		mss = option(fd, IPPROTO_TCP, TCP_MAXSEG, 536);
		mss = mss < UINT16_MAX ? mss : UINT16_MAX;
		atomic_store_explicit(&c->mss, (uint16_t)mss, memory_order_relaxed);
		errno = saved;
	}
	return (size_t)mss;
}

struct msg *conn_forget(struct conn *c, int fd)
{
	struct msg *m = NULL;
	if (atomic_load_explicit(&c->msg, memory_order_relaxed) != NULL)
		m = atomic_exchange(&c->msg, NULL);
	if (m != NULL)
		atomic_store_explicit(&m->shared, !conn_is_ours(c, fd), memory_order_relaxed);
	atomic_store_explicit(&c->kind, CONN_UNKNOWN, memory_order_relaxed);
	atomic_store_explicit(&c->flags, 0, memory_order_relaxed);
	atomic_store_explicit(&c->small, 0, memory_order_relaxed);
	atomic_store_explicit(&c->unread, 0, memory_order_relaxed);
	request_end(&c->request);
	atomic_store_explicit(&c->cookie, 0, memory_order_relaxed);
	atomic_store_explicit(&c->mss, 0, memory_order_relaxed);
	atomic_store_explicit(&c->room, 0, memory_order_relaxed);
	return m;
}

void conn_doubt(struct msg *m)
{
	struct conn *c = conn_find(m->fd);
	if (c == NULL || atomic_load(&c->msg) != m)
		return;
	atomic_store(&c->kind, CONN_UNKNOWN);
	atomic_store(&c->flags, 0);
	atomic_store(&c->cookie, 0);
}

struct msg *conn_born(int fd, enum conn_kind kind, unsigned flags)
{
	struct conn *c = conn_make(fd);
	if (c == NULL)
		return NULL;
	/* In a child of vfork the table is the parent's, for whom this number means another descriptor, or none. So the
	 * child's descriptor is not noted. If something is known about the parent's, it is marked as aliased, and the
	 * child's bytes are never held in the parent's memory. */
	if (process_is_borrowed()) {
		once_end();
		atomic_store(&process_lent, true); /* even if nothing is known: the parent may get a socket there */
		if (!conn_unknown(fd))
			conn_set(c, CONN_ALIASED);
		return NULL;
	}
	struct msg *stale = conn_forget(c, fd);
	c->epoch = atomic_load(&process_epoch);
	if (kind == CONN_TCP)
		request_begin(&c->request, true);
	atomic_store_explicit(&c->kind, kind, memory_order_relaxed);
	atomic_store_explicit(&c->flags, (uint8_t)(flags | CONN_SEEN), memory_order_release);
	return stale;
}
