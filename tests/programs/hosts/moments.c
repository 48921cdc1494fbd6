/* Lives of p_hosts that make calls before all constructors, or end by their last thread. */
#include "hosts.h"

#include <signal.h>
#include <sys/wait.h>

enum { HIGH = 900 };

static struct {
	int close_range, closefrom, fork, execveat;
} early;

/* Makes calls before all constructors, the library's included, so its hooks must work before it is set up. */
static __attribute__((no_sanitize("address", "thread"))) void run_early(int argc, char **argv, char **environment)
{
	static char *const none[] = { NULL };
	int status = 0;
	pid_t pid;

	(void)environment;
	if (argc < 2 || strcmp(argv[1], "early") != 0)
		return;
	dup2(SHARED_FD, HIGH);
	early.close_range = close_range(HIGH, HIGH, 0) == 0 && fcntl(HIGH, F_GETFD) == -1;
	dup2(SHARED_FD, HIGH);
	closefrom(HIGH);
	early.closefrom = fcntl(HIGH, F_GETFD) == -1;
	pid = _Fork();
	if (pid == 0)
		_exit(7);
	early.fork = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7;
	early.execveat = execveat(AT_FDCWD, "/nowhere/to/be/found", none, none, 0) == -1 && errno == ENOENT;
}

__attribute__((section(".preinit_array"), used)) static void (*const run_before_all)(int, char **, char **) = run_early;

static void report_early(void)
{
	int fd = accept_peer();

	report("close_range %d, closefrom %d, _Fork %d, execveat %d\n", early.close_range, early.closefrom, early.fork,
	       early.execveat);
	write_head(fd);
	write_body(fd);
}

static int64_t ended;

static bool first_thread_ends; /* it is also the last one */

static int answers_client;
static char came[2 * HEAD_SIZE + BODY_SIZE];

/* What is held has left when the last thread has ended, so an exit handler can wait for the peer's word. */
static void at_exit(void)
{
	if (ended == 0)
		return;
	if (is_how("held"))
		report("all came: %d, ", read_until(answers_client, came, sizeof came, 100) == sizeof came);
	if (first_thread_ends)
		report("on the first thread: %d, ", gettid() == getpid());
	report("late: %d\n", now_ns() - ended >= 500000000);
}

/* Deadlines are looked at when a multiple of the timeout is over, here of a second. So nothing that is held from now on
 * is due within 900 ms. */
static void wait_for_a_second_to_begin(void)
{
	while (now_ns() % 1000000000 > 100000000)
		sleep_us(5000);
}

/* Otherwise the first thread is the last one, and a hook sees its end. */
static void wait_for_the_first_thread_to_end(void)
{
	int64_t until = now_ns() + INT64_C(2000000000);

	while (!thread_is(getpid(), 'Z')) {
		errno = ETIMEDOUT;
		must(now_ns() < until, "waiting for the first thread's end");
		sleep_us(1000);
	}
}

static void *answer_once(void *argument)
{
	int client, fd = accept_own(&client);

	write_head(fd);
	write_body(fd);
	answers_client = client;
	if (is_how("later"))
		sleep_us(300000);
	if (is_how("held")) {
		wait_for_the_first_thread_to_end();
		wait_for_a_second_to_begin();
		write_head(fd);
	}
	ended = now_ns();
	return argument;
}

/* The process ends when its last thread does, which is the first thread or another one. The helper must not outlive it,
 * or run the exit handlers. */
static void last_thread(void)
{
	pthread_t thread;

	atexit(at_exit);
	first_thread_ends = is_how("first");
	if (first_thread_ends)
		answer_once(NULL);
	else
		pthread_create(&thread, NULL, answer_once, NULL);
	pthread_exit(NULL);
}

/* The only thread ends by SYS_exit, and its status must become that of the process. */
static void last_status(void)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		answer_once(NULL);
		syscall(SYS_exit, 3);
	}
	must(pid > 0 && waitpid(pid, &status, 0) == pid, "fork");
	report("ended: %d, status: %d\n", WIFEXITED(status), WEXITSTATUS(status));
}

/* --- the last thread returns from its start routine, which no hook sees, after the first has ended ----- */

enum { LAST_ROUNDS = 8, ASLEEP_US = 250000 };

static void at_last(void)
{
	sigset_t mask;

	pthread_sigmask(SIG_BLOCK, NULL, &mask);
	report("SIGTERM is blocked: %d, SIGUSR1: %d\n", sigismember(&mask, SIGTERM), sigismember(&mask, SIGUSR1));
}

static void *return_at_last(void *when)
{
	int client, fd = accept_own(&client);

	write_head(fd);
	write_body(fd);
	sleep_us(ASLEEP_US);
	*(int64_t *)when = now_ns();
	return NULL;
}

static void end_first(int64_t *when, bool handlers)
{
	pthread_t thread;
	sigset_t own;

	sigemptyset(&own);
	sigaddset(&own, SIGUSR1);
	pthread_sigmask(SIG_BLOCK, &own, NULL);
	if (handlers)
		atexit(at_last);
	pthread_create(&thread, NULL, return_at_last, when);
	sleep_us(ASLEEP_US - 20000); /* by then the helper is in its long sleep */
	pthread_exit(NULL);
}

/* The helper has to find out that it is the last thread, and end. The exit handlers then run on it: they must see
 * the signal mask of the program, and the process must not end late. */
static void last_return(void)
{
	int64_t *when = mmap(NULL, sizeof *when, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0), late = 0;

	for (int i = 0; i < LAST_ROUNDS; i++) {
		pid_t pid = fork();

		if (pid == 0)
			end_first(when, i == 0);
		must(pid > 0 && waitpid(pid, NULL, 0) == pid, "fork");
		late += now_ns() - *when;
	}
	report("late: %d\n", late > LAST_ROUNDS * INT64_C(15000000));
}

const struct life moment_lives[] = { { "early", report_early },
	                             { "last-thread", last_thread },
	                             { "last-status", last_status },
	                             { "last-return", last_return },
	                             { NULL } };
