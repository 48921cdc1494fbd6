/* scripts/onewrite starts a program exactly as it was told to, or says in one sentence why not and starts nothing.
 *
 * Every test has an installed copy of its own: a directory with prefix/bin/onewrite and prefix/lib/onewrite, in which
 * the commands run. Everything is tried under two shells. */
#include "library.h"

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define INSTALLED "prefix/bin/onewrite"
#define PATH "PATH=/usr/local/bin:/usr/bin:/bin"

enum { ARGS_MAX = 10 };

static const struct shell {
	const char *package; /* and the name of its program */
	const char *applet;
} shells[] = { { "dash", NULL }, { "busybox", "sh" } };
#define UNDER_EACH(sh) \
	for (const struct shell *sh = shells; sh < shells + sizeof shells / sizeof *shells; sh++)

static char dir[] = "/tmp/onewrite-XXXXXX";

/* Prepare something with a shell, in the test's directory. */
static void __attribute__((format(printf, 1, 2))) prepare(const char *format, ...)
{
	char command[4096];
	va_list args;
	va_start(args, format);
	vsnprintf(command, sizeof command, format, args);
	va_end(args);
	int status = system(command);
	cr_assert(status == 0, "cannot prepare (are the packages gcc, libc6-dev, libcap2-bin, util-linux there?): %s", command);
}

/* The programs that are to be refused would leave a file behind. */
#define PROGRAM "#include <fcntl.h>\nint main(void) { return creat(\"started\", 0666) < 0; }\n"

static void install(void)
{
	cr_assert_not_null(mkdtemp(dir));
	cr_assert(chdir(dir) == 0 && chmod(dir, 0777) == 0);
	prepare("set -e; mkdir -p prefix/bin prefix/lib/onewrite\n"
	        "cp '" SOURCE_DIR "/scripts/onewrite' prefix/bin\n"
	        "cp " LIBRARY_IN_SHELL " prefix/lib/onewrite/libonewrite.so\n"
	        "cat >program.c <<'END'\n" PROGRAM "END\n"
	        "printf '#!/bin/sh\\ntouch started\\n' >script; chmod +x script");
}

static void uninstall(void)
{
	prepare("cd / && rm -rf '%s'", dir);
}

struct outcome {
	int status;         /* as from waitpid */
	pid_t pid;
	bool started;       /* the file "started" was left behind */
	char out[32768], err[4096];
	size_t out_size;
};

static size_t slurp(const char *name, char *text, size_t size)
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

