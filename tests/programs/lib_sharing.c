/* A library of p_sharing between onewrite and libc: each call that copies descriptors first runs *in_the_copy, so the
 * program chooses what happens between onewrite's last look and the copy itself. */
#include <dlfcn.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

void (*in_the_copy)(void);

static void *moment(const char *name)
{
	void (*call)(void) = in_the_copy;

	in_the_copy = NULL;
	if (call != NULL)
		call();
	return dlsym(RTLD_NEXT, name);
}

#define REAL(name) ((__typeof__(name) *)moment(#name))

pid_t fork(void)
{
	return REAL(fork)();
}

int posix_spawn(pid_t *pid, const char *path, const posix_spawn_file_actions_t *actions,
                const posix_spawnattr_t *attributes, char *const argv[], char *const envp[])
{
	return REAL(posix_spawn)(pid, path, actions, attributes, argv, envp);
}

int system(const char *command)
{
	return REAL(system)(command);
}

FILE *popen(const char *command, const char *type)
{
	return REAL(popen)(command, type);
}
