#include "stats.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "config.h"
#include "headers.h"
#include "line.h"
#include "own.h"
#include "rarely.h"
#include "say.h"
#include "stats_file.h"
#include "stats_fold.h"

enum {
	SLOT_SIZE = (STATS_ROWS * sizeof(stats_row) + STATS_LINE - 1) / STATS_LINE * STATS_LINE,
	FILE_SIZE = sizeof(struct stats_head) + STATS_SLOTS * SLOT_SIZE,
	TRIES = 20, /* of a fold, at intervals of a millisecond */
};
_Static_assert(FILE_SIZE <= STATS_TOTAL_MAX, "a reader takes no larger file");

_Thread_local stats_row *stats_slot __attribute__((tls_model("initial-exec")));

/* Counts what comes before there is a file, and all where there is none. */
static stats_row early[STATS_ROWS];
static struct stats_head *_Atomic file; /* the mapping; NULL: there is none */
static atomic_bool tried;               /* a thread has made the file, or is making it, or it cannot be made */
static atomic_uint threads_seen;        /* deals out the slots */
static atomic_bool said, is_over;
static char file_name[STATS_NAME_MAX]; /* in the directory; written by the thread that makes the file, before `file` is
                                          set */

static stats_row *slot_of(struct stats_head *head, unsigned number)
{
	return (stats_row *)((char *)head + sizeof *head + number % STATS_SLOTS * SLOT_SIZE);
}

/* --- whose counters --------------------------------------------------------------------------- */

/* Reads /proc/self/stat: field 22 is the time at which the process began. The name in field 2 may have blanks and
 * brackets, so the fields are counted from the last bracket on. */
static uint64_t started_at(void)
{
	char text[512], *p;
	int fd = (int)own()->syscall(SYS_openat, AT_FDCWD, "/proc/self/stat", O_RDONLY | O_CLOEXEC);
	long n = fd >= 0 ? own()->syscall(SYS_read, fd, text, sizeof text - 1) : 0;
	uint64_t ticks = 0;
	if (fd >= 0)
		own()->syscall(SYS_close, fd);
	text[n > 0 ? n : 0] = '\0';
	p = strrchr(text, ')');
	for (int field = 2; p != NULL && field < 22; field++)
		p = strchr(p + 1, ' ');
	for (p = p != NULL ? p + 1 : text + strlen(text); *p >= '0' && *p <= '9'; p++)
		ticks = ticks * 10 + (uint64_t)(*p - '0');
	return ticks;
}

static uint64_t pid_space(void)
{
	struct statx s;
	return own()->syscall(SYS_statx, AT_FDCWD, "/proc/self/ns/pid", 0, STATX_INO, &s) == 0 ? s.stx_ino : 0;
}

static void describe(struct stats_head *head)
{
	struct own_moment now;
	own_clock(CLOCK_REALTIME, &now);
	head->head_size = sizeof *head;
	head->slots = STATS_SLOTS;
	head->slot_size = SLOT_SIZE;
	head->counters = COUNTERS;
	head->reasons = REASONS;
	head->pid = own_pid();
	head->started = started_at();
	head->pid_space = pid_space();
	head->began = (uint64_t)now.s;
	head->mode = config.observe ? STATS_OBSERVING : STATS_ACTIVE;
	head->processes = 1;
	memcpy(head->release, ONEWRITE_VERSION, sizeof ONEWRITE_VERSION);
	memcpy(head->program, config.program, sizeof head->program - 1);
	memcpy(head->magic, STATS_MAGIC, sizeof head->magic);
}

/* --- the file --------------------------------------------------------------------------------- */

static int open_directory(void)
{
	return (int)own()->syscall(SYS_openat, AT_FDCWD, config.stats, O_PATH | O_DIRECTORY | O_CLOEXEC);
}

/* A file that would be longer than the process may write raises a signal. */
static bool may_be_as_long(void)
{
	struct {
		uint64_t soft, hard;
	} limit;
	return own()->syscall(SYS_prlimit64, 0, RLIMIT_FSIZE, NULL, &limit) != 0 || limit.soft >= FILE_SIZE;
}

/* Takes room on the disk, by writing: a page that has none raises SIGBUS when it is written to. (The arguments of
 * fallocate(2) differ from machine to machine.) Returns 0 or an errno. */
static int make_room(int fd)
{
	static const char nothing[1024];
	for (size_t done = 0; done < FILE_SIZE;) {
		size_t left = FILE_SIZE - done;
		long n = own()->syscall(SYS_write, fd, nothing, left < sizeof nothing ? left : sizeof nothing);
		if (n <= 0)
			return n < 0 ? errno : ENOSPC;
		done += (size_t)n;
	}
	return 0;
}

static int open_new(int dir)
{
	return (int)own()->syscall(SYS_openat, dir, file_name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC,
	                           0644);
}

/* Where another process is at the total for longer, the file stays for the next reader. */
static void fold(int dir)
{
	RARELY static struct stats_fold f;
	struct pollfd nothing = { .fd = -1 };
	f.syscall = own()->syscall;
	f.fstat = own_fstat;
	for (int tries = 0; stats_fold(&f, dir, file_name) == stats_busy && tries < TRIES; tries++)
		own()->poll(&nothing, 1, 1);
}

