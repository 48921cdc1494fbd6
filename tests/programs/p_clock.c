/* p_clock heads|stopped|back tests, for tests/preload/clock.c, that deadlines do not depend on the time that the
 * program sees. The program's own times and sleeps are system calls that no library sees. Each of ROUNDS heads waits
 * for its body longer than the timeout; then come messages that must be joined. */
#include "p_common.h"

#include <sched.h>
#include <signal.h>
#include <sys/wait.h>
#include <time.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

enum { ROUNDS = 11, JOINED = 10, GAP_MS = 60 };

/* How far this process's clock is ahead of the harness's, which is in the first time namespace. */
static int64_t offset_ns;

static int64_t kernels_now_ns(void)
{
	struct timespec t;

	unseen(SYS_clock_gettime, CLOCK_MONOTONIC, (long)&t, 0, 0, 0, 0);
	return t.tv_sec * INT64_C(1000000000) + t.tv_nsec - offset_ns;
}

static void kernels_sleep_ms(long ms)
{
	struct timespec t = { ms / 1000, ms % 1000 * 1000000 };

	unseen(SYS_nanosleep, (long)&t, 0, 0, 0, 0, 0);
}

/* Writes a head of a kind that has not met its deadline yet. The next head of the same kind would not be held. */
static void write_late_head(int fd)
{
	static unsigned kinds;

	write_head_of_kind(fd, kinds++);
}

static void write_head(int fd)
{
	must(write(fd, HEAD, 100) == 100, "writing a head");
}

static void write_body(int fd)
{
	static const char body[200] = "";

	must(write(fd, body, sizeof body) == sizeof body, "writing a body");
}

static void joined(int fd)
{
	for (int i = 0; i < JOINED; i++) {
		write_head(fd);
		write_body(fd);
	}
}

static void rounds(int fd)
{
	for (int i = 0; i < ROUNDS; i++) {
		shared->sent[i] = kernels_now_ns();
		write_late_head(fd);
		kernels_sleep_ms(GAP_MS);
		write_body(fd);
		kernels_sleep_ms(i); /* so that each round comes at another moment of the helper's period */
	}
}

static void heads(void)
{
	int fd = accept_peer();

	rounds(fd);
	joined(fd);
}

/* --- stopped with a head in memory until long after its deadline ------------------------------ */

static bool is_stopped(pid_t pid)
{
	char name[64], text[256] = "", *state;
	FILE *f;

	snprintf(name, sizeof name, "/proc/%d/stat", (int)pid);
	f = fopen(name, "r");
	must(f != NULL && fread(text, 1, sizeof text - 1, f) > 0, name);
	fclose(f);
	state = strrchr(text, ')');
	return state != NULL && state[2] == 'T';
}

static void wake_each_time(pid_t pid)
{
	for (int i = 0; i < ROUNDS; i++) {
		while (!is_stopped(pid))
			sleep_us(1000);
		kernels_sleep_ms(4 * GAP_MS);
		shared->sent[i] = kernels_now_ns();
		kill(pid, SIGCONT);
		while (is_stopped(pid))
			sleep_us(100);
	}
}

static void stopped(void)
{
	pid_t self = getpid(), waker = fork();
	int fd;

	if (waker == 0) {
		wake_each_time(self);
		_exit(0);
	}
	fd = accept_peer();
	for (int i = 0; i < ROUNDS; i++) {
		write_late_head(fd);
		kill(self, SIGSTOP);
		kernels_sleep_ms(GAP_MS);
		write_body(fd);
	}
	must(waitpid(waker, NULL, 0) == waker, "waitpid");
	joined(fd);
}

/* --- a clock that is set back, which only a move to another time namespace does --------------- */

static int name_space_of_time(const char *offset)
{
	int fd, file;

	must(unshare(CLONE_NEWTIME) == 0, "unshare(CLONE_NEWTIME)");
	file = open("/proc/self/timens_offsets", O_WRONLY);
	must(file >= 0 && write(file, offset, strlen(offset)) == (ssize_t)strlen(offset), "timens_offsets");
	close(file);
	fd = open("/proc/self/ns/time_for_children", O_RDONLY | O_CLOEXEC);
	must(fd >= 0, "/proc/self/ns/time_for_children");
	return fd;
}

static void back(void)
{
	int later = name_space_of_time("monotonic 2000 0\n"), earlier = name_space_of_time("monotonic 1000 0\n"), fd;

	must(setns(later, CLONE_NEWTIME) == 0, "setns");
	fd = accept_peer();
	joined(fd); /* makes the helper look at this connection from time to time, by the clock as it is now */
	must(setns(earlier, CLONE_NEWTIME) == 0, "setns");
	offset_ns = INT64_C(1000000000000);
	rounds(fd);
}

int main(int argc, char **argv)
{
	shared = shared_map(SHARED_FD);
	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "stopped") == 0)
		stopped();
	else if (strcmp(argv[1], "back") == 0)
		back();
	else
		heads();
	return 0;
}
