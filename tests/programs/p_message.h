/* One message in two writes, and the child that may write a part of it. */
#ifndef P_MESSAGE_H
#define P_MESSAGE_H

#include "p_common.h"

#include <sys/wait.h>

enum { BODY_SIZE = 200 };

static inline void write_head(int fd)
{
	must(write(fd, HEAD, 100) == 100, "writing a head");
}

static inline void write_body(int fd)
{
	char body[BODY_SIZE];
	memset(body, 'b', sizeof body);
	must(write(fd, body, sizeof body) == sizeof body, "writing a body");
}

static inline void wait_for(pid_t pid)
{
	int status;
	must(pid > 0 && waitpid(pid, &status, __WALL) == pid && status == 0, "the child");
}

#endif
