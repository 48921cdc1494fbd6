/* Reads the lengths in a struct msghdr or cmsghdr as the libc in use does.
 *
 * For the kernel and glibc they are as long as an address. For musl they are ints; on 64 bits the other half is padding
 * that may hold anything, and that musl clears before it passes the struct to the kernel. */
#ifndef ONEWRITE_LENGTHS_H
#define ONEWRITE_LENGTHS_H

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "own.h"

/* The structs as the kernel has them, see sendmsg(2) and cmsg(3), whatever libc this is built with. */
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

/* The length that a field of kernel_msghdr or kernel_cmsghdr stands for. */
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
