/* Lives of p_hosts in a sandbox: the process gives up system calls or the clock, before it writes or while a head is
 * held; or the process was started with some calls refused. */
#include "../../support/stopped.h"
#include "hosts.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NUMBER              BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ON(number, verdict) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, verdict)
#define ELSE(verdict)       BPF_STMT(BPF_RET | BPF_K, verdict)

static void lock_in(void)
{
	struct sock_filter few[] = {
		NUMBER,
		ON(SYS_read, SECCOMP_RET_ALLOW),
		ON(SYS_write, SECCOMP_RET_ALLOW),
		ON(SYS_exit, SECCOMP_RET_ALLOW),
		ON(SYS_exit_group, SECCOMP_RET_ALLOW),
		ELSE(SECCOMP_RET_KILL_PROCESS)
	};
	struct sock_filter most[] = { NUMBER, ON(SYS_sendto, SECCOMP_RET_ERRNO | EPERM), ELSE(SECCOMP_RET_ALLOW) };
	struct sock_filter nobody[] = { NUMBER, ON(SYS_getpid, SECCOMP_RET_KILL_PROCESS), ELSE(SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { sizeof few / sizeof *few, few };

	if (is_how("no clock")) {
		must(prctl(PR_SET_TSC, PR_TSC_SIGSEGV, 0, 0, 0) == 0, "PR_SET_TSC");
		return;
	}
	if (is_how("no sendto"))
		program = (struct sock_fprog){ sizeof most / sizeof *most, most };
	if (is_how("no getpid"))
		program = (struct sock_fprog){ sizeof nobody / sizeof *nobody, nobody };
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
	if (is_how("strict"))
		must((is_how("syscall") ? syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL)
		                        : prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) == 0,
		     "strict mode");
	else
		must((is_how("syscall") ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)
		                        : prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) == 0,
		     "a filter");
}

static void __attribute__((noreturn)) live_in_a_sandbox(int fd)
{
	bool head = is_how("held");
	ssize_t r[2] = { HEAD_SIZE, -1 };

	if (head)
		write_head(fd);
	lock_in();
	if (!head)
		r[0] = write(fd, HEAD, HEAD_SIZE);
	if (is_how("slow"))
		sleep_us(30000);
	r[1] = write(fd, large, BODY_SIZE);
	report("written: %zd and %zd\n", r[0], r[1]);
	if (is_how("forks")) {
		char *const program[] = { "true", NULL }, *const nothing[] = { NULL };
		int status = 0;
		pid_t pid = fork();

		if (pid == 0) {
			execve("/bin/true", program, nothing); /* without the library, which asks as it begins */
			_exit(1);
		}
		report("its child's end: %#x\n", waitpid(pid, &status, 0) == pid ? (unsigned)status : 0x100u);
	}
	if (is_how("_exit"))
		_exit(0);
	syscall(SYS_exit, 0);
	abort();
}

/* The process itself enters the sandbox, or a forked worker does. */
static void sandbox(void)
{
	int fd = accept_peer(), status = 0;

	if (!is_how("worker"))
		live_in_a_sandbox(fd);
	pid_t pid = fork();
	if (pid == 0)
		live_in_a_sandbox(fd);
	must(pid > 0 && waitpid(pid, &status, 0) == pid, "fork");
	report("the worker's end: %#x\n", (unsigned)status);
}

/* --- a sandbox for all threads at once --------------------------------------------------------- */

static _Atomic pid_t writers_tid;
static _Atomic bool locked_in;

static void *write_message(void *fd)
{
	writers_tid = gettid();
	write_head(*(const int *)fd);
	write_body(*(const int *)fd);
	while (!locked_in)
		sleep_us(1000);
	return NULL;
}

/* The filter comes into force for all threads while one of them is about to send, and has no CPU. The program makes no
 * call that is forbidden. */
static void sandbox_for_all(void)
{
	struct sock_filter no_sends[] = {
		NUMBER,
		ON(SYS_sendto, SECCOMP_RET_KILL_PROCESS),
		ON(SYS_sendmsg, SECCOMP_RET_KILL_PROCESS),
		ELSE(SECCOMP_RET_ALLOW)
	};
	struct sock_fprog program = { sizeof no_sends / sizeof *no_sends, no_sends };
	int fd = accept_peer();
	pthread_t writer;

	pthread_create(&writer, NULL, write_message, &fd);
	while (writers_tid == 0)
		sleep_us(1000);
	for (int64_t until = now_ns() + 150000000; !thread_is(writers_tid, 'S') && now_ns() < until;)
		sleep_us(1000);
	report("a thread was stopped: %d\n", stop_thread(writers_tid, 500) > 0);
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
	             syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_TSYNC, &program) == 0,
	     "a filter");
	locked_in = true;
	pthread_join(writer, NULL);
}

/* --- a sandbox that was there before the program started --------------------------------------- */

