#include "room.h"

#include <errno.h>
#include <linux/sockios.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/time.h>

#include "real.h"

#ifndef SO_MEMINFO
#define SO_MEMINFO 55
#endif

/* linux/sock_diag.h */
enum { MEMINFO_SNDBUF = 3, MEMINFO_WMEM_QUEUED = 5, MEMINFO_VARS = 9 };

/* The bytes that are free in the send buffer. Before Linux 4.12 only an empty buffer tells. */
static uint32_t free_bytes(int fd)
{
	uint32_t info[MEMINFO_VARS] = { 0 };
	socklen_t len = sizeof info;
	int size = 0, queued = 0;
	if (libc()->getsockopt(fd, SOL_SOCKET, SO_MEMINFO, info, &len) == 0 && len > MEMINFO_WMEM_QUEUED * sizeof *info)
		return info[MEMINFO_SNDBUF] > info[MEMINFO_WMEM_QUEUED]
		               ? info[MEMINFO_SNDBUF] - info[MEMINFO_WMEM_QUEUED]
		               : 0;
	len = sizeof size;
	if (libc()->ioctl(fd, SIOCOUTQ, &queued) != 0 || queued > 0 ||
	    libc()->getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len) != 0)
		return 0;
	return (uint32_t)size;
}

/* The system-wide limit of unsent bytes of a socket (tcp(7), TCP_NOTSENT_LOWAT). A call that would exceed it waits,
 * whatever room there is. */
static uint32_t most_unsent = UINT32_MAX;

void room_begin(void)
{
	char text[16] = "", *p = text;
	uint32_t bytes = 0;
	int fd = (int)own()->syscall(SYS_openat, AT_FDCWD, "/proc/sys/net/ipv4/tcp_notsent_lowat",
	                             O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return;
	if (own()->syscall(SYS_read, fd, text, sizeof text - 1) > 0) {
		while (*p >= '0' && *p <= '9')
			bytes = bytes * 10 + (uint32_t)(*p++ - '0');
		most_unsent = bytes;
	}
	own()->syscall(SYS_close, fd);
}

static uint32_t free_to_send(int fd)
{
	uint32_t bytes = free_bytes(fd), unsent = 0;
	if (most_unsent == UINT32_MAX)
		return bytes;
	if (libc()->ioctl(fd, SIOCOUTQNSD, &unsent) != 0 || unsent >= most_unsent)
		return 0;
	return bytes < most_unsent - unsent ? bytes : most_unsent - unsent;
}

/* The peer says how long segments may be, and how many of them may be on their way. For many short ones the kernel's
 * structures take more than is reckoned with (room_taken_by). No real peer needs such segments, so there is no room for
 * certain then. */
enum { SEGMENT_LEAST = 450 };

__attribute__((noinline)) bool room_ask(struct conn *c, int fd, size_t n)
{
	if (atomic_load_explicit(&c->unread, memory_order_relaxed))
		return false; /* what became of that response is asked first (unread.c) */
	int saved = errno;
	uint32_t kib = conn_mss(c, fd) < SEGMENT_LEAST ? 0 : free_to_send(fd) / 1024;
	errno = saved;
	atomic_store_explicit(&c->room, (uint16_t)(kib < UINT16_MAX ? kib : UINT16_MAX), memory_order_relaxed);
	return room_taken_by(n) <= kib;
}

bool room_is_none(int fd)
{
	int saved = errno;
	bool none = free_to_send(fd) == 0;
	errno = saved;
	return none;
}

bool room_is_nonblocking(int fd)
{
	int flags = libc()->fcntl(fd, F_GETFL);
	/* if the question is refused, the program's own call waits as it would bare */
	return flags >= 0 && flags & O_NONBLOCK;
}

/* A page that cannot be read; NULL if none can be mapped. */
static const char *unreadable(void)
{
	static const char *_Atomic page;
	const char *p = atomic_load(&page);
	if (p == NULL) {
		const char *none = NULL;
		void *fresh = mmap(NULL, 1, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
		if (fresh == MAP_FAILED)
			return NULL;
		p = fresh;
		if (!atomic_compare_exchange_strong(&page, &none, p)) {
			munmap(fresh, 1);
			p = none;
		}
	}
	return p;
}

static int wait_by_poll(int fd)
{
	struct timeval limit = { 0, 0 };
	struct pollfd room = { .fd = fd, .events = POLLOUT };
	socklen_t len = sizeof limit;
	libc()->getsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, &len);
	int ms = limit.tv_sec == 0 && limit.tv_usec == 0 ? -1 : (int)(limit.tv_sec * 1000 + limit.tv_usec / 1000 + 1);
	int r = own()->poll(&room, 1, ms);
	return r < 0 ? errno : r == 0 ? EAGAIN : 0;
}

/* The kernel waits for room before it reads the bytes; when it comes to read this one, it fails with EFAULT. A kernel
 * or an emulator that looks at the byte first does not wait, and after some tries poll(2) is used. */
static int wait_by_send(int fd, int flags, const char *byte)
{
	return libc()->send(fd, byte, 1, flags & MSG_NOSIGNAL) < 0 && errno != EFAULT ? errno : 0;
}

int room_wait(const struct conn *c, uint64_t cookie, int fd, int flags, unsigned tries)
{
	enum { IN_VAIN = 3 };
	const char *byte = tries < IN_VAIN ? unreadable() : NULL;
	int error = byte == NULL ? wait_by_poll(fd) : wait_by_send(fd, flags, byte);
	if (error == 0 && atomic_load_explicit(&c->cookie, memory_order_relaxed) != cookie)
		return EBADF;
	return error;
}

/* A buffer that has grown by itself is left alone, since setting its size would make it smaller. */
void room_make(int fd)
{
	static const int room = 1 << 17; /* the kernel doubles the size it is asked for */
	int size = 0;
	socklen_t len = sizeof size;
	if (libc()->getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len) == 0 && size < 2 * room)
		libc()->setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &room, sizeof room);
}
