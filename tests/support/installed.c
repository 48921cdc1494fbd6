/* Installs scripts/onewrite for a test, and runs it there under each of the shells. */
#include "installed.h"
#include "library.h"

#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

/* Variables that the command gets unless the test sets them. */
static const char *const defaults[] = { "PATH=/usr/local/bin:/usr/bin:/bin", "ASAN_OPTIONS=" ASAN_SETTINGS };

const struct shell shells[] = { { "dash", NULL }, { "busybox", "sh" }, { "bash", "--posix" } };

char dir[] = "/tmp/onewrite-XXXXXX";

void __attribute__((format(printf, 1, 2))) prepare(const char *format, ...)
{
	char command[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	int status = system(command);
	cr_assert(status == 0, "cannot prepare (are the packages gcc, libc6-dev, libcap2-bin, util-linux there?): %s",
	          command);
}

/* A program that leaves a file behind, so that a test sees whether it was started. */
#define PROGRAM                                     \
	"#include <fcntl.h>\n#include <unistd.h>\n" \
	"int main(void) { return write(creat(\"started\", 0666), \"\", 1) != 1; }\n"

void install(void)
{
	cr_assert_not_null(mkdtemp(dir));
	cr_assert(chdir(dir) == 0 && chmod(dir, 0777) == 0);
	prepare("set -e; mkdir -p prefix/bin prefix/lib/onewrite\n"
	        "cp '" SOURCE_DIR "/scripts/onewrite' prefix/bin; cp '" BUILD_DIR "/judge' '" BUILD_DIR
	        "/probe' '" BUILD_DIR "/show' prefix/lib/onewrite\n"
	        "cp " LIBRARY_IN_SHELL " prefix/lib/onewrite/libonewrite.so\n"
	        "cat >program.c <<'END'\n" PROGRAM "END\n"
	        "printf '#!/bin/sh\\ntouch started\\n' >script; chmod +x script");
}

void uninstall(void)
{
	prepare("cd / && rm -rf '%s'", dir);
}

size_t slurp(const char *name, char *text, size_t size)
{
	FILE *f = fopen(name, "r");
	cr_assert_not_null(f, "cannot read %s", name);
	size_t n = fread(text, 1, size - 1, f);
	text[n] = '\0';
	fclose(f);
	return n;
}

static void redirect(const char *name, int fd)
{
	int file = open(name, O_WRONLY | O_CREAT | O_TRUNC, 0666);
	if (file < 0 || dup2(file, fd) < 0)
		_exit(125);
	close(file);
}

static bool sets(const char *const variables[], const char *variable)
{
	for (; variables != NULL && *variables != NULL; variables++)
		if (strncmp(*variables, variable, strcspn(variable, "=") + 1) == 0)
			return true;
	return false;
}

void launch(struct outcome *o, const struct shell *shell, const char *script, const char *const args[],
            const char *const variables[])
{
	const char *argv[ARGS_MAX + 4], *envp[ARGS_MAX];
	size_t argc = 0, envc = 0;
	if (shell != NULL)
		argv[argc++] = shell->package;
	if (shell != NULL && shell->applet != NULL)
		argv[argc++] = shell->applet;
	argv[argc++] = script;
	while (args != NULL && *args != NULL)
		argv[argc++] = *args++;
	argv[argc] = NULL;
	for (size_t i = 0; i < sizeof defaults / sizeof *defaults; i++)
		if (!sets(variables, defaults[i]))
			envp[envc++] = defaults[i];
	while (variables != NULL && *variables != NULL)
		envp[envc++] = *variables++;
	envp[envc] = NULL;

	unlink("started");
	o->pid = fork();
	cr_assert(o->pid >= 0);
	if (o->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that runs out of time leaves nothing running */
		signal(SIGHUP, SIG_DFL); /* under nohup it is ignored, and the command would ignore it as well */
		redirect("out", STDOUT_FILENO);
		redirect("err", STDERR_FILENO);
		execvpe(argv[0], (char **)argv, (char **)envp);
		_exit(125);
	}
	cr_assert(waitpid(o->pid, &o->status, 0) == o->pid);
	cr_assert(o->status != 125 << 8, "cannot run %s: install the package %s", argv[0],
	          shell != NULL ? shell->package : "dash");
	o->out_size = slurp("out", o->out, sizeof o->out);
	slurp("err", o->err, sizeof o->err);
	o->started = access("started", F_OK) == 0;
}

int exit_status(const struct outcome *o)
{
	return WIFEXITED(o->status) ? WEXITSTATUS(o->status) : -1;
}

bool is_one_line(const char *text)
{
	const char *newline = strchr(text, '\n');
	return newline != NULL && newline[1] == '\0';
}

void check_refused(const struct outcome *o, const char *name, const char *shell, const char *cure)
{
	cr_assert(exit_status(o) == 2, "%s under %s: status %#x, want exit status 2; it said: %s", name, shell,
	          o->status, o->err);
	cr_assert(!o->started, "%s under %s: refused, but the command was started", name, shell);
	cr_assert(strncmp(o->err, "onewrite: ", 10) == 0 && is_one_line(o->err),
	          "%s under %s: not one line from onewrite: %s", name, shell, o->err);
	cr_assert(strstr(o->err, cure) != NULL, "%s under %s: no '%s' in: %s", name, shell, cure, o->err);
	cr_assert(o->out[0] == '\0', "%s under %s: a refusal on standard output: %s", name, shell, o->out);
}

void check_ran(const struct outcome *o, const char *name, const char *shell)
{
	cr_assert(o->status == 0, "%s under %s: status %#x, want 0; it said: %s", name, shell, o->status, o->err);
	cr_assert(o->err[0] == '\0', "%s under %s: something on standard error: %s", name, shell, o->err);
}
