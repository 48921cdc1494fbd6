/* Carries out the operations that start threads, processes and other programs, execute a new image, or exit. */
#include "play.h"

#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>

extern char **environ;

static pthread_t threads[ACTORS];

void copy_table(int actor, int to)
{
	memcpy(board->fds[to], fds(actor), sizeof board->fds[to]);
	memcpy(board->watches[to], watches(actor), sizeof board->watches[to]);
}

void move_to_table(int actor, int to)
{
	copy_table(actor, to);
	board->table[actor] = (uint8_t)to;
}

static void *thread(void *arg)
{
	act((int)(intptr_t)arg, 0);
	return NULL;
}

void begin_thread(const struct op *o, struct result *r)
{
	board->table[o->other] = board->table[o->actor];
	r->error = pthread_create(&threads[o->other], NULL, thread, (void *)(intptr_t)o->other);
}

void begin_carrier(const struct op *o, void *(*carry)(void *))
{
	if (pthread_create(&threads[o->other], NULL, carry, (void *)o) != 0)
		abort();
}

void begin_process(const struct op *o, struct result *r)
{
	if (program_has(program, PRINT))
		fflush(NULL);
	copy_table(o->actor, o->table);
	board->table[o->other] = o->table;
	pid_t pid = o->how == BY_FORK_ONLY ? _Fork() : fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		act(o->other, 0);
		end_process(o->other);
	}
	board->pids[o->other] = pid;
	r->error = pid < 0 ? errno : 0;
}

void wait_for(pid_t pid, int *status)
{
	while (waitpid(pid, status, 0) < 0 && errno == EINTR) {}
}

struct image {
	const char *path;
	char **argv;
};

static int run_image(void *arg)
{
	struct image *image = arg;
	execve(image->path, image->argv, environ);
	_exit(127);
}

void spawn_piece(const struct op *o, int fd, struct result *r)
{
	char number[16], descriptor[16], command[sizeof board->exe + 64];
	char *argv[] = { (char *)"fuzz-piece", (char *)"--piece", number, descriptor, NULL };
	struct image image = { board->exe, argv };
	int n = (int)(o - program->ops), status = -1, error;
	pid_t pid = -1;
	fcntl(fd, F_SETFD, 0); /* so that the program inherits it */
	snprintf(number, sizeof number, "%d", n);
	snprintf(descriptor, sizeof descriptor, "%d", o->how == BY_VFORK_DUP ? 90 : fd);
	snprintf(command, sizeof command, "exec '%s' --piece %d %d", board->exe, n, fd);
	switch (o->how) {
	case BY_POSIX_SPAWN:
	case BY_POSIX_SPAWNP:
		error = (o->how == BY_POSIX_SPAWN ? posix_spawn : posix_spawnp)(&pid, board->exe, NULL, NULL, argv,
		                                                                environ);
		if (error != 0)
			r->error = error;
		else
			wait_for(pid, &status);
		break;
	case BY_SYSTEM: status = system(command); break;
	case BY_POPEN: {
		FILE *f = popen(command, "r");
		status = f != NULL ? pclose(f) : -1;
		break;
	}
	case BY_VFORK:
		if ((pid = vfork()) == 0) {
			execve(board->exe, argv, environ);
			_exit(127);
		}
		wait_for(pid, &status);
		break;
	case BY_VFORK_DUP:
		if ((pid = vfork()) == 0) {
			dup2(fd, 90);
			close(fd);
			execv(board->exe, argv);
			_exit(127);
		}
		wait_for(pid, &status);
		break;
	case BY_FORK_EXEC:
		if ((pid = fork()) == 0) {
			execve(board->exe, argv, environ);
			_exit(127);
		}
		wait_for(pid, &status);
		break;
	case BY_CLONE: {
		enum { STACK = 256 * 1024 };
		char *stack = malloc(STACK);
		pid = clone(run_image, stack + STACK, CLONE_VM | CLONE_VFORK | SIGCHLD, &image);
		wait_for(pid, &status);
		free(stack);
		break;
	}
	}
	r->extra = status;
}

static void exec_image(int how, const char *path, char **argv)
{
	switch (how) {
	case BY_EXECVE: execve(path, argv, environ); break;
	case BY_EXECV: execv(path, argv); break;
	case BY_EXECVP: execvp(path, argv); break;
	case BY_EXECVPE: execvpe(path, argv, environ); break;
	case BY_EXECL: execl(path, argv[0], argv[1], argv[2], argv[3], NULL); break;
	case BY_EXECLE: execle(path, argv[0], argv[1], argv[2], argv[3], NULL, environ); break;
	case BY_EXECLP: execlp(path, argv[0], argv[1], argv[2], argv[3], NULL); break;
	case BY_FEXECVE: {
		int fd = open(path, O_RDONLY | O_CLOEXEC);
		fexecve(fd, argv, environ);
		int saved = errno;
		if (fd >= 0)
			close(fd);
		errno = saved;
		break;
	}
	case BY_EXECVEAT: execveat(AT_FDCWD, path, argv, environ, 0); break;
	case BY_SYS_EXECVE: syscall(SYS_execve, path, argv, environ); break;
	}
}

void go_on_in_new_image(const struct op *o, struct result *r)
{
	char actor[16], number[16];
	char *argv[] = { (char *)"fuzz-go-on", (char *)"--go-on", actor, number, NULL };
	snprintf(actor, sizeof actor, "%d", o->actor);
	snprintf(number, sizeof number, "%d", (int)(o - program->ops));
	for (int h = 0; h < HANDLES; h++)
		forget_file(h);
	exec_image(o->how, board->exe, argv);
	r->error = errno;
}

void fail_to_exec(const struct op *o, struct result *r)
{
	char *const nothing[] = { (char *)"nothing", (char *)"", (char *)"", (char *)"", NULL };
	exec_image(o->how, "/nonexistent/program", (char **)nothing);
	r->error = errno;
}

void reap(int actor)
{
	for (uint32_t i = 0; i < program->nops; i++) {
		const struct op *o = &program->ops[i];
		if (o->actor != actor)
			continue;
		if (o->kind == THREAD || (o->kind == CLONE && clone_is_carried(o)))
			pthread_join(threads[o->other], NULL);
		else if (o->kind == FORK || o->kind == CLONE)
			wait_for(board->pids[o->other], &board->status[o->other]);
	}
}

_Noreturn void end_process(int actor)
{
	switch (program->end[actor]) {
	case BY__EXIT: _exit(3);
	case BY_EXIT_C99: _Exit(4);
	case BY_QUICK_EXIT: quick_exit(5);
	case BY_SYS_EXIT: syscall(SYS_exit_group, 6); abort();
	case BY_ABORT: abort();
	}
	exit(2);
}
