/* The lengths in a message's header, as the libc behind us takes them. For the kernel and glibc each is as long as an
 * address; for musl it is an int, and what fills the rest on 64 bits is anything: musl takes it out on the way to the
 * kernel. */
#ifndef ONEWRITE_LENGTHS_H
#define ONEWRITE_LENGTHS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "own.h"

/* The kernel's, see sendmsg(2) and cmsg(3), whatever libc we are built with. */
struct __attribute__((may_alias)) kernel_msghdr {
	void *name;
	int namelen;
	struct iovec *iov;
	size_t iovlen;
	void *control;
	size_t controllen;
};
struct __attribute__((may_alias)) kernel_cmsghdr {
	size_t len;
	int level, type;
};

static inline size_t length_of(size_t length)
{
	return length > UINT32_MAX && !own()->is_glibc ? (uint32_t)length : length;
}

static inline size_t length_of_iov(const struct msghdr *hdr)
{
	return length_of(((const struct kernel_msghdr *)hdr)->iovlen);
}

static inline size_t length_of_control(const struct msghdr *hdr)
{
	return length_of(((const struct kernel_msghdr *)hdr)->controllen);
}

#endif