/* Run `script` by this shell (NULL: by itself), with an environment that holds PATH and these variables. */
static void launch(struct outcome *o, const struct shell *shell, const char *script, const char *const args[],
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
	envp[envc++] = PATH;
	envp[envc++] = "ASAN_OPTIONS=verify_asan_link_order=0:detect_leaks=0";
	while (variables != NULL && *variables != NULL)
		envp[envc++] = *variables++;
	envp[envc] = NULL;

	unlink("started");
	o->pid = fork();
	cr_assert(o->pid >= 0);
	if (o->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that runs out of time leaves nothing running */
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

static int exit_status(const struct outcome *o)
{
	return WIFEXITED(o->status) ? WEXITSTATUS(o->status) : -1;
}

static bool is_one_line(const char *text)
{
	const char *newline = strchr(text, '\n');
	return newline != NULL && newline[1] == '\0';
}

/* Exit status 2, nothing started, one sentence that says what to do. */
static void check_refused(const struct outcome *o, const char *name, const char *shell, const char *cure)
{
	cr_assert(exit_status(o) == 2, "%s under %s: status %#x, want exit status 2; it said: %s", name, shell, o->status,
	          o->err);
	cr_assert(!o->started, "%s under %s: refused, but the command was started", name, shell);
	cr_assert(strncmp(o->err, "onewrite: ", 10) == 0 && is_one_line(o->err),
	          "%s under %s: not one line from onewrite: %s", name, shell, o->err);
	cr_assert(strstr(o->err, cure) != NULL, "%s under %s: no '%s' in: %s", name, shell, cure, o->err);
	cr_assert(o->out[0] == '\0', "%s under %s: a refusal on standard output: %s", name, shell, o->out);
}

static void check_ran(const struct outcome *o, const char *name, const char *shell)
{
	cr_assert(o->status == 0, "%s under %s: status %#x, want 0; it said: %s", name, shell, o->status, o->err);
	cr_assert(o->err[0] == '\0', "%s under %s: something on standard error: %s", name, shell, o->err);
}

#define ARGS(...) (const char *const[]) { __VA_ARGS__, NULL }

/* Run the installed copy; a test's usual way. */
#define onewrite(o, shell, ...) launch(o, shell, INSTALLED, ARGS(__VA_ARGS__), NULL)

/* One Criterion test per row: a process and a directory of its own. */
#define ROW_TESTS(suite, rows) \
	ParameterizedTestParameters(suite, rows) \
	{ \
		static size_t index[sizeof rows / sizeof *rows]; \
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) \
			index[i] = i; \
		return cr_make_param_array(size_t, index, sizeof rows / sizeof *rows); \
	} \
	ParameterizedTest(size_t *i, suite, rows, .init = install, .fini = uninstall, .timeout = 60)

#define WRAPPER_TEST(name) Test(wrapper, name, .init = install, .fini = uninstall, .timeout = 60)

/* --- what cannot be understood is refused ----------------------------------------------------------------------- */

static const struct refusal {
	const char *name;
	const char *args[ARGS_MAX];
	const char *cure;
} refusals[] = {
	{ "no command", { NULL }, "onewrite [options] COMMAND" },
	{ "options without a command", { "--timeout", "5ms" }, "onewrite [options] COMMAND" },
	{ "nothing behind --", { "--" }, "onewrite [options] COMMAND" },
	{ "an unknown option", { "--frobnicate", "touch", "started" }, "see onewrite --help" },
	{ "an unknown short option", { "-t", "5ms", "touch", "started" }, "see onewrite --help" },
	{ "a value for an option that has none", { "--force=yes", "touch", "started" }, "see onewrite --help" },
	{ "--timeout at the end", { "--timeout" }, "needs a value" },
	{ "--timeout before another option", { "--timeout", "--force", "touch", "started" }, "needs a value" },
	{ "--timeout= with nothing", { "--timeout=", "touch", "started" }, "needs a value" },
	{ "--trace before another option", { "--trace", "--check", "touch", "started" }, "needs a value" },
	{ "a time without a unit", { "--timeout", "5", "touch", "started" }, "500us or 5ms" },
	{ "a time in minutes", { "--timeout", "5m", "touch", "started" }, "500us or 5ms" },
	{ "a unit without a number", { "--timeout", "ms", "touch", "started" }, "500us or 5ms" },
	{ "a negative time", { "--timeout", "-5ms", "touch", "started" }, "500us or 5ms" },
	{ "a fraction", { "--timeout", "1.5ms", "touch", "started" }, "500us or 5ms" },
	{ "a blank before the unit", { "--timeout", "5 ms", "touch", "started" }, "500us or 5ms" },
	{ "an expression", { "--timeout", "2*3ms", "touch", "started" }, "500us or 5ms" },
	{ "no time at all", { "--timeout", "0ms", "touch", "started" }, "from 100us to 1s" },
	{ "99us", { "--timeout", "99us", "touch", "started" }, "from 100us to 1s" },
	{ "1001ms", { "--timeout=1001ms", "touch", "started" }, "from 100us to 1s" },
	{ "2s", { "--timeout=2s", "touch", "started" }, "from 100us to 1s" },
	{ "2^64 ms and 5", { "--timeout=18446744073709551621ms", "touch", "started" }, "from 100us to 1s" },
	{ "an unknown --join", { "--join", "all", "touch", "started" }, "header or message" },
	{ "an unknown --hold", { "--hold=disk", "touch", "started" }, "memory or kernel" },
	{ "an empty name in --only", { "--only", "python3,,java", "touch", "started" }, "python3,java" },
	{ "a path in --only", { "--only", "/usr/bin/java", "touch", "started" }, "python3,java" },
	{ "a blank in --only", { "--only", "python3, java", "touch", "started" }, "python3,java" },
	{ "a trace in no directory", { "--trace", "nowhere/trace", "touch", "started" }, "name a file in a directory" },
	{ "a trace that is a directory", { "--trace=prefix", "touch", "started" }, "name a file in a directory" },
	{ "a command that is nowhere", { "onewrite-no-such-command" }, "give its path" },
	{ "an empty command", { "" }, "give its path" },
	{ "a whole command line in one word", { "touch started" }, "as separate words" },
	{ "a path that leads nowhere", { "./no-such-command" }, "check its path" },
	{ "a directory", { "./prefix" }, "name a program in it" },
	{ "a file that is not executable", { "./program.c" }, "chmod +x" },
	{ "a file that may be on a file system mounted noexec", { "./program.c" }, "noexec" },
	{ "what is nowhere, even with --force", { "--force", "onewrite-no-such-command" }, "give its path" },
	{ "what is nowhere, when asked", { "--check", "onewrite-no-such-command" }, "give its path" },
};

ROW_TESTS(refused_usage, refusals)
{
	const struct refusal *r = &refusals[*i];
	struct outcome o;
	UNDER_EACH(sh) {
		launch(&o, sh, INSTALLED, r->args, NULL);
		check_refused(&o, r->name, sh->package, r->cure);
	}
}

/* --- make install ----------------------------------------------------------------------------------------------- */

#define MAKE "env -u MAKEFLAGS -u MFLAGS -u MAKELEVEL make -s -C '" SOURCE_DIR "' DESTDIR=\"$PWD/a root\" PREFIX='/opt/my own' "

WRAPPER_TEST(what_is_installed_can_be_taken_away_and_again)
{
	struct outcome o;
	prepare(MAKE "install");
	launch(&o, &shells[0], "a root/opt/my own/bin/onewrite", ARGS("--version"), NULL);
	check_ran(&o, "the installed copy", shells[0].package);
	for (int i = 0; i < 2; i++)
		prepare(MAKE "uninstall >said 2>&1 && ! [ -s said ]");
	prepare("! find 'a root' -type f -o -name onewrite | grep .");
}

/* As packagers build: hardened, with flags of their own. */
WRAPPER_TEST(a_distribution_s_flags_build_it_too)
{
	prepare(MAKE "B=\"$PWD/built\" CPPFLAGS='-Wdate-time -D_FORTIFY_SOURCE=2' CFLAGS='-g -O2 -fstack-protector-strong -Wformat -Werror=format-security' "
		"LDFLAGS='-Wl,-z,relro -Wl,-z,now' && LD_PRELOAD=\"$PWD/built/libonewrite.so\" cat /dev/null");
}

/* --- the library ------------------------------------------------------------------------------------------------ */

WRAPPER_TEST(a_missing_library_is_refused)
{
	struct outcome o;
	prepare("rm prefix/lib/onewrite/libonewrite.so");
	UNDER_EACH(sh) {
		onewrite(&o, sh, "--force", "touch", "started");
		check_refused(&o, "a missing library", sh->package, "make install");
	}
}

static const struct {
	const char *name, *prepare; /* for the file $so */
} ruins[] = {
	{ "an empty file", ": >$so" }, { "a text", "echo nothing >$so" }, { "a directory", "rm $so; mkdir $so" },
	{ "a FIFO", "rm $so; mkfifo $so" }, { "the library's header", "truncate -s 64 $so" },
	{ "half of the library", "truncate -s $(($(stat -c %s $so) / 2)) $so" },
	{ "the library but for its end", "truncate -s -64 $so" },
};

ROW_TESTS(a_ruined_library, ruins)
{
	struct outcome o;
	prepare("so=prefix/lib/onewrite/libonewrite.so; %s", ruins[*i].prepare);
	UNDER_EACH(sh) {
		onewrite(&o, sh, "--force", "touch", "started");
		check_refused(&o, ruins[*i].name, sh->package, "is not a library");
		onewrite(&o, sh, "--check", "touch");
		check_refused(&o, ruins[*i].name, sh->package, "run make");
	}
}

/* What ld.so takes apart or replaces in LD_PRELOAD. */
WRAPPER_TEST(a_library_that_cannot_be_named_to_the_loader_is_refused)
{
	static const char *const names[] = { "my prefix", "my:prefix", "my$LIB" };
	struct outcome o;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char script[64];
		prepare("cp -r prefix '%s'", names[i]);
		snprintf(script, sizeof script, "%s/bin/onewrite", names[i]);
		UNDER_EACH(sh) {
			launch(&o, sh, script, ARGS("touch", "started"), NULL);
			check_refused(&o, names[i], sh->package, "move it");
		}
	}
}

