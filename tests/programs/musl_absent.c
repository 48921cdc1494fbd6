/* Linked with musl, for tests/preload/loads.c: calls the exported names that musl lacks, if some library has them all
 * the same. It prints how many are there, and how many return something other than "cannot be done" (ENOSYS) or, where
 * musl has the function under its plain name, "no such descriptor". */
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
		long r = call(-1, 0, 0, 0, 0, 0); /* an invalid descriptor, socket type and list of name spaces */
		bool plain = strncmp(names[i], "__", 2) == 0 && strstr(names[i], "_chk") == NULL;
		if (plain ? errno != ENOSYS : (int)r == -1 || errno == ENOSYS || (int)r == ENOSYS || (int)r == -ENOSYS)
			honest++;
		else
			printf("%s: %ld\n", names[i], r);
	}
	printf("%d names, %d do not come back honestly\n", there, there - honest);
	return 0;
}
