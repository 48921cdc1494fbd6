/* Proves that scripts/onewrite starts the command that was meant, and that the command is what it would be without the
 * wrapper. */
#include "installed.h"
#include "machine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

WRAPPER_TEST(arguments_arrive_as_they_are)
{
	struct outcome o;
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--", "printf", "<%s>", "two  blanks", "", "new\nline\n", "*", "'\"\\$HOME`id`");
		check_ran(&o, "arguments", sh->package);
		cr_assert(strcmp(o.out, "<two  blanks><><new\nline\n><*><'\"\\$HOME`id`>") == 0,
		          "under %s they became %s", sh->package, o.out);
		onewrite(&o, sh, "printf", "<%s>", "--timeout", "--", "-x");
		cr_assert(strcmp(o.out, "<--timeout><--><-x>") == 0, "the command's own options became %s", o.out);
	}
}

WRAPPER_TEST(the_process_stays_the_same)
{
	struct outcome o;
	char want[32];
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "sh", "-c", "echo $$");
		snprintf(want, sizeof want, "%d\n", o.pid);
		cr_assert(strcmp(o.out, want) == 0, "under %s the command has pid %swant %s", sh->package, o.out, want);
	}
}

WRAPPER_TEST(exit_statuses_and_signals_are_the_commands_own)
{
	static const int statuses[] = { 0, 1, 2, 7, 255 };
	static const int signals[] = { SIGTERM, SIGKILL, SIGHUP };
	struct outcome o;
	char script[32];
	UNDER_EACH(sh)
	{
		for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
			snprintf(script, sizeof script, "exit %d", statuses[i]);
			onewrite(&o, sh, "sh", "-c", script);
			cr_assert(exit_status(&o) == statuses[i], "under %s 'exit %d' gave status %#x", sh->package,
			          statuses[i], o.status);
		}
		for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
			snprintf(script, sizeof script, "kill -%d $$", signals[i]);
			onewrite(&o, sh, "sh", "-c", script);
			cr_assert(WIFSIGNALED(o.status) && WTERMSIG(o.status) == signals[i],
			          "under %s '%s' gave status %#x", sh->package, script, o.status);
		}
	}
}

/* Is this variable in the output of env -0? */
static bool has_variable(const struct outcome *o, const char *variable)
{
	for (const char *p = o->out; p < o->out + o->out_size; p += strlen(p) + 1)
		if (strcmp(p, variable) == 0)
			return true;
	return false;
}

/* Variables that the script or a shell sets, reads, rewrites or drops, and shell functions that have the names of
 * tools. */
static const char *const environment[] = { "path=1",
	                                   "judge=2",
	                                   "VERSION=3",
	                                   "timeout=4",
	                                   "plan=5",
	                                   "trace=6",
	                                   "force=7",
	                                   "discovery.type=single  node",
	                                   "odd.one=a\001b\177\nc\201\n",
	                                   "BASH_FUNC_f%%=() {  echo\n}",
	                                   "BASH_FUNC_printf%%=() { echo no; }",
	                                   "BASH_FUNC_readlink%%=() { echo no; }",
	                                   "BASH_FUNC_sed%%=() { echo no; }",
	                                   "BASH_FUNC_command%%=() { false; }",
	                                   "SHELLOPTS=braceexpand:errexit:noclobber:allexport",
	                                   "IFS=/",
	                                   "OLDPWD=/nowhere",
	                                   "SHLVL=7",
	                                   "_=/some/thing",
	                                   "=",
	                                   NULL };

WRAPPER_TEST(the_environment_is_what_was_handed_over)
{
	struct outcome o;
	UNDER_EACH(sh)
	{
		launch(&o, sh, INSTALLED, ARGS("env", "-0"), environment);
		check_ran(&o, "env -0", sh->package);
		size_t handed = 2, had = 0; /* PATH and ASAN_OPTIONS */
		for (; environment[handed - 2] != NULL; handed++)
			cr_expect(has_variable(&o, environment[handed - 2]), "under %s the command lost %s",
			          sh->package, environment[handed - 2]);
		for (size_t i = 0; i < o.out_size; i++)
			had += o.out[i] == '\0';
		cr_expect(had == handed + 1, "under %s there are %zu variables more than LD_PRELOAD", sh->package,
		          had - handed - 1);
	}
}

