#include "lifecycle.h"

#include <errno.h>
#include <linux/nsfs.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <sched.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "arrivals.h"
#include "conf_file.h"
#include "config.h"
#include "conn.h"
#include "habit.h"
#include "note.h"
#include "observe.h"
#include "once.h"
#include "lock.h"
#include "ordinary.h"
#include "passage.h"
#include "pool.h"
#include "process.h"
#include "rarely.h"
#include "readable.h"
#include "real.h"
#include "due.h"
#include "release.h"
#include "report.h"
#include "room.h"
#include "say.h"
#include "stats.h"
#include "trace.h"

static void copy_begins(void)
{
	release_corked();
	process_copy_begins();
}

/* The handlers of pthread_atfork() are for forks inside libc. fork() itself comes by our hook first, where it is safe
 * to wait for the helper's end: here other fork handlers may have locks that the helper needs. */
static void prepare(void)
{
	copy_begins();
	release_all(WHY_FORK);
	arrivals_pack();
}

static void parent(void)
{
	arrivals_drop();
	process_copy_ended();
}

static void child(void)
{
	lifecycle_in_child();
}

/* glibc's pthread_atfork() is linked into each program that uses it, and needs a symbol that musl lacks. */
static void register_at_fork(void)
{
#ifdef __GLIBC__
	extern int __register_atfork(void (*)(void), void (*)(void), void (*)(void), void *) __attribute__((weak));
	extern char __dso_handle __attribute__((visibility("hidden")));
	if (__register_atfork != NULL)
		__register_atfork(prepare, parent, child, &__dso_handle);
	else
#endif
		if (threads()->pthread_atfork != NULL)
		threads()->pthread_atfork(prepare, parent, child);
}

static bool exists(const char *path)
{
	return own()->syscall(SYS_faccessat, AT_FDCWD, path, F_OK) == 0;
}

/* There is a file of settings, and so the helper looks for the file that switches the library off. */
static bool has_switch;

/* Called by the helper. */
static void look_at_the_switch(void)
{
	if (config.off || !conf_file_says_off())
		return;
	config.off = true;
	process_forbid_memory(); /* so that usual() begins none either */
	if (config.trace != NULL)
		trace_process(WHY_SWITCHED_OFF);
}

/* Returns why the program is not to be helped; WHY_LOADED: it is. The name of the program's file is wanted only where
 * something is set. */
static enum reason read_settings(char **argv, char **envp)
{
	RARELY static char image[4096], room[CONF_FILE_ROOM];
	struct settings_text file;
	bool read = conf_file_read(&file, room, say_complaint);
	has_switch = file.p != NULL;
	if (read && !has_switch && !config_is_given(envp))
		return WHY_LOADED;
	ssize_t n = own()->syscall(SYS_readlinkat, AT_FDCWD, "/proc/self/exe", image, sizeof image - 1);
	image[n > 0 ? n : 0] = '\0';
	if (!read || !config_read(argv, envp, has_switch ? &file : NULL, image, exists, say_complaint))
		return WHY_NOT_LISTED;
	return has_switch && conf_file_says_off() ? WHY_SWITCHED_OFF : WHY_LOADED;
}

static pid_t counting;   /* the process that counts; set before there are other threads, and in a forked child */
static atomic_bool told; /* the process has stopped counting */

static void begin_to_note(void)
{
	counting = own_pid();
	note_begin();
	say_begin();
	stats_begin(say_complaint);
	if (config.trace != NULL)
		trace_process(WHY_LOADED);
}

/* Nothing is known of any number, for ever, and so each call comes by the hooks' slow ways. */
static void begin_to_observe(void)
{
	config.observe = config.observe && config.notes && observe_begin();
	if (!config.observe) {
		real_stand_aside();
		return;
	}
	begin_to_note();
	readable_asks_nothing();
	atomic_store(&conn_none_beyond, false);
}

static void begin_with(char **argv, char **envp)
{
	bool strangers = real_init_all();
	conn_begin();
	/* A program that has more privileges than its caller (set-user-ID, file capabilities) is left alone, since the
	 * caller chose the environment. */
	bool secure = getauxval(AT_SECURE) != 0 || !own_is_whole();
	enum reason why = secure ? WHY_NOT_LISTED : read_settings(argv, envp);
	if (why != WHY_LOADED) {
		if (!secure && config.trace != NULL)
			trace_process(why);
		real_stand_aside();
		return;
	}
	if (config.observe) {
		begin_to_observe();
		return;
	}
	if (!process_begin()) {
		real_stand_aside();
		return;
	}
	if (config.notes)
		begin_to_note();
	room_begin();
	ordinary_begin();
	deadline_init(due_look, has_switch ? look_at_the_switch : NULL);
	register_at_fork();
	if (config.place == PLACE_KERNEL || strangers)
		process_forbid_memory();
	config.active = true; /* last: threads of other constructors may be writing already */
	arrivals_at_start();
}

