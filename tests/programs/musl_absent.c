/* Linked to another libc (musl): calls what that lacks, if somebody has it all the same. Says how many of them are
 * there, and how many come back otherwise than by saying that they cannot, or, where that libc has it by its plain
 * name, that there is no such descriptor. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

static const char *const names[] = { "preadv2",        "preadv64v2",  "pwritev2", "pwritev64v2", "__read",
	                             "__write",        "__send",      "__recv",   "__connect",   "__socket",
	                             "__close",        "__dup2",      "__fcntl",  "__read_chk",  "__recv_chk",
	                             "__recvfrom_chk", "sendfile64",  "fcntl64",  "dlmopen",     "pidfd_spawn",
	                             "pidfd_spawnp",   "pidfd_getfd", "execveat", "close_range", "io_uring_setup" };

int main(void)
{
	int there = 0, honest = 0;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		long (*call)(long, long, long, long, long, long);

		*(void **)&call = dlsym(RTLD_DEFAULT, names[i]);
		if (call == NULL)
			continue;
		there++;
		errno = 0;
		long r = call(-1, 0, 0, 0, 0, 0); /* no descriptor, no kind of socket, no list of name spaces */
		bool plain = strncmp(names[i], "__", 2) == 0 && strstr(names[i], "_chk") == NULL;
		if (plain ? errno != ENOSYS : (int)r == -1 || errno == ENOSYS || (int)r == ENOSYS || (int)r == -ENOSYS)
			honest++;
		else
			printf("%s: %ld\n", names[i], r);
	}
	printf("%d names, %d do not come back honestly\n", there, there - honest);
	return 0;
}
