/* p_places privilege|task|refused WHAT tests, for tests/preload/places.c, that a process of one thread may do to itself
 * what it could do without the helper, and may have as many tasks. */
#include "number.h"
#include "p_pairs.h"

#include <dirent.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <threads.h>

static int fd;

static void write_body(void)
{
	char body[BODY_SIZE];

	memset(body, 'b', sizeof body);
	write_whole(fd, body, sizeof body);
}

static void write_message(void)
{
	write_head(fd);
	write_body();
}

static void __attribute__((noreturn)) not_here(const char *why)
{
	report("not here: %s: %s\n", why, strerrorname_np(errno));
	exit(0);
}

/* --- privileges ------------------------------------------------------------------------------- */

extern int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data);

static int drop(bool by_number)
{
	struct __user_cap_header_struct h = { _LINUX_CAPABILITY_VERSION_3, 0 };
	struct __user_cap_data_struct none[2] = { { 0 } };

	return (int)(by_number ? syscall(SYS_capset, &h, none) : capset(&h, none));
}

static int by_capset(void)
{
	return drop(false);
}

static int by_number(void)
{
	return drop(true);
}

static int no_new_privileges(void)
{
	return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int no_new_privileges_by_number(void)
{
	return (int)syscall(SYS_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
}

static int bounding_set(void)
{
	return prctl(PR_CAPBSET_DROP, CAP_SYS_BOOT, 0, 0, 0);
}

static int ambient_set(void)
{
	return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
}

static int secure_bits(void)
{
	return prctl(PR_SET_SECUREBITS, SECBIT_NOROOT, 0, 0, 0);
}

static int keep_capabilities(void)
{
	return prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0);
}

static int user_by_number(void)
{
	return (int)syscall(SYS_setresuid, 65534, 65534, 65534);
}

static int groups_by_number(void)
{
	return (int)syscall(SYS_setgroups, 0, NULL);
}

/* For these three calls it does not matter what the kernel answers: the only thread must make them. */
static int landlock(void)
{
	return (int)syscall(446, -1, 0); /* landlock_restrict_self */
}

static int label(void)
{
	return (int)syscall(460, 0, NULL, 0, 0); /* lsm_set_self_attr */
}

static int keyring(void)
{
	return (int)syscall(SYS_keyctl, 1, NULL); /* KEYCTL_JOIN_SESSION_KEYRING */
}

/* Calls `see` for each thread of the process, and returns how many answers were not 0. */
static int each_thread(int (*see)(const char *task))
{
	DIR *d = opendir("/proc/self/task");
	int sum = 0;

	for (struct dirent *e; (e = readdir(d)) != NULL;)
		sum += e->d_name[0] != '.' && see(e->d_name);
	closedir(d);
	return sum;
}

static int other;

static int note_other(const char *task)
{
	if (number_of_entry(task) != getpid())
		other = number_of_entry(task);
	return 0;
}

static int is_the_same(const char *task)
{
	return number_of_entry(task) == other;
}

/* Writes the lines of a task's status that tell its privileges to `lines`. */
static void privileges_of(const char *task, char *lines, size_t size)
{
	char path[300], line[300];
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%s/status", task);
	f = fopen(path, "r");
	lines[0] = '\0';
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		if (strncmp(line, "Cap", 3) == 0 || strncmp(line, "NoNewPrivs", 10) == 0 ||
		    strncmp(line, "Uid", 3) == 0 || strncmp(line, "Groups", 6) == 0)
			strncat(lines, line, size - strlen(lines) - 1);
	if (f != NULL)
		fclose(f);
}

static int differs(const char *task)
{
	char own[1500], its[1500], self[16];

	snprintf(self, sizeof self, "%d", getpid());
	privileges_of(self, own, sizeof own);
	privileges_of(task, its, sizeof its);
	return strcmp(own, its) != 0;
}

/* A helper that exists after the call must not be the one from before it, which would have kept the old privileges. */
static void privilege(int (*call)(void))
{
	int r, same;

	write_message();
	each_thread(note_other);
	r = call();
	same = each_thread(is_the_same);
	write_message();
	report("failed: %d, threads of before: %d, with other privileges: %d\n", r < 0, same, each_thread(differs));
}

/* --- tasks ------------------------------------------------------------------------------------ */

static _Atomic pid_t lived; /* the last task */

static void *live(void *argument)
{
	atomic_store(&lived, (pid_t)syscall(SYS_gettid));
	return argument;
}

static int live_too(void *argument)
{
	return live(argument) == NULL ? 0 : 1;
}

/* A thread that was joined counts as a task until the kernel has taken it down. */
static void wait_until_it_is_gone(void)
{
	while (syscall(SYS_tgkill, getpid(), atomic_load(&lived), 0) == 0)
		sleep_us(100);
}

static int a_pthread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, live, NULL);

	if (error == 0 && (error = pthread_join(thread, NULL)) == 0)
		wait_until_it_is_gone();
	return error;
}

