/* Descriptors that travel between processes: what is passed on, or fetched, is a second name of its socket. */
#ifndef ONEWRITE_RIGHTS_H
#define ONEWRITE_RIGHTS_H

#include <stddef.h>
#include <sys/socket.h>

#include "http.h"

/* Before a message is sent: the descriptors that it carries are aliases from now on. */
void rights_pass_slowly(const struct msghdr *hdr);
static inline void rights_pass(const struct msghdr *hdr)
{
	if (hdr->msg_controllen >= CMSG_LEN(sizeof(int)) && !http_nowhere(hdr->msg_control))
		rights_pass_slowly(hdr);
}
/* The same where nobody has looked at the arguments yet: what cannot be read is the kernel's to refuse. */
void rights_pass_unchecked(const struct msghdr *hdr);
void rights_pass_several(const struct mmsghdr *v, unsigned n);
/* A descriptor was fetched from a process (pidfd_getfd), perhaps from this one. Returns it. */
int rights_fetched(int fd);

#endif
