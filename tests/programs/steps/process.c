/* Steps of p_steps that concern the whole process: they start another one, execute another program, change privileges,
 * or exit. */
#include "steps.h"

#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>
#include <wordexp.h>

extern char **environ;

/* The arguments that start this program again, on the same descriptor, with `step` as its only step. */
static char **again(const char *step)
{
	static char number[16];
	static char *argv[6];

	snprintf(number, sizeof number, "fd=%d", fd);
	argv[0] = (char *)self;
	argv[1] = number;
	argv[2] = (char *)step;
	return argv;
}

long reap(pid_t pid)
{
	int status = -1;

	while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return status;
}

static long do_spawn(const struct step *s)
{
	pid_t pid;

	if ((strcmp(s->verb, "spawnp") == 0 ? posix_spawnp : posix_spawn)(&pid, self, NULL, NULL, again(s->argument),
	                                                                  environ) != 0)
		return -1;
	return without_errno(reap(pid)); /* the child ran in this memory, so errno may be the child's */
}

/* The child carries out the remaining steps; the parent waits for it and exits. */
static long do_go_on(const struct step *s)
{
	pid_t pid = strcmp(s->verb, "_forked") == 0 ? _Fork() : fork();

	if (pid > 0)
		_exit(reap(pid) == 0 ? 0 : 9);
	return pid;
}

static long do_daemon(const struct step *s)
{
	(void)s;
	return daemon(1, 1);
}

/* Calls that the kernel allows only to a process of one thread, or that libc has every thread make. */
static long do_privilege(const struct step *s)
{
	if (strcmp(s->verb, "setuid") == 0)
		return without_errno(setuid(getuid()));
	return unshare(CLONE_NEWUSER);
}

static long expand(const char *command)
{
	char words[600];
	wordexp_t w;
	int error;

	snprintf(words, sizeof words, "$(%s)", command);
	if ((error = wordexp(words, &w, 0)) == 0)
		wordfree(&w);
	return error;
}

static long do_shell(const struct step *s)
{
	char command[512];
	FILE *p;

	snprintf(command, sizeof command, "exec '%s' fd=%d '%s'", self, fd, s->argument);
	if (strcmp(s->verb, "system") == 0)
		return system(command);
	if (strcmp(s->verb, "wordexp") == 0)
		return expand(command);
	p = popen(command, "w");
	return p != NULL ? pclose(p) : -1;
}

static long do_vfork(const struct step *s)
{
	char **argv = again(s->argument);
	pid_t pid = vfork();

	if (pid == 0) {
		execv(self, argv);
		_exit(9);
	}
	return reap(pid);
}

/* Executes this program by the function that the argument names. The new program carries out the remaining steps. */
static long do_exec(const struct step *s)
{
	static char number[16];

	snprintf(number, sizeof number, "fd=%d", fd);
	args[0] = (char *)self;
	args[1] = number;
	if (strcmp(s->argument, "execv") == 0)
		execv(self, args);
	else if (strcmp(s->argument, "execve") == 0)
		execve(self, args, environ);
	else if (strcmp(s->argument, "execvp") == 0)
		execvp(self, args);
	else if (strcmp(s->argument, "execvpe") == 0)
		execvpe(self, args, environ);
	else if (strcmp(s->argument, "execl") == 0)
		execl(self, self, number, args[2], (char *)NULL);
	else if (strcmp(s->argument, "execlp") == 0)
		execlp(self, self, number, args[2], (char *)NULL);
	else if (strcmp(s->argument, "execle") == 0)
		execle(self, self, number, args[2], (char *)NULL, environ);
	else if (strcmp(s->argument, "fexecve") == 0)
		fexecve(open(self, O_RDONLY | O_CLOEXEC), args, environ);
	else if (strcmp(s->argument, "execveat") == 0)
		execveat(AT_FDCWD, self, args, environ, 0);
	else
		execv("/nothing", args);
	return -1;
}

/* The bytes that are still to be written when the process exits. */
static struct step last;

static void write_last(void)
{
	if (write(fd, last.bytes, last.size) != (ssize_t)last.size)
		_exit(8);
}

static long do_at_exit(const struct step *s)
{
	last = *s;
	last.bytes = strndup(s->bytes, s->size);
	return strcmp(s->verb, "atexit") == 0 ? atexit(write_last) : at_quick_exit(write_last);
}

static long do_exit(const struct step *s)
{
	int status = 7;

	if (strcmp(s->verb, "_exit") == 0)
		_exit(status);
	if (strcmp(s->verb, "_Exit") == 0)
		_Exit(status);
	if (strcmp(s->verb, "SYS_exit_group") == 0)
		syscall(SYS_exit_group, status);
	if (strcmp(s->verb, "quick_exit") == 0)
		quick_exit(status);
	if (strcmp(s->verb, "abort") == 0)
		abort();
	if (strcmp(s->verb, "killed") == 0)
		kill(getpid(), SIGKILL);
	exit(status);
}

const struct verb process_verbs[] = {
	{ "forked", do_go_on, 0 },
	{ "_forked", do_go_on, 0 },
	{ "spawn", do_spawn, 0 },
	{ "spawnp", do_spawn, 0 },
	{ "daemon", do_daemon, 0 },
	{ "system", do_shell, 0 },
	{ "popen", do_shell, 0 },
	{ "wordexp", do_shell, 0 },
	{ "vfork", do_vfork, 0 },
	{ "exec", do_exec, 0 },
	{ "exit", do_exit, 0 },
	{ "_exit", do_exit, 0 },
	{ "_Exit", do_exit, 0 },
	{ "quick_exit", do_exit, 0 },
	{ "abort", do_exit, 0 },
	{ "killed", do_exit, 0 },
	{ "SYS_exit_group", do_exit, 0 },
	{ "atexit", do_at_exit, BYTES },
	{ "at_quick_exit", do_at_exit, BYTES },
	{ "setuid", do_privilege, 0 },
	{ "unshare", do_privilege, 0 },
	{ NULL, NULL, 0 },
};