static int a_thrd(void)
{
	thrd_t thread;
	int error = thrd_create(&thread, live_too, NULL);

	if (error == thrd_success && (error = thrd_join(thread, NULL)) == thrd_success)
		wait_until_it_is_gone();
	return error;
}

static char *const environment[] = { NULL };

static int a_spawn(void)
{
	char *const arguments[] = { "true", NULL };
	pid_t pid;
	int status = 0, error = posix_spawn(&pid, "/bin/true", NULL, NULL, arguments, environment);

	return error != 0 ? error : waitpid(pid, &status, 0) != pid || status != 0;
}

static int a_popen(void)
{
	FILE *f = popen("exit 3", "r");

	return f == NULL ? errno : pclose(f) != 3 << 8;
}

static int a_system(void)
{
	return system("exit 3") != 3 << 8;
}

static int a_fork(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : waitpid(pid, &status, 0) != pid || status != 0;
}

static int a_clone(void)
{
	static char stack[1 << 16] __attribute__((aligned(16)));
	int status = 0, pid = clone(live_too, stack + sizeof stack, CLONE_VM | CLONE_VFORK | SIGCHLD, NULL);

	return pid < 0 ? errno : waitpid(pid, &status, 0) != pid || status != 0;
}

/* Becomes a user that has no other tasks, and may have one more than it has. */
static void limit_tasks(void)
{
	struct rlimit two = { 2, 2 };
	uid_t user = 1000000 + (uid_t)getpid();

	if (setresgid(user, user, user) != 0 || setresuid(user, user, user) != 0)
		not_here("becoming somebody else");
	must(setrlimit(RLIMIT_NPROC, &two) == 0, "RLIMIT_NPROC");
}

static void task(int (*make)(void))
{
	limit_tasks();
	write_message();
	report("the first: %d\n", make());
	write_message();
	report("another: %d\n", make());
}

/* The test has the kernel refuse the task once while a head is held. The library then ends its helper, makes the call
 * again, and holds nothing for a second; afterwards it holds again. */
static void refused(int (*make)(void))
{
	write_head(fd);
	report("a task: %d\n", make());
	write_body();
	write_message();
	sleep_us(1200000);
	write_message();
	write_message();
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		int (*call)(void);
	} calls[] = {
		{ "capset", by_capset },
		{ "SYS_capset", by_number },
		{ "no new privileges", no_new_privileges },
		{ "no new privileges, by number", no_new_privileges_by_number },
		{ "bounding set", bounding_set },
		{ "ambient set", ambient_set },
		{ "secure bits", secure_bits },
		{ "keep capabilities", keep_capabilities },
		{ "SYS_setresuid", user_by_number },
		{ "SYS_setgroups", groups_by_number },
		{ "landlock", landlock },
		{ "label", label },
		{ "keyring", keyring },
		{ "pthread_create", a_pthread },
		{ "thrd_create", a_thrd },
		{ "posix_spawn", a_spawn },
		{ "popen", a_popen },
		{ "system", a_system },
		{ "fork", a_fork },
		{ "clone", a_clone },
	};

	shared = shared_map(SHARED_FD);
	fd = accept_peer();
	for (size_t i = 0; argc > 2 && i < sizeof calls / sizeof *calls; i++)
		if (strcmp(calls[i].name, argv[2]) == 0) {
			(strcmp(argv[1], "task") == 0      ? task
			 : strcmp(argv[1], "refused") == 0 ? refused
			                                   : privilege)(calls[i].call);
			return 0;
		}
	return 2;
}
