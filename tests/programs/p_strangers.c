/* A program with a library (lib_names.c) that has functions of its own under names of libc's, for
 * tests/preload/names.c. Each must be called as if the preload were not there, and messages must be joined as usual. */
#include "p_common.h"

struct triple {
	long a, b, c;
};

extern char *own_clone(const char *text, int a, int b, int c, int d, int e, int f, int g, int h) __asm__("clone");
extern double own_unshare(double part, double whole) __asm__("unshare");
extern struct triple own_daemon(struct triple t, long factor) __asm__("daemon");
extern void *own_setns(void *list) __asm__("setns");

int main(void)
{
	char body[200];
	int fd = accept_peer();
	struct triple t = own_daemon((struct triple){ 1, 2, 3 }, 5);

	shared = shared_map(SHARED_FD);
	report("clone: %s\n", own_clone("?heads", 1, 1, 1, 1, 1, 1, 1, 1));
	report("unshare: %g\n", own_unshare(3, 4));
	report("daemon: %ld %ld %ld\n", t.a, t.b, t.c);
	report("setns: %d\n", (uintptr_t)own_setns(body) == (uintptr_t)body + ((uintptr_t)1 << 40));
	memset(body, 'b', sizeof body);
	must(write(fd, HEAD, 100) == 100 && write(fd, body, sizeof body) == sizeof body, "writing a message");
	return 0;
}
