#include "process.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Our own name space of process numbers, by its inode; 0: it is not known, or the numbers in /proc are of another
 * one. */
static uint64_t own_space(void)
{
	static uint64_t space;
	static bool is_known;
	struct stat s;
	char number[16];
	if (is_known)
		return space;
	is_known = true;
	ssize_t n = readlink("/proc/self", number, sizeof number - 1);
	number[n > 0 ? n : 0] = '\0';
	if (n > 0 && atoi(number) == getpid() && stat("/proc/self/ns/pid", &s) == 0)
		space = s.st_ino;
	return space;
}

/* Field 22 of the process's stat(5), of which `text` is what was read. False: it is not there. */
static bool start_of(const char *text, uint64_t *started)
{
	const char *at = strrchr(text, ')'); /* behind the name, which may have blanks */
	char *end;
	for (int field = 2; at != NULL && field < 22; field++)
		if ((at = strchr(at, ' ')) != NULL)
			at++;
	if (at == NULL)
		return false;
	*started = strtoull(at, &end, 10);
	return end > at;
}

/* A process of another time name space knows its start by another clock than we do. */
static bool has_our_clock(int pid)
{
	char path[64];
	struct stat own, other;
	snprintf(path, sizeof path, "/proc/%d/ns/time", pid);
	if (stat("/proc/self/ns/time", &own) != 0)
		return errno == ENOENT; /* the kernel has no such name spaces */
	return stat(path, &other) == 0 && other.st_dev == own.st_dev && other.st_ino == own.st_ino;
}

bool process_has_ended(const struct stats_head *h)
{
	char path[64], text[1024];
	uint64_t started;
	if (h->pid <= 0 || own_space() == 0 || h->pid_space != own_space())
		return false;
	snprintf(path, sizeof path, "/proc/%d/stat", h->pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0) /* processes of other users may be hidden (hidepid) */
		return errno == ENOENT && kill(h->pid, 0) != 0 && errno == ESRCH;
	ssize_t n = read(fd, text, sizeof text - 1);
	bool ended = n < 0 && errno == ESRCH;
	close(fd);
	text[n > 0 ? n : 0] = '\0';
	return ended || (start_of(text, &started) && started != h->started && has_our_clock(h->pid));
}