WRAPPER_TEST(a_library_under_any_other_name_is_loaded)
{
	static const char *const names[] = { "quote'd", "double\"d", "st*r", "back\\slash", "new\nline", "t\tab", "-dash",
		"\303\251" };
	struct outcome o;
	for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
		char script[64];
		cr_assert(rename("prefix", names[i]) == 0);
		snprintf(script, sizeof script, "./%s/bin/onewrite", names[i]);
		UNDER_EACH(sh) {
			launch(&o, sh, script, ARGS("grep", "-c", "/libonewrite.so", "/proc/self/maps"), NULL);
			check_ran(&o, names[i], sh->package);
		}
		cr_assert(rename(names[i], "prefix") == 0);
	}
}

WRAPPER_TEST(the_library_is_found_in_a_checkout_and_behind_links)
{
	static const char *const ways[] = { "checkout/scripts/onewrite", "links/onewrite", "links/far" };
	struct outcome o;
	prepare("set -e; mkdir -p checkout/build links\n"
	        "mv prefix/bin checkout/scripts; mv prefix/lib/onewrite/libonewrite.so checkout/build\n"
	        "ln -s ../checkout/scripts/onewrite links; ln -s \"$PWD/links/onewrite\" links/far");
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++) {
		UNDER_EACH(sh) {
			launch(&o, sh, ways[i], ARGS("grep", "-c", "/checkout/build/libonewrite.so", "/proc/self/maps"), NULL);
			check_ran(&o, ways[i], sh->package);
		}
	}
	launch(&o, NULL, "links/far", ARGS("touch", "started"), NULL);
	cr_assert(o.started, "links/far, started by itself: %s", o.err);
}

