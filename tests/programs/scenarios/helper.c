/* Scenarios of p_scenarios about the helper (the library's one thread): it exists when a head is held, and ends soon
 * after the last hold. */
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
	n -= n > 1; /* TSan has a thread of its own: it starts with the program's first other thread, and stays */
#endif
	return n;
}

/* Nothing is held here, so there must be no helper. */
static void no_hold_no_thread(void)
{
	int fd = accept_peer();
	char answer[] = "HTTP/1.1 204 No Content\r\n\r\n";

	write_body(fd);
	must(write(fd, answer, sizeof answer - 1) == (ssize_t)sizeof answer - 1, "write");
	report("threads: %d\n", threads());
}

/* The helper ends a second after the last of ten messages, and comes back for the next head. */
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
	write_head(fd); /* starts the helper again */
	report("all at the peer: %d\n", peer_has_all());
}

/* Asks the kernel whether this process has one thread only, as unshare() of a new namespace requires. CLONE_THREAD
 * requires that and changes nothing else, so it can be asked often. On a busy machine the helper may not end in time
 * for the first question, so it is asked up to five times. */
static bool is_alone(void)
{
	for (int i = 0; i < 5; i++)
		if (unshare(CLONE_THREAD) == 0)
			return true;
	return false;
}

/* unshare() is called while a head is held. The helper must end before the kernel sees that call, or it would be
 * refused. */
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
