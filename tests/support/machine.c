/* Finds out what this machine lacks (machine.h). */
#include "machine.h"

#include <criterion/criterion.h>
#include <fcntl.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#ifndef CLONE_NEWTIME
#define CLONE_NEWTIME 0x80
#endif

static const struct {
	const char *name;
	int flags;
	bool users_too; /* may an ordinary user have it in a user namespace? */
} parts[] = {
	[MOUNT_NAMESPACE] = { "name space of mounts", CLONE_NEWNS, true },
	[NETWORK_NAMESPACE] = { "network of its own", CLONE_NEWNET, true },
	[PID_NAMESPACE] = { "name space of process numbers", CLONE_NEWPID, false },
	[TIME_NAMESPACE] = { "name space of time", CLONE_NEWTIME, false },
	[FILE_CAPABILITIES] = { "name space of users", 0, true },
	[SET_USER_ID] = { "program with more privileges than its caller", CLONE_NEWNS, false },
};

/* Enters the namespace, in a child. Tries what unshare(1) does: in a chroot that is no mount point it cannot make the
 * mounts private. */
static bool enter(enum machine_part part)
{
	int flags = parts[part].flags;
	if (geteuid() != 0 ? !parts[part].users_too || unshare(CLONE_NEWUSER | flags) != 0 : unshare(flags) != 0)
		return false;
	if (flags == CLONE_NEWNS)
		return mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0;
	return flags != CLONE_NEWNET || open("/proc/sys/net/ipv4/tcp_notsent_lowat", O_WRONLY | O_CLOEXEC) >= 0;
}

void machine_skip(const char *row, const char *why)
{
	fprintf(stderr, "[SKIP] %s::%s, %s: %.*s\n", criterion_current_test->category, criterion_current_test->name,
	        row, (int)strcspn(why, "\n"), why);
	cr_skip_test("%s", why);
}

void machine_needs(enum machine_part part, const char *row)
{
	int status = -1;
	char why[100];
	if (part == NOTHING_RARE)
		return;
	pid_t pid = fork();
	if (pid == 0)
		_exit(enter(part) ? 0 : 1);
	cr_assert(pid > 0 && waitpid(pid, &status, 0) == pid, "no child to ask for a %s", parts[part].name);
	if (status == 0)
		return;
	snprintf(why, sizeof why, "this machine has no %s for us", parts[part].name);
	machine_skip(row, why);
}