/* Without /proc nothing tells the script which variables it was handed, so its own variables must not be among the
 * command's. */
WRAPPER_TEST(the_environment_without_proc)
{
	static const char *const variables[] = { "path=1",  "judge=2", "timeout=4", "plan=5",
		                                 "trace=6", "force=7", "value=8",   NULL };
	struct outcome o;
	char command[512];
	machine_needs(MOUNT_NAMESPACE, "env -0");
	UNDER_EACH(sh)
	{
		snprintf(command, sizeof command,
		         "[ \"$(id -u)\" = 0 ] || in='unshare --user --map-root-user'; exec $in unshare --mount "
		         "sh -c 'mount -t tmpfs none /proc && exec \"$@\"' sh %s %s " INSTALLED " --timeout=1ms env -0",
		         sh->package, sh->applet == NULL ? "" : sh->applet);
		launch(&o, NULL, "/bin/sh", ARGS("-c", command), variables);
		check_ran(&o, "env -0 without /proc", sh->package);
		for (size_t i = 0; variables[i] != NULL; i++)
			cr_expect(has_variable(&o, variables[i]), "under %s the command lost %s", sh->package,
			          variables[i]);
		cr_expect(has_variable(&o, "ONEWRITE_TIMEOUT=1ms"), "under %s there is no setting: %s", sh->package,
		          o.err);
	}
}

/* Quoted for a shell, the variable would be longer than one argument may be. */
WRAPPER_TEST(a_long_variable_arrives)
{
	static char variable[120000] = "long.one=";
	struct outcome o;
	memset(variable + strlen(variable), ' ', sizeof variable - 1 - strlen(variable));
	UNDER_EACH(sh)
	{
		launch(&o, sh, INSTALLED, ARGS("sh", "-c", "grep -z ^long.one /proc/$$/environ | wc -c"),
		       ARGS(variable));
		cr_assert(atoi(o.out) == sizeof variable, "under %s %s bytes of %zu: %s", sh->package, o.out,
		          sizeof variable, o.err);
	}
}

WRAPPER_TEST(functions_that_a_shell_was_handed)
{
	static const char *const functions[] = { "BASH_FUNC_printf%%=() { false; }",
		                                 "BASH_FUNC_readlink%%=() { false; }",
		                                 "BASH_FUNC_command%%=() { false; }", "BASH_FUNC_usage%%=() { false; }",
		                                 NULL };
	struct outcome o;
	prepare("ln -s prefix/bin/onewrite link");
	UNDER_EACH(sh)
	{
		launch(&o, sh, "link", ARGS("touch", "started"), functions);
		cr_expect(o.started, "under %s nothing ran: %s", sh->package, o.err);
		launch(&o, sh, INSTALLED, ARGS("--help"), functions);
		cr_expect(strncmp(o.out, "usage: ", 7) == 0, "under %s --help says %s%s", sh->package, o.out, o.err);
	}
}

/* A shell obeys some of the options in SHELLOPTS before the script's first line. The command is started all the same,
 * and nothing is said behind the first lines. */
static const char *const shell_options[] = { "xtrace",  "verbose", "keyword",   "errexit",
	                                     "nounset", "noglob",  "noclobber", "allexport" };

ROW_TESTS(options_that_a_shell_was_handed, shell_options)
{
	struct outcome o;
	char variable[64];
	snprintf(variable, sizeof variable, "SHELLOPTS=%s", shell_options[*i]);
	UNDER_EACH(sh)
	{
		launch(&o, sh, INSTALLED,
		       ARGS("--timeout=7ms", "env", "A=b", "printenv", "A", "SHELLOPTS", "ONEWRITE_TIMEOUT"),
		       ARGS(variable));
		char want[64];
		snprintf(want, sizeof want, "b\n%s\n7ms\n", shell_options[*i]);
		cr_assert(exit_status(&o) == 0 && strcmp(o.out, want) == 0 && strstr(o.err, "judge") == NULL,
		          "under %s: status %#x, %s%s", sh->package, o.status, o.out, o.err);
	}
}

