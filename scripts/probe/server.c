#include "server.h"
#include "measure.h"
#include "say.h"
#include "writes.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PATIENCE_MS = 5000, SAID_MAX = 600 };

static struct {
	pid_t child; /* what we wait for: the program, or who counts its writes; 0: there is none */
	bool ended;  /* and was waited for */
	int status;
	int said; /* gets what it writes */
	struct writes *writes;
	pid_t owner; /* of all this: children of ours have a copy */
} server;

/* --- its end ---------------------------------------------------------------------------------- */

/* Takes the statuses of all that has ended. Programs whose parents ended have become our children. */
static void reap(void)
{
	int status;
	for (pid_t pid; (pid = waitpid(-1, &status, WNOHANG)) > 0;)
		if (pid == server.child) {
			server.ended = true;
			server.status = status;
		}
}

/* Signals the children of ours that left the process group. Only what is safe in a signal handler is called. */
static bool signal_others(int signal)
{
	char list[4096];
	bool any = false;
	int fd = open("/proc/thread-self/children", O_RDONLY | O_CLOEXEC);
	ssize_t n = fd >= 0 ? read(fd, list, sizeof list - 1) : 0;
	if (fd >= 0)
		close(fd);
	list[n > 0 ? n : 0] = '\0';
	for (const char *at = list; *at >= '0' && *at <= '9'; at += *at == ' ') {
		pid_t pid = 0;
		for (; *at >= '0' && *at <= '9'; at++)
			pid = pid * 10 + (*at - '0');
		if (pid == server.child)
			continue;
		any = true;
		kill(pid, signal);
	}
	return any;
}

/* Sends the signal to all that is there. False: nothing is. */
static bool signal_all(int signal)
{
	pid_t group = server.writes->pid;
	bool any = group > 0 && kill(-group, signal) == 0;
	reap();
	return signal_others(signal) || any || !server.ended;
}

void server_end(void)
{
	if (server.child == 0 || server.owner != getpid())
		return;
	uint64_t begin = now_us();
	bool any = signal_all(SIGTERM);
	while (any && now_us() - begin < PATIENCE_MS * 1000) {
		pause_ms(5);
		any = signal_all(0);
	}
	for (int left = 200; any && left > 0; left--) {
		any = signal_all(SIGKILL);
		if (left < 100 && !server.ended) /* who counts is stuck; what it traces ends with it */
			kill(server.child, SIGKILL);
		pause_ms(5);
	}
	server.child = 0;
}

static void on_signal(int number)
{
	if (server.owner == getpid())
		server_end();
	signal(number, SIG_DFL);
	raise(number);
}

static const int ending[] = { SIGHUP, SIGINT, SIGTERM, SIGQUIT };

void server_prepare(void)
{
	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
		if (signal(ending[i], on_signal) == SIG_IGN)
			signal(ending[i], SIG_IGN);
	signal(SIGPIPE, SIG_IGN);
	prctl(PR_SET_CHILD_SUBREAPER, 1);
	server.owner = getpid();
	server.writes = mmap(NULL, sizeof *server.writes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (server.writes == MAP_FAILED)
		refuse("there is no memory: end other programs, and try again");
	atexit(server_end);
}

/* --- its beginning ---------------------------------------------------------------------------- */

static _Noreturn void run(char **command, char **variables, bool counted)
{
	int null = open("/dev/null", O_RDONLY);
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL); /* however we end */
	dup2(null, STDIN_FILENO);
	dup2(server.said, STDOUT_FILENO);
	dup2(server.said, STDERR_FILENO);
	signal(SIGPIPE, SIG_DFL);
	for (; variables != NULL && *variables != NULL; variables++)
		putenv(*variables);
	if (counted)
		writes_let_count();
	execvp(*command, command);
	dprintf(STDERR_FILENO, "%s: %s\n", *command, strerror(errno));
	_exit(127);
}

/* The process that counts: its child is the program, whose end it repeats. */
static _Noreturn void count(char **command, char **variables)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	pid_t pid = fork();
	if (pid == 0)
		run(command, variables, true);
	for (size_t i = 0; i < sizeof ending / sizeof *ending; i++)
		signal(ending[i], SIG_IGN);
	if (pid < 0)
		_exit(126);
	setpgid(pid, pid);
	server.writes->pid = pid;
	int status = writes_count(pid, server.writes);
	_exit(WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
}

void server_start(char **command, char **variables, bool counted)
{
	if (server.said > 0)
		close(server.said);
	server.said = memfd_create("said", MFD_CLOEXEC);
	memset(server.writes, 0, sizeof *server.writes);
	server.ended = false;
	fflush(stdout);
	pid_t pid = fork();
	if (pid == 0 && counted)
		count(command, variables);
	if (pid == 0)
		run(command, variables, false);
	if (pid < 0 || server.said < 0)
		fail("the command cannot be started: %s", strerror(errno));
	server.child = pid;
	if (!counted) {
		setpgid(pid, pid);
		server.writes->pid = pid;
	}
}

bool server_has_ended(char **how)
{
	reap();
	if (!server.ended)
		return false;
	if (WIFEXITED(server.status))
		*how = format("ended with status %d", WEXITSTATUS(server.status));
	else
		*how = format("was ended by signal %d", WTERMSIG(server.status));
	return !(WIFEXITED(server.status) && WEXITSTATUS(server.status) == 0 && signal_others(0)); /* a daemon */
}

void server_count(void)
{
	server.writes->count = 0;
	server.writes->counting = true;
}

long server_counted(void)
{
	server.writes->counting = false;
	return server.writes->forbidden || server.writes->other_calls || server.writes->count == 0
	               ? -1
	               : (long)server.writes->count;
}

char *server_said(void)
{
	static char text[SAID_MAX + 1];
	off_t size = lseek(server.said, 0, SEEK_END), from = size > SAID_MAX ? size - SAID_MAX : 0;
	ssize_t n = pread(server.said, text, SAID_MAX, from);
	text[n > 0 ? n : 0] = '\0';
	while (n > 0 && text[n - 1] == '\n')
		text[--n] = '\0';
	return text;
}
