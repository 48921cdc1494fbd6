/* The library's own thread: it is there when a head is held, and soon gone when none is. */
#include "scenarios.h"

#include <dirent.h>
#include <sched.h>

enum { MESSAGES = 2000 };

static int threads(void)
{
	DIR *d = opendir("/proc/self/task");
	struct dirent *e;
	int n = 0;

	while ((e = readdir(d)) != NULL)
		n += e->d_name[0] != '.';
	closedir(d);
#ifdef __SANITIZE_THREAD__
	n -= n > 1; /* one is its own: it comes with the first other, and stays */
#endif
	return n;
}

static void no_hold_no_thread(void)
{
	int fd = accept_peer();
	char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";

	write_body(fd);
	must(write(fd, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1, "write");
	report("threads: %d\n", threads());
}

/* After ten messages, and then nothing, the process is by itself again. */
static void idle(void)
{
	int fd = accept_peer();
	int64_t until;

	for (int i = 0; i < 10; i++) {
		write_head(fd);
		write_body(fd);
	}
	for (until = now_ns() + INT64_C(5000000000); threads() > 1 && now_ns() < until;)
		sleep_us(10000);
	report("threads: %d\n", threads());
	write_head(fd); /* and it comes back */
	report("all at the peer: %d\n", peer_has_all());
}

/* To be alone is needed for a new namespace; CLONE_THREAD asks for nothing else, so it can be asked often. On a busy
 * machine the helper may not come to its end in time; asked again it does. */
static bool is_alone(void)
{
	for (int i = 0; i < 5; i++)
		if (unshare(CLONE_THREAD) == 0)
			return true;
	return false;
}

static void alone(void)
{
	int fd = accept_peer(), refused = 0;

	for (int i = 0; i < MESSAGES; i++) {
		write_head(fd);
		refused += !is_alone();
		write_body(fd);
	}
	report("refused: %d\n", refused);
}

const struct scenario helper_scenarios[] = {
	{ "no-hold", no_hold_no_thread },
	{ "idle", idle },
	{ "alone", alone },
	{ NULL, NULL },
};
