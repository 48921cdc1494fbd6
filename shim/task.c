#include "task.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <string.h>

#include "own.h"

static _Atomic int process; /* atomic; the number of the process whose memory this is; 0: not told yet */

void task_own_process(int pid)
{
	atomic_store(&process, pid);
}

bool task_memory_is_ours(void)
{
	int known = atomic_load(&process);
	return known == 0 || known == own_pid();
}

uint64_t task_ran(int tid)
{
	enum { PER_THREAD = 4, SCHEDULED = 2 }; /* linux/posix-timers.h: how a clock's number is made of a thread's */
	int saved = errno;
	struct own_moment ran = { 0, 0 };
	/* by number: it is not the vDSO's, and no clock of another library's */
	if (tid == 0 ||
	    own()->syscall(SYS_clock_gettime, (clockid_t)((~(unsigned)tid << 3) | PER_THREAD | SCHEDULED), &ran) != 0)
		ran = (struct own_moment){ 0, 0 };
	errno = saved;
	return (uint64_t)ran.s * 1000000000u + (uint64_t)ran.ns;
}

/* Writes "/proc/self/task/TID/FILE", which needs 48 bytes at most. */
static const char *path_of(char *path, int tid, const char *file)
{
	static const char tasks[] = "/proc/self/task/";
	char digits[12], *at = path + sizeof tasks - 1;
	unsigned n = 0, number = (unsigned)tid;
	memcpy(path, tasks, sizeof tasks);
	do
		digits[n++] = (char)('0' + number % 10);
	while ((number /= 10) != 0);
	while (n > 0)
		*at++ = digits[--n];
	strcpy(at, file);
	return path;
}

/* Asks for a thread's program. Negative: it has none, or /proc cannot be read. */
static long read_exe(int tid)
{
	char path[48], target[1];
	return own()->syscall(SYS_readlinkat, AT_FDCWD, path_of(path, tid, "/exe"), target, sizeof target);
}

/* A main thread that has ended stays while other threads live, and a signal can still be sent to it. But it has no
 * program any more, and the calling thread has one. To ask this takes no descriptor. */
static bool is_zombie(int tid)
{
	return tid == own_pid() && read_exe(tid) < 0 && errno == ENOENT && read_exe(own_tid()) > 0;
}

static bool is_gone(int pid, int tid)
{
	return own()->syscall(SYS_tgkill, pid, tid, 0) != 0 && errno == ESRCH;
}

/* In a child of vfork the threads are its parent's, and in a child that no hook saw they are its own. */
bool task_has_ended(int tid)
{
	int known = atomic_load(&process), pid = own_pid();
	return (is_gone(pid, tid) && (known == pid || known == 0 || is_gone(known, tid))) || is_zombie(tid);
}

/* In /proc/self/task/TID/stat the state is the letter behind the name, which may have blanks and brackets. */
enum task_state task_state(int tid)
{
	char path[48], text[128], *p;
	int fd = (int)own()->syscall(SYS_openat, AT_FDCWD, path_of(path, tid, "/stat"), O_RDONLY | O_CLOEXEC);
	long size = fd >= 0 ? own()->syscall(SYS_read, fd, text, sizeof text - 1) : 0;
	if (fd >= 0)
		own()->syscall(SYS_close, fd);
	text[size > 0 ? size : 0] = '\0';
	p = strrchr(text, ')');
	if (p == NULL || p[1] != ' ')
		return TASK_UNKNOWN;
	return p[2] == 'S' ? TASK_SLEEPS : TASK_RUNS;
}

bool task_main_has_ended(void)
{
	char image[1]; /* after its end /proc/self names no executable any more */
	return own()->syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", image, sizeof image) < 0 && errno == ENOENT;
}

/* The links of /proc/self/task are two, and one for each thread, also for the main thread after its end. They are
 * counted last, for it may start a thread before its end. */
bool task_are_left(unsigned n)
{
	struct own_file task = { 0, 0 };
	unsigned zombies = task_main_has_ended();
	return own_file("/proc/self/task", &task) && task.links == 2 + n + zombies;
}

/* 0: the text is no number. */
static int number_in(const char *text)
{
	int n = 0;
	while (*text >= '0' && *text <= '9')
		n = n * 10 + (*text++ - '0');
	return n;
}

unsigned task_list(int *tids, unsigned most)
{
	struct entry { /* of getdents64(2) */
		uint64_t inode, offset;
		uint16_t size;
		uint8_t type;
		char name[];
	};
	_Alignas(struct entry) char list[2048];
	unsigned n = 0;
	long size;
	int tid, dir = (int)own()->syscall(SYS_openat, AT_FDCWD, "/proc/self/task", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (dir < 0)
		return 0;
	while ((size = own()->syscall(SYS_getdents64, dir, list, sizeof list)) > 0)
		for (char *p = list; p < list + size; p += ((struct entry *)p)->size)
			if (n < most && (tid = number_in(((struct entry *)p)->name)) != 0)
				tids[n++] = tid;
	own()->syscall(SYS_close, dir);
	return n;
}
