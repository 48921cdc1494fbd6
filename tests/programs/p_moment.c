/* Asks whether the kernel waits until the moment that clock.h gives it, for tests/preload/deadline.c. The exit status 0
 * means that it does. */
#include "clock.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { WAIT_NS = 20000000, LATE_NS = 2000000000 };

int main(void)
{
	uint32_t word = 0;
	uint64_t began = now_ns(), took;
	struct own_moment until = clock_moment(began + WAIT_NS);
	long r = syscall(SYS_futex, &word, FUTEX_WAIT_BITSET_PRIVATE, 0, &until, NULL, FUTEX_BITSET_MATCH_ANY);

	took = now_ns() - began;
	return !(r == -1 && errno == ETIMEDOUT && took >= WAIT_NS && took < LATE_NS);
}