/* Calls that a server does not need if all it does is accept, read, write and close. */
static const struct {
	const char *name;
	int number;
} refusable[] = {
	{ "sendto", SYS_sendto },
	{ "writev", SYS_writev },
	{ "sendmsg", SYS_sendmsg },
	{ "setsockopt", SYS_setsockopt },
	{ "getsockopt", SYS_getsockopt },
	{ "ioctl", SYS_ioctl },
	{ "fcntl", SYS_fcntl },
	{ "ppoll", SYS_ppoll },
	{ "futex", SYS_futex },
	{ "rt_sigprocmask", SYS_rt_sigprocmask },
	{ "rt_sigaction", SYS_rt_sigaction },
	{ "sigaltstack", SYS_sigaltstack },
	{ "clone3", SYS_clone3 },
	{ "clone", SYS_clone },
	{ "madvise", SYS_madvise },
	{ "munmap", SYS_munmap },
	{ "prlimit64", SYS_prlimit64 },
	{ "prctl", SYS_prctl },
	{ "getpid", SYS_getpid },
	{ "gettid", SYS_gettid },
	{ "tgkill", SYS_tgkill },
	{ "nanosleep", SYS_nanosleep },
	{ "exit", SYS_exit },
	{ "sched_getaffinity", SYS_sched_getaffinity },
	{ "sched_setaffinity", SYS_sched_setaffinity },
	{ "sched_getscheduler", SYS_sched_getscheduler },
	{ "sched_setscheduler", SYS_sched_setscheduler },
	{ "getpriority", SYS_getpriority },
	{ "setpriority", SYS_setpriority },
	{ "readlinkat", SYS_readlinkat },
	{ "set_robust_list", SYS_set_robust_list },
	{ "rseq", SYS_rseq },
	{ "statx", SYS_statx },
	{ "geteuid", SYS_geteuid },
	{ "getdents64", SYS_getdents64 },
	{ "rt_sigpending", SYS_rt_sigpending },
#ifdef SYS_clock_gettime
	{ "clock_gettime", SYS_clock_gettime },
	{ "rt_sigtimedwait", SYS_rt_sigtimedwait },
#endif
#ifdef SYS_poll
	{ "poll", SYS_poll },
	{ "readlink", SYS_readlink },
#endif
};

/* Refuses a call. `how` is the name of the call, a blank, and the error to refuse it with. */
static void refuse(void)
{
	char name[32] = "", error[16] = "";
	int number = -1;

	must(sscanf(how, "%31s %15s", name, error) == 2, how);
	for (size_t i = 0; i < sizeof refusable / sizeof *refusable; i++)
		if (strcmp(refusable[i].name, name) == 0)
			number = refusable[i].number;
	if (number < 0) {
		report("no such call\n");
		exit(0);
	}
	struct sock_filter filter[] = {
		NUMBER,
		ON((unsigned)number, SECCOMP_RET_ERRNO | (strcmp(error, "ENOSYS") == 0   ? ENOSYS
		                                          : strcmp(error, "EACCES") == 0 ? EACCES
		                                                                         : EPERM)),
		ELSE(SECCOMP_RET_ALLOW)
	};
	struct sock_fprog program = { sizeof filter / sizeof *filter, filter };

	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 && prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0,
	     "a filter");
}

static void told(const char *what, ssize_t r)
{
	if (r >= 0)
		report("%s: %zd\n", what, r);
	else
		report("%s: %s\n", what, strerrorname_np(errno));
}

/* Waits until the head has come, though nothing follows it. False: it has not after 100 ms. */
static bool head_is_there(int client)
{
	int64_t until = now_ns() + INT64_C(100000000);
	long n = 0;

	while (n < HEAD_SIZE && now_ns() < until) {
		n += read(client, got, (size_t)(HEAD_SIZE - n));
		sleep_us(500);
	}
	return n == HEAD_SIZE && now_ns() < until;
}

static void take_body(int client)
{
	for (long n = 0; n < BODY_SIZE;)
		n += read(client, got, (size_t)(BODY_SIZE - n));
}

static int fork_once(void)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0)
		_exit(3);
	return pid < 0 ? -1 : waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : -2;
}

/* Executes this program again under the filter, and writes messages of all kinds, some on a connection within the
 * process whose bytes are read back. */
static void launched(void)
{
	int client, fd;

	if (getenv("LAUNCHED") == NULL) {
		char *const arguments[] = { "p_hosts", "launched", (char *)how, NULL };

		setenv("LAUNCHED", "1", 1);
		refuse();
		execv("/proc/self/exe", arguments);
		must(false, "execv");
	}
	fd = accept_peer();
	told("a head", write(fd, HEAD, HEAD_SIZE));
	told("its body", write(fd, large, BODY_SIZE));
	told("half a head", write(fd, HEAD, HEAD_SIZE / 2));
	told("its rest", write(fd, &HEAD[HEAD_SIZE / 2], HEAD_SIZE - HEAD_SIZE / 2));
	told("half a body", write(fd, large, BODY_SIZE / 2));
	told("its rest", write(fd, large, BODY_SIZE / 2));
	client = -1;
	fd = accept_own(&client);
	told("a head", write(fd, HEAD, HEAD_SIZE));
	report("is there: %d\n", head_is_there(client));
	told("half a body", write(fd, large, BODY_SIZE / 2));
	told("its rest", write(fd, large, BODY_SIZE / 2));
	take_body(client);
	told("another head", write(fd, HEAD, HEAD_SIZE));
	told("the end", close(fd));
	report("is there: %d\n", head_is_there(client));
	fd = accept_peer();
	told("a head", write(fd, HEAD, HEAD_SIZE));
	told("a fork", fork_once());
	told("its body", write(fd, large, BODY_SIZE));
	told("the last head", write(fd, HEAD, HEAD_SIZE));
}

const struct life sandbox_lives[] = {
	{ "sandbox", sandbox, true }, { "sandbox-for-all", sandbox_for_all }, { "launched", launched, true }, { NULL }
};
