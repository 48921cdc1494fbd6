/* p_limits WHAT [HOW] [NUMBER] measures what the library's memory costs a program that has little, and uses descriptors
 * with high numbers, for tests/preload/limits.c.
 *
 * reserved: how much address space, and how much memory, does the first connection take? little: the program has as
 * much address space left as it needs, or none. locked: all that is mapped is locked (mlockall). high: a connection has
 * this NUMBER (lib_high.c). */
#include "p_pairs.h"
#include "number.h"

#include <sys/wait.h>

static char body[BODY_SIZE];

static long field_kb(const char *path, const char *name)
{
	char text[4096] = "", *line;
	long file = unseen(SYS_openat, AT_FDCWD, (long)path, O_RDONLY, 0, 0, 0);

	must(unseen(SYS_read, file, (long)text, sizeof text - 1, 0, 0, 0) > 0, path);
	unseen(SYS_close, file, 0, 0, 0, 0, 0);
	line = strstr(text, name);
	must(line != NULL, name);
	return atol(line + strlen(name));
}

static long status_kb(const char *name)
{
	return field_kb("/proc/self/status", name);
}

static void limit(int which, rlim_t most)
{
	must(setrlimit(which, &(struct rlimit){ most, most }) == 0, "setrlimit");
}

static void send_message(int fd)
{
	write_head(fd);
	write_whole(fd, body, sizeof body);
}

enum { RESERVED_KB = 1024, TOUCHED_KB = 64, MESSAGES_KB = 1024 + 64, STACK_KB = 1024 + 64 };

static void reserve(void)
{
	long mapped = status_kb("VmSize:"), touched = field_kb("/proc/self/smaps_rollup", "Anonymous:"), now;
	int fd = accept_peer();

	now = status_kb("VmSize:");
	report("reserved in time of need: %d\n", now - mapped <= RESERVED_KB);
	report("touched no more than was used: %d\n",
	       field_kb("/proc/self/smaps_rollup", "Anonymous:") - touched <= TOUCHED_KB);
	send_message(fd);
	report("for messages and a stack: %d\n", status_kb("VmSize:") - now <= MESSAGES_KB + STACK_KB);
}

enum { LEFT_KB = 40 << 10 };

static void live_with_little(bool none)
{
	int fd;

	limit(RLIMIT_AS, (rlim_t)(status_kb("VmSize:") + (none ? 0 : LEFT_KB)) << 10);
	fd = accept_peer();
	send_message(fd);
	if (!none) /* all of it but 4 MB */
		report("the program's memory: %d\n", malloc((LEFT_KB - 4096) << 10) != NULL);
	send_message(fd);
}

/* tight: the program may lock only little more than it has locked. */
static void live_locked(bool tight)
{
	enum { TIGHT_KB = 256, OWN_KB = 128 };
	bool root = geteuid() == 0;
	long locked;
	int fd;

	must(mlockall(MCL_FUTURE | (tight || !root ? 0 : MCL_CURRENT)) == 0, "mlockall");
	if (tight) {
		limit(RLIMIT_MEMLOCK, (rlim_t)(status_kb("VmLck:") + TIGHT_KB) << 10);
		must(!root || setresuid(65534, 65534, 65534) == 0, "setresuid");
	}
	locked = status_kb("VmLck:");
	fd = accept_peer();
	report("locked by the first connection: little: %d\n", status_kb("VmLck:") - locked <= TOUCHED_KB);
	send_message(fd);
	if (tight)
		report("the program's memory: %d\n", mmap(NULL, OWN_KB << 10, PROT_READ | PROT_WRITE,
		                                          MAP_PRIVATE | MAP_ANONYMOUS, -1, 0) != MAP_FAILED);
	else
		report("by a message, but for the stack: little: %d\n",
		       status_kb("VmLck:") - locked <= STACK_KB + 2 * TOUCHED_KB);
	send_message(fd);
}

/* --- high numbers ----------------------------------------------------------------------------- */

extern int high_by; /* defined in lib_high.c */

static void write_in_child(int fd)
{
	pid_t child = fork();

	if (child == 0) {
		send_message(fd);
		_exit(0);
	}
	waitpid(child, NULL, 0);
}

static void be_high(const char *how, int wanted)
{
	int fd;

	high_by = wanted - SHARED_FD - 1;
	fd = accept_peer();
	report("the number is as wanted: %d\n", fd == wanted);
	send_message(fd);
	send_message(fd);
	write_head(fd);
	atomic_store(&shared->written, 2 * (HEAD_SIZE + BODY_SIZE) + HEAD_SIZE);
	if (strcmp(how, "fork") == 0) {
		write_in_child(fd);
		report("the peer has all: %d\n", peer_has_all());
		send_message(fd);
		return;
	}
	if (strcmp(how, "close") == 0)
		close(fd);
	else if (strcmp(how, "close_range") == 0)
		close_range((unsigned)fd - 1, ~0u, 0);
	else if (strcmp(how, "keepalive") == 0)
		set_int(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
	else if (strcmp(how, "read") == 0)
		recv(fd, body, 1, MSG_DONTWAIT);
	else if (strcmp(how, "exec") == 0)
		execl("/bin/true", "true", NULL);
	else
		_exit(0);
	report("the peer has all: %d\n", peer_has_all());
}

int main(int argc, char **argv)
{
	/* makes libc set up its heap now, and not when the library starts its first thread */
	char *volatile first = malloc(1);

	free(first);
	const char *how = argc > 2 ? argv[2] : "";

	if (argc < 2)
		return 2;
	shared = shared_map(SHARED_FD);
	memset(body, 'b', sizeof body);
	if (strcmp(argv[1], "reserved") == 0)
		reserve();
	else if (strcmp(argv[1], "little") == 0)
		live_with_little(strcmp(how, "none") == 0);
	else if (strcmp(argv[1], "locked") == 0)
		live_locked(strcmp(how, "tight") == 0);
	else
		be_high(how, argc > 3 ? natural("the number", argv[3]) : 0);
	return 0;
}