WRAPPER_TEST(an_existing_preload_stays_behind_ours)
{
	struct outcome o;
	char want[256];
	snprintf(want, sizeof want, "%s/prefix/lib/onewrite/libonewrite.so:%s/a.so:%s/b.so\n", dir, dir, dir);
	char variable[256];
	snprintf(variable, sizeof variable, "LD_PRELOAD=%s/a.so:%s/b.so", dir, dir);
	prepare("echo 'int x;' | cc -shared -fPIC -x c -o a.so - && cp a.so b.so");
	UNDER_EACH(sh) {
		launch(&o, sh, INSTALLED, ARGS("printenv", "LD_PRELOAD"), ARGS(variable));
		check_ran(&o, "LD_PRELOAD=a.so:b.so", sh->package);
		cr_assert(strcmp(o.out, want) == 0, "under %s LD_PRELOAD is %swant %s", sh->package, o.out, want);
		launch(&o, sh, INSTALLED, ARGS("printenv", "LD_PRELOAD"), ARGS("LD_PRELOAD="));
		cr_assert(strchr(o.out, ':') == NULL, "under %s an empty LD_PRELOAD became %s", sh->package, o.out);
	}
}

WRAPPER_TEST(a_tool_that_is_missing_is_named)
{
	static const char *const tools[] = { "readlink", "grep", "od", "tr", "id", "env" };
	struct outcome o;
	char sentence[64];
	for (size_t i = 0; i < sizeof tools / sizeof *tools; i++) {
		snprintf(sentence, sizeof sentence, "there is no %s in PATH", tools[i]);
		prepare("rm -rf tools; mkdir tools; for t in readlink grep od tr id env touch; do"
		        " [ $t = %s ] || ln -s \"$(command -v $t)\" tools; done", tools[i]);
		UNDER_EACH(sh) {
			launch(&o, sh, INSTALLED, ARGS("--check", "touch"), ARGS("PATH=tools"));
			check_refused(&o, tools[i], sh->package, sentence);
		}
	}
	launch(&o, &shells[0], INSTALLED, ARGS("/usr/bin/touch", "started"), ARGS("PATH="));
	check_refused(&o, "an empty PATH", shells[0].package, "there is no readlink in PATH");
}

/* --- programs that no library can help ----------------------------------------------------------------------------- */

#define SETS_ID "cc -o it program.c; [ \"$(id -u)\" != 0 ] || chown 65534:65534 it; "