WRAPPER_TEST(a_directory_that_is_gone)
{
	static const char *const pwd[] = { NULL, "PWD=/" };
	struct outcome o;
	char command[512];
	const char *in_root = strrchr(dir, '/'); /* where a name without a directory would lead */
	UNDER_EACH(sh)
	{
		int n = snprintf(command, sizeof command,
		                 "mkdir gone && cd gone && rmdir ../gone && exec %s %s '%s/" INSTALLED "' ",
		                 sh->package, sh->applet == NULL ? "" : sh->applet, dir);
		strcpy(command + n, "/usr/bin/printenv PATH");
		launch(&o, NULL, "/bin/sh", ARGS("-c", command), NULL);
		cr_expect(exit_status(&o) == 0, "under %s: status %#x, %s", sh->package, o.status, o.err);
		for (size_t i = 0; i < 2; i++) {
			sprintf(command + n, "--trace=%s touch started 2>&1 | grep '^onewrite: --trace'", in_root + 1);
			launch(&o, NULL, "/bin/sh", ARGS("-c", command), ARGS(pwd[i]));
			cr_expect(exit_status(&o) == 0 && is_one_line(o.out), "a trace under %s: %s%s", sh->package,
			          o.out, o.err);
			cr_expect(unlink(in_root) != 0, "under %s a trace went to the root directory", sh->package);
		}
	}
}

static const struct setting {
	const char *name;
	const char *args[ARGS_MAX];
	const char *variable; /* in the environment already */
	const char *want;
} settings[] = {
	{ "--timeout 500us", { "--timeout", "500us" }, NULL, "ONEWRITE_TIMEOUT=500us\n" },
	{ "--timeout=5ms", { "--timeout=5ms" }, NULL, "ONEWRITE_TIMEOUT=5ms\n" },
	{ "the shortest time", { "--timeout=100us" }, NULL, "ONEWRITE_TIMEOUT=100us\n" },
	{ "the longest time", { "--timeout=1s" }, NULL, "ONEWRITE_TIMEOUT=1s\n" },
	{ "the longest time in us", { "--timeout=1000000us" }, NULL, "ONEWRITE_TIMEOUT=1000000us\n" },
	{ "the last --timeout", { "--timeout=1ms", "--timeout=2ms" }, NULL, "ONEWRITE_TIMEOUT=2ms\n" },
	{ "--join header", { "--join", "header" }, NULL, "ONEWRITE_JOIN=header\n" },
	{ "--join=message", { "--join=message" }, NULL, "ONEWRITE_JOIN=message\n" },
	{ "--hold memory", { "--hold", "memory" }, NULL, "ONEWRITE_HOLD=memory\n" },
	{ "--hold=kernel", { "--hold=kernel" }, NULL, "ONEWRITE_HOLD=kernel\n" },
	{ "--only java", { "--only", "java" }, NULL, "ONEWRITE_ONLY=java\n" },
	{ "--only with two", { "--only=python3,java" }, NULL, "ONEWRITE_ONLY=python3,java\n" },
	{ "--trace /PATH", { "--trace", "/dev/null" }, NULL, "ONEWRITE_TRACE=/dev/null\n" },
	{ "a setting that was there",
	  { "--join=header" },
	  "ONEWRITE_TIMEOUT=7ms",
	  "ONEWRITE_JOIN=header\nONEWRITE_TIMEOUT=7ms\n" },
	{ "an option over a setting", { "--timeout=8ms" }, "ONEWRITE_TIMEOUT=7ms", "ONEWRITE_TIMEOUT=8ms\n" },
};

ROW_TESTS(options_become_settings, settings)
{
	const struct setting *t = &settings[*i];
	struct outcome o;
	const char *args[ARGS_MAX];
	size_t n = 0;
	while (t->args[n] != NULL) {
		args[n] = t->args[n];
		n++;
	}
	args[n++] = "sh";
	args[n++] = "-c";
	args[n++] = "env | grep ^ONEWRITE_ | sort";
	args[n] = NULL;
	UNDER_EACH(sh)
	{
		launch(&o, sh, INSTALLED, args, ARGS(t->variable));
		check_ran(&o, t->name, sh->package);
		cr_assert(strcmp(o.out, t->want) == 0, "%s under %s gave\n%swant\n%s", t->name, sh->package, o.out,
		          t->want);
	}
}

