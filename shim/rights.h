/* Descriptors that travel between processes: one that is passed on, or fetched, is a second name of its socket. */
#ifndef ONEWRITE_RIGHTS_H
#define ONEWRITE_RIGHTS_H

#include <stddef.h>
#include <sys/socket.h>

#include "conn.h"
#include "http.h"
#include "lengths.h"

/* Can descriptors travel by this socket? Not by one that was seen to be of an internet family. */
static inline bool rights_may_pass(int fd)
{
	const struct conn *c = conn_find(fd);
	if (c == NULL)
		return true;
	enum conn_kind kind = atomic_load_explicit(&c->kind, memory_order_relaxed);
	return kind == CONN_UNKNOWN || (kind == CONN_OTHER && !conn_has(c, CONN_INTERNET));
}

/* Called before a message is sent on fd: the descriptors that it carries are aliases from now on. */
void rights_pass_slowly(const struct msghdr *hdr);
static inline void rights_pass(int fd, const struct msghdr *hdr)
{
	if (length_of_control(hdr) >= CMSG_LEN(sizeof(int)) && !http_nowhere(hdr->msg_control) && rights_may_pass(fd))
		rights_pass_slowly(hdr);
}
/* The same for arguments that were not checked yet: what cannot be read is left to the kernel to refuse. */
void rights_pass_unchecked(int fd, const struct msghdr *hdr);
void rights_pass_several(int fd, const struct mmsghdr *v, unsigned n);
/* Called after a message was received: the descriptors that it carries are shared with another process. */
void rights_take_slowly(const struct msghdr *hdr);
static inline void rights_take(const struct msghdr *hdr)
{
	if (length_of_control(hdr) >= CMSG_LEN(sizeof(int)))
		rights_take_slowly(hdr);
}
/* A descriptor came, or could not (-1). Returns it, and leaves errno alone. */
int rights_came(int fd);
/* A descriptor was fetched by pidfd_getfd, perhaps from this very process. Returns it, and leaves errno alone. */
int rights_fetched(int fd);

#endif