static const struct helpless {
	const char *name;
	const char *prepare; /* makes ./it, or what ./it needs */
	const char *reason, *cure;
	bool runs; /* with --force it does run */
} helpless[] = {
	{ "a static program", "cc -static -o it program.c", "./it is statically linked", "dynamically linked build", true },
	{ "a static program that is position-independent", "cc -static-pie -o it program.c",
		"./it is statically linked", "dynamically linked build", true },
	{ "a static program without section headers",
		"cc -static -o it program.c; objcopy --strip-section-headers it 2>/dev/null ||"
		" dd if=/dev/zero of=it bs=1 seek=58 count=6 conv=notrunc status=none",
		"./it is statically linked", "dynamically linked build", true },
	{ "a Go program",
		"printf 'char table[] __attribute__((section(\".gopclntab\"))) = \"x\";' >>program.c; cc -o it program.c",
		"./it is a Go program", "without onewrite", true },
	{ "a static Go program",
		"printf 'char table[] __attribute__((section(\".gopclntab\"))) = \"x\";' >>program.c; cc -static -o it program.c",
		"./it is a Go program", "without onewrite", true },
	{ "a program for another machine",
		"cc -o it program.c; printf '\\377' | dd of=it bs=1 seek=18 conv=notrunc status=none",
		"for another machine", "for this machine", false },
	{ "a program of another word size", /* the beginning of one for the 80386 */
		"printf '\\177ELF\\001\\001\\001\\0\\0\\0\\0\\0\\0\\0\\0\\0\\002\\0\\003\\0' >it; chmod +x it",
		"of another word size", "use a build of it", false },
	{ "a program linked to musl", "cc -o it program.c -Wl,--dynamic-linker=/nowhere/ld-musl-x86_64.so.1",
		"linked to musl and the library to glibc", "build onewrite with", false },
	{ "a set-user-ID program of another user", SETS_ID "chmod 4755 it", "set-user-ID", "sudo onewrite COMMAND", true },
	{ "a set-group-ID program of another group",
		SETS_ID "chmod 2755 it", "set-group-ID", "copy of it without that bit", true },
	{ "a program with file capabilities",
		"cc -o it program.c; [ \"$(id -u)\" = 0 ] || in='unshare --user --map-root-user'; $in setcap cap_net_raw+ep it",
		"has file capabilities", "ambient", true },
	{ "a link to a static program",
		"cc -static -o that program.c; ln -s that it", "./it is statically linked", "use a", true },
	{ "a script for a static program", "cc -static -o that program.c; printf '#!%s/that\\n' \"$PWD\" >it; chmod +x it",
		"./it is run by /", "dynamically linked build", true },
	{ "a script with blanks around its static interpreter",
		"cc -static -o that program.c; printf '#! \\t%s/that  -x\\n' \"$PWD\" >it; chmod +x it",
		"that, which is statically linked", "dynamically linked build", true },
	{ "a script for a static program that is named without a slash",
		"cc -static -o that program.c; printf '#!that\\n' >it; chmod +x it",
		"that, which is statically linked", "dynamically linked build", true },
	{ "a script whose first line is all it has", "cc -static -o that program.c; printf '#!./that' >it; chmod +x it",
		"./that, which is statically linked", "dynamically linked build", true },
	{ "a script for a script for a static program",
		"cc -static -o that program.c; printf '#!./that\\n' >script; printf '#!./script\\n' >it; chmod +x it",
		"./that, which is statically linked", "dynamically linked build", true },
	{ "a script that has env find a static program",
		"cc -static -o that program.c; printf '#!/usr/bin/env ./that\\n' >it; chmod +x it",
		"./that, which is statically linked", "dynamically linked build", true },
	{ "a script that has env -S find a static program",
		"cc -static -o that program.c; printf '#!/usr/bin/env -S A=b ./that -x\\n' >it; chmod +x it",
		"./that, which is statically linked", "dynamically linked build", true },
	{ "a script that has env -S, without a blank, find a static program",
		"cc -static -o that program.c; printf '#!/usr/bin/env -S./that -x\\n' >it; chmod +x it",
		"./that, which is statically linked", "dynamically linked build", true },
	{ "a script whose env clears the environment",
		"printf '#!/usr/bin/env -iS /bin/sh\\n: >started\\n' >it; chmod +x it",
		"clears the environment", "name its interpreter first", true },
	{ "a script whose env takes the library away",
		"printf '#!/usr/bin/env -S -u LD_PRELOAD sh\\n: >started\\n' >it; chmod +x it",
		"takes LD_PRELOAD away", "name its interpreter first", true },
	{ "a script without its interpreter", "printf '#!/no/such/interpreter\\n' >it; chmod +x it",
		"without an interpreter", "check its path", false },
	{ "a script whose env finds nothing", "printf '#!/usr/bin/env no-such-interpreter\\n' >it; chmod +x it",
		"without an interpreter", "give its path", false },
	{ "a script whose interpreter is a FIFO", "mkfifo -m 755 that; printf '#!./that\\n' >it; chmod +x it",
		"without an interpreter", "no regular file", false },
	{ "a script that is its own interpreter", "printf '#!./it\\n' >it; chmod +x it",
		"chain of scripts", "name the interpreter first", false },
};

ROW_TESTS(cannot_be_helped, helpless)
{
	const struct helpless *h = &helpless[*i];
	struct outcome o;
	prepare("set -e; %s", h->prepare);
	UNDER_EACH(sh) {
		onewrite(&o, sh, "./it");
		check_refused(&o, h->name, sh->package, h->cure);
		check_refused(&o, h->name, sh->package, h->reason);
		check_refused(&o, h->name, sh->package, "--force");

		onewrite(&o, sh, "--check", "./it");
		cr_assert(exit_status(&o) == 1, "--check of %s under %s: status %#x, want exit status 1", h->name,
		          sh->package, o.status);
		cr_assert(strncmp(o.out, "no: ", 4) == 0 && is_one_line(o.out) && strstr(o.out, h->reason) != NULL,
		          "--check of %s under %s: not one line that says no, and '%s': %s", h->name, sh->package, h->reason,
		          o.out);
		cr_assert(!o.started, "--check of %s under %s started it", h->name, sh->package);

		onewrite(&o, sh, "--force", "./it");
		cr_assert(o.started == h->runs, "--force with %s under %s: %s; it said: %s", h->name, sh->package,
		          o.started ? "it ran, how?" : "it did not run", o.err);
	}
}

/* --- and those that it can -------------------------------------------------------------------------------------- */