/* musl calls constructors without arguments. */
static void begin_alone(void)
{
	char text[4096], *argv[32];
	int fd = (int)own()->syscall(SYS_openat, AT_FDCWD, "/proc/self/cmdline", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? own()->syscall(SYS_read, fd, text, sizeof text - 1) : 0;
	size_t count = 0;
	text[n > 0 ? n : 0] = '\0';
	for (char *p = text; p < text + n && count < sizeof argv / sizeof *argv - 1; p += strlen(p) + 1)
		argv[count++] = p;
	argv[count] = NULL;
	if (fd >= 0)
		own()->syscall(SYS_close, fd);
	begin_with(argv, environ);
}

extern const char *gnu_get_libc_version(void) __attribute__((weak));

__attribute__((constructor)) static void begin(int argc, char **argv, char **envp)
{
	int saved = errno;
	(void)argc;
	if (gnu_get_libc_version != NULL)
		begin_with(argv, envp);
	else
		begin_alone();
	errno = saved;
}

__attribute__((destructor)) static void end(void)
{
	lifecycle_end();
}

static void put_report(const struct line *l)
{
	if (config.report[0] != '\0')
		say_append(config.report, l);
	else
		say_line(l);
}

/* Nothing more is counted. The first time only, for an exit leads to _exit. A child whose making no hook saw, and one
 * of vfork, have counted in their parent's file, and leave it. */
__attribute__((cold)) static void stop_counting(void)
{
	struct report r = { .program = config.program, .observes = config.observe, .put = put_report };
	if (!config.counts || atomic_load(&told) || (r.pid = own_pid()) != counting)
		return;
	atomic_store(&told, true);
	note_end();
	for (unsigned row = 0; row < STATS_ROWS && config.report != NULL; row++)
		r.sum_of[row] = stats_sum(row);
	report_write(&r);
	stats_end();
}

/* Called before the first fork of the process: maps the page in which parent and children share what they learned. If
 * that fails, each child learns by itself. */
static void share_habits(void)
{
	static atomic_bool shared; /* a child finds it set, and the page mapped */
	if (!config.active || atomic_exchange(&shared, true))
		return;
	void *page = mmap(NULL, habit_record_size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (page != MAP_FAILED)
		habit_share(page);
}

void lifecycle_before_copy(void)
{
	int saved = errno;
	share_habits();
	copy_begins();
	release_all(WHY_FORK);
	deadline_stop();
	arrivals_pack();
	errno = saved;
}

void lifecycle_after_copy(void)
{
	arrivals_drop();
	process_copy_ended();
	deadline_resume();
}

void lifecycle_in_child(void)
{
	if (config.counts && !atomic_load(&told)) {
		stats_in_child();
		counting = own_pid();
	}
	if (config.observe) {
		observe_in_child();
		return;
	}
	once_end();
	crowd_begin();
	process_own();
	/* Otherwise the kernel has wiped the tables, the messages with their locks, and the helper's state. */
	if (!pool_wipes_on_fork()) {
		deadline_forget();
		conn_forget_all();
		pool_forget();
		msg_forget_all();
	}
	arrivals_unpack();
}

void lifecycle_before_spawn(void)
{
	int saved = errno;
	copy_begins();
	release_all(WHY_FORK);
	errno = saved;
}

void lifecycle_after_spawn(void)
{
	process_copy_ended();
}

void lifecycle_before_exec(void)
{
	int saved = errno;
	if (process_is_borrowed()) {
		process_copy_left(); /* no copy begins, since nobody would end it: our parent's memory outlives us */
		atomic_store(&process_lent, false);
	} else
		copy_begins();
	release_before_exec();
	errno = saved;
}

void lifecycle_exec_failed(void)
{
	if (!process_is_borrowed())
		process_copy_ended();
}

enum sharing lifecycle_before_clone(uint64_t flags)
{
	enum sharing sharing = sharing_of(flags);
	if (sharing == AS_VFORK && flags & CLONE_NEWPID && own_pid() == 1)
		sharing = IN_PART; /* the first process of the new name space has our number */
	if (sharing == IN_PART)
		lifecycle_retire();
	else if (sharing == AS_FORK)
		lifecycle_before_copy();
	return sharing;
}

void lifecycle_copies_unseen(void)
{
	process_forbid_memory();
	lifecycle_after_copy();
}

/* A child of vfork is a process of its own: what it changes is its own, and the helper is its parent's. */
static void alone(void)
{
	int saved = errno;
	if (!process_is_borrowed()) {
		release_all(WHY_PRIVILEGES);
		deadline_stop();
	}
	errno = saved;
}

/* After CLONE_NEWPID a child may have any number, ours too, and one made by vfork would be taken for us. */
void lifecycle_before_unshare(int flags)
{
	if (flags & (CLONE_FILES | CLONE_NEWPID))
		lifecycle_retire();
	else
		alone();
}

static bool is_pid_space(int fd, int type)
{
	int saved = errno, kind = type != 0 ? type : libc()->ioctl(fd, NS_GET_NSTYPE);
	errno = saved;
	return kind > 0 && kind & CLONE_NEWPID;
}

void lifecycle_before_setns(int fd, int type)
{
	if (is_pid_space(fd, type))
		lifecycle_retire();
	else
		alone();
}

void lifecycle_before_last_thread_ends(void)
{
	alone();
}

void lifecycle_before_thread_ends(void)
{
	int saved = errno;
	if (config.active && deadline_outlives())
		alone();
	else if (config.active)
		deadline_thread_ends();
	errno = saved;
}

void lifecycle_before_privilege(void)
{
	alone();
}

/* In this order: a thread that is about to hold a head meanwhile finds that there is no helper, or its head is found
 * here. */
bool lifecycle_gives_way(void)
{
	int saved = errno;
	bool gone = config.active && !process_is_borrowed() && deadline_yield();
	if (gone)
		release_all(WHY_PRIVILEGES);
	errno = saved;
	return gone;
}

void lifecycle_not_alone(void)
{
	deadline_resume();
}

void lifecycle_unseen_writers(void)
{
	int saved = errno;
	process_forbid_memory();
	release_all(WHY_RETIRED);
	errno = saved;
}

void lifecycle_retire(void)
{
	int saved = errno;
	config.active = false;
	process_forbid_memory();
	if (process_is_borrowed()) /* our parent keeps what it knows, and its helper sees to what is held */
		release_all(WHY_RETIRED);
	else {
		release_for_good();
		deadline_end();
		note_end();
		stop_counting(); /* a sandbox may refuse the calls that this takes */
		process_retire();
	}
	errno = saved;
}

bool lifecycle_before_prctl(unsigned long option, unsigned long mode, unsigned long filter)
{
	switch (option) {
	case PR_SET_SECCOMP:
		if (mode == SECCOMP_MODE_STRICT || filter != 0) /* without a filter it is a question */
			lifecycle_retire();
		return false;
	case PR_SET_TSC: /* the clock reads the time-stamp counter */
		if (mode == PR_TSC_SIGSEGV)
			lifecycle_retire();
		return false;
	case PR_SET_NO_NEW_PRIVS:
	case PR_SET_SECUREBITS:
	case PR_SET_KEEPCAPS:
	case PR_CAPBSET_DROP:
	case PR_CAP_AMBIENT: lifecycle_before_privilege(); return true;
	}
	return false;
}

void lifecycle_before_seccomp(unsigned long operation, unsigned long flags, const void *filter)
{
	bool active = config.active;
	if (operation == SECCOMP_SET_MODE_STRICT || (operation == SECCOMP_SET_MODE_FILTER && filter != NULL))
		lifecycle_retire();
	int saved = errno;
	if (active && !config.active && flags & SECCOMP_FILTER_FLAG_TSYNC)
		passage_wait();
	errno = saved;
}

void lifecycle_ends_at_once(void)
{
	int saved = errno;
	if (!process_is_borrowed())
		process_copy_begins(); /* does not end before the process does */
	else
		atomic_store(&process_lent, false);
	release_at_the_end();
	stop_counting();
	errno = saved;
}

__attribute__((cold)) void lifecycle_end(void)
{
	int saved = errno;
	config.active = false;
	process_forbid_memory();
	release_at_the_end();
	stop_counting();
	errno = saved;
}