static bool is_of_this_process(int dir, const struct stats_head *ours)
{
	struct stats_head there = { .magic = "" };
	int fd = (int)own()->syscall(SYS_openat, dir, file_name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC);
	long n = fd >= 0 ? own()->syscall(SYS_read, fd, &there, sizeof there) : 0;
	if (fd >= 0)
		own()->syscall(SYS_close, fd);
	return n == sizeof there && there.pid == ours->pid && there.started == ours->started &&
	       there.pid_space == ours->pid_space;
}

/* Returns 0 or an errno. */
static int make_file(int dir)
{
	struct stats_head head = { .magic = "" };
	describe(&head);
	stats_name(file_name, &head);
	int fd = open_new(dir), error = errno;
	/* Before it executed this program, the process may have had one already. A process of another container may
	 * have the same number. */
	if (fd < 0 && error == EEXIST && is_of_this_process(dir, &head)) {
		fold(dir);
		fd = open_new(dir);
	}
	if (fd < 0)
		return error;
	own()->syscall(SYS_fchmod, fd, 0644); /* whatever the umask: those who look at the counters read it */
	void *p = (error = make_room(fd)) == 0 ? mmap(NULL, FILE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0)
	                                       : MAP_FAILED;
	if (error == 0 && p == MAP_FAILED)
		error = errno;
	own()->syscall(SYS_close, fd);
	if (error != 0) {
		own()->syscall(SYS_unlinkat, dir, file_name, 0);
		return error;
	}
	/* what a reader knows it by is written last */
	memcpy((char *)p + sizeof head.magic, (char *)&head + sizeof head.magic, sizeof head - sizeof head.magic);
	atomic_thread_fence(memory_order_release);
	memcpy(p, head.magic, sizeof head.magic);
	atomic_store(&file, p);
	return 0;
}

static void try_file(void)
{
	int dir, error = EFBIG;
	if (config.stats == NULL || atomic_load(&is_over) || atomic_exchange(&tried, true))
		return;
	int saved = errno;
	if (may_be_as_long()) {
		dir = open_directory();
		error = dir < 0 ? errno : make_file(dir);
		if (dir >= 0)
			own()->syscall(SYS_close, dir);
	}
	if (error != 0)
		say_failure(&said, "counters", error, config.stats);
	errno = saved;
}

stats_row *stats_enter(void)
{
	try_file();
	struct stats_head *head = atomic_load(&file);
	if (head == NULL)
		return early;
	for (unsigned i = 0; i < STATS_ROWS; i++) {
		uint64_t n = atomic_load_explicit(&early[i], memory_order_relaxed);
		if (n != 0)
			atomic_fetch_add_explicit(&slot_of(head, 0)[i], atomic_exchange(&early[i], 0),
			                          memory_order_relaxed);
	}
	stats_slot = slot_of(head, atomic_fetch_add(&threads_seen, 1));
	return stats_slot;
}

/* --- the process ------------------------------------------------------------------------------ */

void stats_begin(void (*complain)(const char *line))
{
	struct line l = { .len = 0 };
	if (config.stats == NULL)
		return;
	int dir = open_directory(), error = dir < 0 ? errno : 0;
	if (dir >= 0 && own()->syscall(SYS_faccessat, AT_FDCWD, config.stats, W_OK | X_OK) != 0)
		error = errno;
	if (dir >= 0)
		own()->syscall(SYS_close, dir);
	if (error == 0)
		return;
	line_put(&l, "onewrite: no counters, ");
	line_error(&l, error);
	line_put(&l, ": ");
	line_put(&l, config.stats);
	l.text[l.len] = '\0';
	complain(l.text);
	atomic_store(&tried, true);
}

void stats_in_child(void)
{
	struct stats_head *parents = atomic_load(&file);
	stats_slot = NULL;
	if (parents != NULL)
		munmap(parents, FILE_SIZE);
	atomic_store(&file, NULL);
	atomic_store(&tried, false);
	atomic_store(&threads_seen, 0);
	for (unsigned i = 0; i < STATS_ROWS; i++)
		atomic_store_explicit(&early[i], 0, memory_order_relaxed);
}

uint64_t stats_sum(unsigned row)
{
	struct stats_head *head = atomic_load(&file);
	uint64_t n = atomic_load_explicit(&early[row], memory_order_relaxed);
	for (unsigned i = 0; head != NULL && i < STATS_SLOTS; i++)
		n += atomic_load_explicit(&slot_of(head, i)[row], memory_order_relaxed);
	return n;
}

void stats_end(void)
{
	atomic_store(&is_over, true);
	/* The limit may be lower than it was, and the total is a page. The file stays for the next reader then. */
	int dir = atomic_load(&file) != NULL && may_be_as_long() ? open_directory() : -1;
	if (dir < 0)
		return;
	fold(dir);
	own()->syscall(SYS_close, dir);
}