static const struct helped {
	const char *name;
	const char *prepare;
	const char *reason;
} helped[] = {
	{ "a dynamically linked program", "cc -o it program.c", "yes: ./it is dynamically linked" },
	{ "one at a fixed address", "cc -no-pie -o it program.c", "yes: ./it is dynamically linked" },
	{ "one without section headers",
		"cc -o it program.c; dd if=/dev/zero of=it bs=1 seek=40 count=8 conv=notrunc status=none;"
		"dd if=/dev/zero of=it bs=1 seek=58 count=6 conv=notrunc status=none",
		"yes: ./it is dynamically linked" },
	{ "a shell script", "mv script it", "yes: ./it is run by /bin/sh, which is dynamically linked" },
	{ "a script without #!", "echo ': >started' >it; chmod +x it", "yes: ./it is run by /bin/sh, which" },
	{ "an empty #!", "printf '#! \\n: >started\\n' >it; chmod +x it", "yes: ./it is run by /bin/sh, which" },
	{ "a script by env",
		"printf '#!/usr/bin/env sh\\n: >started\\n' >it; chmod +x it", "/sh, which is dynamically linked" },
	{ "a script by env -S", "printf '#!/usr/bin/env -S A=b sh -e\\n: >started\\n' >it; chmod +x it", "/sh, which is" },
	{ "a script by env -S with options", "printf '#!/usr/bin/env -S -u FOO -C . sh -e\\n: >started\\n' >it; chmod +x it",
		"/sh, which is" },
	{ "a set-user-ID script, which is none", "mv script it; chmod 4755 it", "yes: ./it is run by /bin/sh" },
	{ "a script that starts a static program",
		"cc -static -o that program.c; printf '#!/bin/sh\\n./that\\n' >it; chmod +x it",
		"yes: ./it is run by /bin/sh, which" },
	{ "a script by a script", "printf '#!/bin/sh\\n: >started\\n' >script; printf '#!./script\\n' >it; chmod +x it",
		"yes: ./script is run by /bin/sh, which" },
};

ROW_TESTS(can_be_helped, helped)
{
	const struct helped *h = &helped[*i];
	struct outcome o;
	prepare("set -e; %s", h->prepare);
	UNDER_EACH(sh) {
		onewrite(&o, sh, "--check", "./it");
		check_ran(&o, h->name, sh->package);
		cr_assert(strncmp(o.out, "yes: ", 5) == 0 && is_one_line(o.out) && strstr(o.out, h->reason) != NULL,
		          "--check of %s under %s: not one line that says yes, and '%s': %s", h->name, sh->package, h->reason,
		          o.out);
		cr_assert(!o.started, "--check of %s under %s started it", h->name, sh->package);

		onewrite(&o, sh, "--check=./it");
		check_ran(&o, "--check=COMMAND", sh->package);

		onewrite(&o, sh, "./it");
		check_ran(&o, h->name, sh->package);
		cr_assert(o.started, "%s under %s did not run", h->name, sh->package);
	}
}

/* What env starts, told from its options; or nothing said that may be wrong. */
#define STATIC "./that, which is statically linked"
#define DYNAMIC "/sh, which is dynamically linked"
#define GONE "takes LD_PRELOAD away"
#define UNSURE "./it may load the library"

static const struct {
	const char *line, *answer;
} env_lines[] = {
	{ "-S -u FOO ./that", STATIC }, { "-S -uFOO A=b ./that", STATIC }, { "-S --unset FOO ./that", STATIC },
	{ "-S --unset=FOO ./that", STATIC }, { "-S -a name ./that", STATIC }, { "-S --argv0 name ./that", STATIC },
	{ "-S --argv0=name ./that", STATIC }, { "-vS ./that -x", STATIC }, { "-vS -u FOO ./that", STATIC },
	{ "--split-string=./that -x", STATIC }, { "--split-string ./that -x", STATIC },
	{ "-S --ignore-signal=PIPE -- ./that", STATIC }, { "-S -C / sh", DYNAMIC }, { "-S --chdir / sh", DYNAMIC },
	{ "-S --chdir=/ /bin/sh", DYNAMIC }, { "-S sh -c 'exit $1'", DYNAMIC }, { "-S -C / ./that", UNSURE },
	{ "-S -u LD_PRELOAD sh", GONE }, { "-S -uLD_PRELOAD sh", GONE }, { "-S --unset LD_PRELOAD sh", GONE },
	{ "-S --unset=LD_PRELOAD sh", GONE }, { "-S LD_PRELOAD= sh", GONE }, { "-S -vi sh", "clears the environment" },
	{ "-S 'sh'", UNSURE }, { "-S \"sh\" -e", UNSURE }, { "-S sh\\_-e", UNSURE }, { "-S ${SHELL} -e", UNSURE },
	{ "-S -u \"LD_PRELOAD\" sh", UNSURE }, { "-S PATH=/bin sh", UNSURE }, { "-S -u PATH sh", UNSURE },
	{ "-S --frobnicate sh", UNSURE }, { "-u", "without an interpreter" },
};

