#include "rights.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

#include "arrivals.h"
#include "conn.h"
#include "readable.h"
#include "release.h"

/* Calls meets() for each descriptor in the control data, all of which can be read. */
static void each(const struct msghdr *hdr, void (*meets)(int fd))
{
	const struct kernel_cmsghdr *c = hdr->msg_control;
	size_t left = length_of_control(hdr);
	for (;;) {
		size_t length = left >= sizeof *c ? length_of(c->len) : 0, aligned = CMSG_ALIGN(length);
		if (length < sizeof *c || length > left)
			return;
		size_t n = c->level == SOL_SOCKET && c->type == SCM_RIGHTS ? (length - sizeof *c) / sizeof(int) : 0;
		for (size_t i = 0; i < n; i++) {
			int fd;
			memcpy(&fd, (const char *)(c + 1) + i * sizeof fd, sizeof fd);
			meets(fd);
		}
		if (aligned > left)
			return;
		left -= aligned;
		c = (const struct kernel_cmsghdr *)((const char *)c + aligned);
	}
}

static void goes(int fd)
{
	release_aliased(fd);
	arrivals_leave(fd);
}

void rights_pass_slowly(const struct msghdr *hdr)
{
	if (readable(hdr->msg_control, length_of_control(hdr)))
		each(hdr, goes);
}

static void comes(int fd)
{
	rights_came(fd);
}

/* The kernel has just written the control data, so it can be read. */
void rights_take_slowly(const struct msghdr *hdr)
{
	each(hdr, comes);
}

/* What is known about the number is of a descriptor that was closed in a way that no hook saw. */
int rights_came(int fd)
{
	int saved = errno;
	if (fd >= 0)
		release_closing(fd);
	arrivals_one(fd);
	errno = saved;
	return fd;
}

void rights_pass_unchecked(int fd, const struct msghdr *hdr)
{
	if (rights_may_pass(fd) && readable(hdr, sizeof *hdr))
		rights_pass(fd, hdr);
}

void rights_pass_several(int fd, const struct mmsghdr *v, unsigned n)
{
	if (!rights_may_pass(fd))
		return;
	n = n < IOV_MAX ? n : IOV_MAX; /* the kernel takes no more */
	bool all = readable(v, n * sizeof *v);
	for (unsigned i = 0; i < n && (all || readable(&v[i], sizeof v[i])); i++)
		rights_pass(fd, &v[i].msg_hdr);
}

int rights_fetched(int fd)
{
	int saved = errno;
	uint64_t cookie = fd >= 0 ? conn_cookie_of(fd, 0) : 0;
	rights_came(fd);
	for (int i = cookie != 0 ? conn_next(0) : -1; i >= 0; i = conn_next((unsigned)i + 1))
		if (i != fd && !conn_unknown(i) && conn_cookie_of(i, cookie) == cookie) {
			release_aliased(i);
			arrivals_same(fd, i);
		}
	errno = saved;
	return fd;
}