WRAPPER_TEST(a_trace_goes_where_it_was_asked_for)
{
	struct outcome o;
	char want[256];
	snprintf(want, sizeof want, "%s/a trace\n", dir);
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--trace", "a trace", "sh", "-c", "cd /; printenv ONEWRITE_TRACE");
		check_ran(&o, "--trace", sh->package);
		cr_assert(strcmp(o.out, want) == 0, "under %s the trace goes to %swant %s", sh->package, o.out, want);
	}
	/* A trace may be a FIFO, and the wrapper does not wait for its reader. */
	prepare("mkfifo fifo");
	onewrite(&o, &shells[0], "--trace=fifo", "touch", "started");
	cr_assert(o.started, "--trace to a FIFO: %s", o.err);
}

WRAPPER_TEST(nothing_is_written_when_only_asked)
{
	struct outcome o;
	onewrite(&o, &shells[0], "--trace=trace", "--check", "sh", "started");
	check_ran(&o, "--check", shells[0].package);
	cr_assert(!o.started && access("trace", F_OK) != 0, "--check left files behind");
}

/* If the answer cannot be written, the wrapper fails and starts nothing. */
static const char *const answers[] = { "--check touch started", "--check ./static", "--help", "--version" };

ROW_TESTS(an_answer_that_cannot_be_written, answers)
{
	static const char *const ways[] = { ">/dev/full", ">&-" };
	struct outcome o;
	char command[128];
	prepare("cc -static -o static program.c");
	UNDER_EACH(sh)
	{
		for (size_t way = 0; way < sizeof ways / sizeof *ways; way++) {
			snprintf(command, sizeof command, "exec %s %s " INSTALLED " %s %s", sh->package,
			         sh->applet == NULL ? "" : sh->applet, answers[*i], ways[way]);
			launch(&o, NULL, "/bin/sh", ARGS("-c", command), NULL);
			check_refused(&o, command, sh->package, "standard output");
		}
	}
}

WRAPPER_TEST(standard_input_is_the_commands)
{
	struct outcome o;
	prepare("echo 'all of it' >in");
	int in = open("in", O_RDONLY);
	cr_assert(in >= 0 && dup2(in, STDIN_FILENO) == STDIN_FILENO);
	UNDER_EACH(sh)
	{
		lseek(STDIN_FILENO, 0, SEEK_SET);
		onewrite(&o, sh, "cat");
		cr_assert(strcmp(o.out, "all of it\n") == 0, "under %s the command read '%s'", sh->package, o.out);
	}
}

WRAPPER_TEST(nobody_waits_for_the_writer_of_a_fifo)
{
	struct outcome o;
	prepare("mkfifo -m 755 fifo");
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--check", "./fifo");
		check_refused(&o, "--check ./fifo", sh->package, "no regular file");
	}
}

/* The file that is judged is the file that is started: the first executable one in PATH. */
WRAPPER_TEST(the_command_is_found_as_exec_finds_it)
{
	struct outcome o;
	prepare("set -e; mkdir first second; echo nothing >first/it\n"
	        "printf '#!/bin/sh\\necho second\\n' >second/it; chmod +x second/it\n"
	        "printf '#!/bin/sh\\necho here\\n' >it; chmod +x it; mkdir second/here; cp it second/here");
	UNDER_EACH(sh)
	{
		launch(&o, sh, INSTALLED, ARGS("it"), ARGS("PATH=first:second:/usr/bin:/bin"));
		cr_assert(strcmp(o.out, "second\n") == 0, "past a file that is not executable: ran '%s' %s", o.out,
		          o.err);
		launch(&o, sh, INSTALLED, ARGS("it"), ARGS("PATH=/usr/bin:/bin:"));
		cr_assert(strcmp(o.out, "here\n") == 0, "an empty entry is the working directory: ran '%s' %s", o.out,
		          o.err);
		launch(&o, sh, INSTALLED, ARGS("here"), ARGS("PATH=second:/usr/bin:/bin"));
		check_refused(&o, "a directory in PATH", sh->package, "give its path");
		launch(&o, sh, INSTALLED, ARGS("it"), ARGS("PATH=first:/usr/bin:/bin"));
		check_refused(&o, "only a file that is not executable", sh->package, "chmod +x");
	}
}