ROW_TESTS(an_interpreter_by_env, env_lines)
{
	const char *line = env_lines[*i].line, *answer = env_lines[*i].answer;
	struct outcome o;
	prepare("cc -static -o that program.c; cat >it <<'END'\n#!/usr/bin/env %s\nEND\nchmod +x it", line);
	UNDER_EACH(sh) {
		onewrite(&o, sh, "--check", "./it");
		cr_assert(strstr(o.out, answer) != NULL, "env %s under %s: not '%s': %s%s", line, sh->package, answer, o.out, o.err);
		cr_assert((strstr(o.err, "cannot tell") != NULL) == (strcmp(answer, UNSURE) == 0) &&
		          exit_status(&o) == (strcmp(answer, UNSURE) != 0 && strcmp(answer, DYNAMIC) != 0),
		          "env %s under %s: status %#x; it said: %s%s", line, sh->package, o.status, o.out, o.err);
	}
}

/* --- the command is the one that was meant, and it is what it would have been ------------------------------------- */

WRAPPER_TEST(arguments_arrive_as_they_are)
{
	struct outcome o;
	UNDER_EACH(sh) {
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
	UNDER_EACH(sh) {
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
	UNDER_EACH(sh) {
		for (size_t i = 0; i < sizeof statuses / sizeof *statuses; i++) {
			snprintf(script, sizeof script, "exit %d", statuses[i]);
			onewrite(&o, sh, "sh", "-c", script);
			cr_assert(exit_status(&o) == statuses[i], "under %s 'exit %d' gave status %#x", sh->package, statuses[i],
			          o.status);
		}
		for (size_t i = 0; i < sizeof signals / sizeof *signals; i++) {
			snprintf(script, sizeof script, "kill -%d $$", signals[i]);
			onewrite(&o, sh, "sh", "-c", script);
			cr_assert(WIFSIGNALED(o.status) && WTERMSIG(o.status) == signals[i], "under %s '%s' gave status %#x",
			          sh->package, script, o.status);
		}
	}
}

/* Is there such a line - here they end in NUL - or one that begins like it? */
static bool has_variable(const struct outcome *o, const char *variable, bool beginning)
{
	for (const char *p = o->out; p < o->out + o->out_size; p += strlen(p) + 1)
		if (beginning ? strncmp(p, variable, strlen(variable)) == 0 : strcmp(p, variable) == 0)
			return true;
	return false;
}

/* Variables that the script might use itself, and some that no shell can set. */
WRAPPER_TEST(the_environment_is_what_was_handed_over)
{
	static const char *const variables[] = { "path=1", "library=2", "VERSION=3", "discovery.type=single  node",
		"BASH_FUNC_f%%=() {  echo\n}", "timeout=4", NULL };
	struct outcome o;
	UNDER_EACH(sh) {
		launch(&o, sh, INSTALLED, ARGS("env", "-0"), variables);
		check_ran(&o, "env -0", sh->package);
		for (size_t i = 0; variables[i] != NULL; i++)
			cr_assert(has_variable(&o, variables[i], false), "under %s the command lost %s", sh->package, variables[i]);
		cr_assert(!has_variable(&o, "ow_", true), "under %s the command sees the script's own variables", sh->package);
		cr_assert(!has_variable(&o, "ONEWRITE_", true), "under %s there is a setting that nobody made", sh->package);
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
		{ "--join=header" }, "ONEWRITE_TIMEOUT=7ms", "ONEWRITE_JOIN=header\nONEWRITE_TIMEOUT=7ms\n" },
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
	UNDER_EACH(sh) {
		launch(&o, sh, INSTALLED, args, ARGS(t->variable));
		check_ran(&o, t->name, sh->package);
		cr_assert(strcmp(o.out, t->want) == 0, "%s under %s gave\n%swant\n%s", t->name, sh->package, o.out, t->want);
	}
}

WRAPPER_TEST(a_trace_goes_where_it_was_asked_for)
{
	struct outcome o;
	char want[256];
	snprintf(want, sizeof want, "%s/a trace\n", dir);
	UNDER_EACH(sh) {
		onewrite(&o, sh, "--trace", "a trace", "sh", "-c", "cd /; printenv ONEWRITE_TRACE");
		check_ran(&o, "--trace", sh->package);
		cr_assert(strcmp(o.out, want) == 0, "under %s the trace goes to %swant %s", sh->package, o.out, want);
	}
	/* A FIFO is a fine trace, and nobody waits for its reader. */
	prepare("mkfifo fifo");
	onewrite(&o, &shells[0], "--trace=fifo", "touch", "started");
	cr_assert(o.started, "--trace to a FIFO: %s", o.err);
}

WRAPPER_TEST(nothing_is_written_when_only_asked)
{
	struct outcome o;
	onewrite(&o, &shells[0], "--trace=trace", "--check", "touch", "started");
	check_ran(&o, "--check", shells[0].package);
	cr_assert(!o.started && access("trace", F_OK) != 0, "--check left files behind");
}

/* An answer that nobody gets is no answer, and nothing goes on behind it. */
static const char *const answers[] = { "--check touch started", "--check ./static", "--help", "--version" };

ROW_TESTS(an_answer_that_cannot_be_written, answers)
{
	static const char *const ways[] = { ">/dev/full", ">&-" };
	struct outcome o;
	char command[128];
	prepare("cc -static -o static program.c");
	UNDER_EACH(sh) {
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
	UNDER_EACH(sh) {
		lseek(STDIN_FILENO, 0, SEEK_SET);
		onewrite(&o, sh, "cat");
		cr_assert(strcmp(o.out, "all of it\n") == 0, "under %s the command read '%s'", sh->package, o.out);
	}
}

WRAPPER_TEST(nobody_waits_for_the_writer_of_a_fifo)
{
	struct outcome o;
	prepare("mkfifo -m 755 fifo");
	UNDER_EACH(sh) {
		onewrite(&o, sh, "--check", "./fifo");
		check_refused(&o, "--check ./fifo", sh->package, "no regular file");
	}
}

/* Judged and started are the same file: the first in PATH that is executable. */
WRAPPER_TEST(the_command_is_found_as_exec_finds_it)
{
	struct outcome o;
	prepare("set -e; mkdir first second; echo nothing >first/it\n"
	        "printf '#!/bin/sh\\necho second\\n' >second/it; chmod +x second/it\n"
	        "printf '#!/bin/sh\\necho here\\n' >it; chmod +x it; mkdir second/here; cp it second/here");
	UNDER_EACH(sh) {
		launch(&o, sh, INSTALLED, ARGS("it"), ARGS("PATH=first:second:/usr/bin:/bin"));
		cr_assert(strcmp(o.out, "second\n") == 0, "past a file that is not executable: ran '%s' %s", o.out, o.err);
		launch(&o, sh, INSTALLED, ARGS("it"), ARGS("PATH=/usr/bin:/bin:"));
		cr_assert(strcmp(o.out, "here\n") == 0, "an empty entry is the working directory: ran '%s' %s", o.out, o.err);
		launch(&o, sh, INSTALLED, ARGS("here"), ARGS("PATH=second:/usr/bin:/bin"));
		check_refused(&o, "a directory in PATH", sh->package, "give its path");
		launch(&o, sh, INSTALLED, ARGS("it"), ARGS("PATH=first:/usr/bin:/bin"));
		check_refused(&o, "only a file that is not executable", sh->package, "chmod +x");
	}
}

/* --- about itself ----------------------------------------------------------------------------------------------- */

WRAPPER_TEST(the_version_is_that_of_the_makefile)
{
	struct outcome o;
	char want[64] = "", line[256];
	FILE *makefile = fopen(SOURCE_DIR "/Makefile", "r");
	cr_assert_not_null(makefile);
	while (fgets(line, sizeof line, makefile) != NULL) {
		char version[32];
		if (sscanf(line, "VERSION := %31s", version) == 1)
			snprintf(want, sizeof want, "onewrite %s\n", version);
	}
	fclose(makefile);
	onewrite(&o, &shells[0], "--version");
	check_ran(&o, "--version", shells[0].package);
	cr_assert(strcmp(o.out, want) == 0, "--version says %sthe Makefile %s", o.out, want);
}

WRAPPER_TEST(help_names_every_option)
{
	static const char *const options[] = { "--timeout", "--join", "--hold", "--only", "--trace", "--check", "--force",
		"--help", "--version", "100us", "1s" };
	struct outcome o;
	onewrite(&o, &shells[0], "--help");
	check_ran(&o, "--help", shells[0].package);
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		cr_assert(strstr(o.out, options[i]) != NULL, "--help does not mention %s", options[i]);
}

/* The script is for any shell, so it keeps to what all of them have. */
WRAPPER_TEST(shellcheck_finds_nothing)
{
	int status = system("shellcheck --shell=sh " INSTALLED " >shellcheck.out 2>&1");
	char findings[4096];
	slurp("shellcheck.out", findings, sizeof findings);
	cr_assert(status == 0, "shellcheck (package shellcheck) found:\n%s", findings);
}
