/* Proves that scripts/onewrite tells the programs that the library can help from the others, which it starts only with
 * --force. */
#include "installed.h"
#include "machine.h"

#include <stdio.h>
#include <string.h>

/* --- programs that no library can help -------------------------------------------------------- */

#define SETS_ID "cc -o it program.c; [ \"$(id -u)\" != 0 ] || chown 65534:65534 it; "

static const struct helpless {
	const char *name;
	const char *prepare; /* makes ./it, or what ./it needs */
	const char *reason, *cure;
	bool runs; /* does it run with --force? */
} helpless[] = {
	{ "a static program", "cc -static -o it program.c", "./it is statically linked", "dynamically linked build",
	  true },
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
	  "printf 'char table[] __attribute__((section(\".gopclntab\"))) = \"x\";' >>program.c; cc -static -o it "
	  "program.c",
	  "./it is a Go program", "without onewrite", true },
	{ "a program for another machine",
	  "cc -o it program.c; printf '\\377' | dd of=it bs=1 seek=18 conv=notrunc status=none", "for another machine",
	  "for this machine", false },
	{ "a program of another word size", /* the beginning of a program for the 80386 */
	  "printf '\\177ELF\\001\\001\\001\\0\\0\\0\\0\\0\\0\\0\\0\\0\\002\\0\\003\\0' >it; chmod +x it",
	  "of another word size", "use a build of it", false },
	{ "a set-user-ID program of another user", SETS_ID "chmod 4755 it", "set-user-ID", "sudo onewrite COMMAND",
	  true },
	{ "a set-group-ID program of another group", SETS_ID "chmod 2755 it", "set-group-ID",
	  "copy of it without that bit", true },
	{ "a program with file capabilities",
	  "cc -o it program.c; [ \"$(id -u)\" = 0 ] || in='unshare --user --map-root-user'; $in setcap cap_net_raw+ep "
	  "it",
	  "has file capabilities", "ambient", true },
	{ "a link to a static program", "cc -static -o that program.c; ln -s that it", "./it is statically linked",
	  "use a", true },
	{ "a script for a static program",
	  "cc -static -o that program.c; printf '#!%s/that\\n' \"$PWD\" >it; chmod +x it", "./it is run by /",
	  "dynamically linked build", true },
	{ "a script with blanks around its static interpreter",
	  "cc -static -o that program.c; printf '#! \\t%s/that  -x\\n' \"$PWD\" >it; chmod +x it",
	  "that, which is statically linked", "dynamically linked build", true },
	{ "a script for a static program that is named without a slash",
	  "cc -static -o that program.c; printf '#!that\\n' >it; chmod +x it", "that, which is statically linked",
	  "dynamically linked build", true },
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
	  "printf '#!/usr/bin/env -iS /bin/sh\\n: >started\\n' >it; chmod +x it", "clears the environment",
	  "name its interpreter first", true },
	{ "a script whose env takes the library away",
	  "printf '#!/usr/bin/env -S -u LD_PRELOAD sh\\n: >started\\n' >it; chmod +x it", "takes LD_PRELOAD away",
	  "name its interpreter first", true },
	{ "a script without its interpreter", "printf '#!/no/such/interpreter\\n' >it; chmod +x it",
	  "without an interpreter", "check its path", false },
	{ "a script whose env finds nothing", "printf '#!/usr/bin/env no-such-interpreter\\n' >it; chmod +x it",
	  "without an interpreter", "give its path", false },
	{ "a script whose interpreter is a FIFO", "mkfifo -m 755 that; printf '#!./that\\n' >it; chmod +x it",
	  "without an interpreter", "no regular file", false },
	{ "a script that is its own interpreter", "printf '#!./it\\n' >it; chmod +x it", "chain of scripts",
	  "name the interpreter first", false },
};

ROW_TESTS(cannot_be_helped, helpless)
{
	const struct helpless *h = &helpless[*i];
	struct outcome o;
	machine_needs(strstr(h->prepare, "setcap") != NULL ? FILE_CAPABILITIES : NOTHING_RARE, h->name);
	prepare("set -e; %s", h->prepare);
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "./it");
		check_refused(&o, h->name, sh->package, h->cure);
		check_refused(&o, h->name, sh->package, h->reason);
		check_refused(&o, h->name, sh->package, "--force");

		onewrite(&o, sh, "--check", "./it");
		cr_assert(exit_status(&o) == 1, "--check of %s under %s: status %#x, want exit status 1", h->name,
		          sh->package, o.status);
		cr_assert(strncmp(o.out, "no: ", 4) == 0 && is_one_line(o.out) && strstr(o.out, h->reason) != NULL,
		          "--check of %s under %s: not one line that says no, and '%s': %s", h->name, sh->package,
		          h->reason, o.out);
		cr_assert(!o.started, "--check of %s under %s started it", h->name, sh->package);

		onewrite(&o, sh, "--force", "./it");
		cr_assert(o.started == h->runs, "--force with %s under %s: %s; it said: %s", h->name, sh->package,
		          o.started ? "it ran, how?" : "it did not run", o.err);
	}
}

/* --- programs that the library can help ------------------------------------------------------- */

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
	{ "a program linked to musl", "musl-gcc -o it program.c", "yes: ./it is dynamically linked" },
	{ "a shell script", "mv script it", "yes: ./it is run by /bin/sh, which is dynamically linked" },
	{ "a script without #!", "echo ': >started' >it; chmod +x it", "yes: ./it is run by /bin/sh, which" },
	{ "an empty #!", "printf '#! \\n: >started\\n' >it; chmod +x it", "yes: ./it is run by /bin/sh, which" },
	{ "a script by env", "printf '#!/usr/bin/env sh\\n: >started\\n' >it; chmod +x it",
	  "/sh, which is dynamically linked" },
	{ "a script by env -S", "printf '#!/usr/bin/env -S A=b sh -e\\n: >started\\n' >it; chmod +x it",
	  "/sh, which is" },
	{ "a script by env -S with options",
	  "printf '#!/usr/bin/env -S -u FOO -C . sh -e\\n: >started\\n' >it; chmod +x it", "/sh, which is" },
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
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--check", "./it");
		check_ran(&o, h->name, sh->package);
		cr_assert(strncmp(o.out, "yes: ", 5) == 0 && is_one_line(o.out) && strstr(o.out, h->reason) != NULL,
		          "--check of %s under %s: not one line that says yes, and '%s': %s", h->name, sh->package,
		          h->reason, o.out);
		cr_assert(!o.started, "--check of %s under %s started it", h->name, sh->package);

		onewrite(&o, sh, "--check=./it");
		check_ran(&o, "--check=COMMAND", sh->package);

		onewrite(&o, sh, "./it");
		check_ran(&o, h->name, sh->package);
		cr_assert(o.started, "%s under %s did not run", h->name, sh->package);
	}
}

/* The program that env starts is told from env's options; where that is not certain, the answer says so. */
#define STATIC  "./that, which is statically linked"
#define DYNAMIC "/sh, which is dynamically linked"
#define GONE    "takes LD_PRELOAD away"
#define UNSURE  "./it may load the library"

static const struct {
	const char *line, *answer;
} env_lines[] = {
	{ "-S -u FOO ./that", STATIC },
	{ "-S -uFOO A=b ./that", STATIC },
	{ "-S --unset FOO ./that", STATIC },
	{ "-S --unset=FOO ./that", STATIC },
	{ "-S -a name ./that", STATIC },
	{ "-S --argv0 name ./that", STATIC },
	{ "-S --argv0=name ./that", STATIC },
	{ "-vS ./that -x", STATIC },
	{ "-vS -u FOO ./that", STATIC },
	{ "--split-string=./that -x", STATIC },
	{ "--split-string ./that -x", STATIC },
	{ "-S --ignore-signal=PIPE -- ./that", STATIC },
	{ "-S -C / sh", DYNAMIC },
	{ "-S --chdir / sh", DYNAMIC },
	{ "-S --chdir=/ /bin/sh", DYNAMIC },
	{ "-S sh -c 'exit $1'", DYNAMIC },
	{ "-S -C / ./that", UNSURE },
	{ "-S -u LD_PRELOAD sh", GONE },
	{ "-S -uLD_PRELOAD sh", GONE },
	{ "-S --unset LD_PRELOAD sh", GONE },
	{ "-S --unset=LD_PRELOAD sh", GONE },
	{ "-S LD_PRELOAD= sh", GONE },
	{ "-S -vi sh", "clears the environment" },
	{ "-S 'sh'", UNSURE },
	{ "-S \"sh\" -e", UNSURE },
	{ "-S sh\\_-e", UNSURE },
	{ "-S ${SHELL} -e", UNSURE },
	{ "-S -u \"LD_PRELOAD\" sh", UNSURE },
	{ "-S PATH=/bin sh", UNSURE },
	{ "-S -u PATH sh", UNSURE },
	{ "-S --frobnicate sh", UNSURE },
	{ "-u", "without an interpreter" },
};

ROW_TESTS(an_interpreter_by_env, env_lines)
{
	const char *line = env_lines[*i].line, *answer = env_lines[*i].answer;
	struct outcome o;
	prepare("cc -static -o that program.c; cat >it <<'END'\n#!/usr/bin/env %s\nEND\nchmod +x it", line);
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--check", "./it");
		cr_assert(strstr(o.out, answer) != NULL, "env %s under %s: not '%s': %s%s", line, sh->package, answer,
		          o.out, o.err);
		cr_assert((strstr(o.err, "cannot tell") != NULL) == (strcmp(answer, UNSURE) == 0) &&
		                  exit_status(&o) == (strcmp(answer, UNSURE) != 0 && strcmp(answer, DYNAMIC) != 0),
		          "env %s under %s: status %#x; it said: %s%s", line, sh->package, o.status, o.out, o.err);
	}
}

/* --- by which calls a program writes ---------------------------------------------------------- */

#define CALLS   "joins what it writes to TCP by "
#define NOTHING "makes none of the calls that are joined"
#define LINKED(soname)                                                                                          \
	"echo 'int other(void) { return 0; }' | cc -shared -fPIC -Wl,-soname," soname " -x c -o " soname " -; " \
	"cc -o it %s -Wl,--no-as-needed " soname " -Wl,-rpath,\"$PWD\""

static const struct {
	const char *name, *prepare; /* makes ./it from a program that leaves the file "started" behind */
	const char *program;
	bool helped;
	const char *reason;
} writers[] = {
	{ "write", "cc -o it %s", "write(fd, \"\", 1)", true, CALLS "write" },
	{ "send and writev", "cc -o it %s", "(int)send(fd, \"\", 1, 0) + (int)writev(fd, 0, 0)", true, "send" },
	{ "write, linked with the older hash table", "cc -Wl,--hash-style=sysv -o it %s", "write(fd, \"\", 1)", true,
	  CALLS "write" },
	{ "write, by its address", "cc -no-pie -rdynamic -o it %s",
	  "((ssize_t (*volatile)(int, const void *, size_t))write)(fd, \"\", 1)", true, CALLS "write" },
	{ "stdio", "cc -o it %s", "puts(\"\")", false, "writes by stdio only" },
	{ "stdio in C++", "c++ -x c++ -o it %s", "puts(\"\")", false, "writes by stdio only" },
	{ "nothing", "cc -o it %s", "0", false, NOTHING },
	{ "nothing, without section headers",
	  "cc -o it %s; dd if=/dev/zero of=it bs=1 seek=40 count=8 conv=notrunc status=none;"
	  "dd if=/dev/zero of=it bs=1 seek=58 count=6 conv=notrunc status=none",
	  "0", false, NOTHING },
	{ "nothing, but starts others", "cc -o it %s", "fd < 0 ? system(\"\") : 0", true,
	  "what it loads or starts may" },
	{ "nothing, but loads others", "cc -o it %s -ldl", "fd < 0 ? !dlopen(\"\", 1) : 0", true,
	  "what it loads or starts may" },
	{ "a library", LINKED("libother.so.1"), "0", true, "but leaves the writing to libother.so.1" },
	{ "a TLS library", LINKED("libssl.so.3"), "write(fd, \"\", 1)", true,
	  CALLS "write; by TLS (libssl.so.3) nothing is" },
};

ROW_TESTS(what_it_writes_by, writers)
{
	struct outcome o;
	char build[512];
	snprintf(build, sizeof build, writers[*i].prepare, "writer.c");
	prepare("set -e; cat >writer.c <<'END'\n#include <dlfcn.h>\n#include <fcntl.h>\n#include <stdio.h>\n#include "
	        "<stdlib.h>\n"
	        "#include <sys/socket.h>\n#include <sys/uio.h>\n#include <unistd.h>\n"
	        "int main(void) { int fd = creat(\"started\", 0666); int r = %s; (void)r; return fd < 0; }\nEND\n%s",
	        writers[*i].program, build);
	UNDER_EACH(sh)
	{
		onewrite(&o, sh, "--check", "./it");
		cr_expect(exit_status(&o) == !writers[*i].helped &&
		                  strncmp(o.out, writers[*i].helped ? "yes: " : "no: ", 4) == 0 && is_one_line(o.out) &&
		                  strstr(o.out, writers[*i].reason) != NULL && !o.started,
		          "--check of what writes by %s under %s: status %#x, not '%s': %s%s", writers[*i].name,
		          sh->package, o.status, writers[*i].reason, o.out, o.err);
		onewrite(&o, sh, "./it"); /* the library is loaded all the same */
		check_ran(&o, writers[*i].name, sh->package);
		cr_expect(o.started, "what writes by %s did not run", writers[*i].name);
	}
}

/* The loader can be called as a command (ld.so PROGRAM): what counts is the program that it runs, for which it heeds
 * LD_PRELOAD. */
static const struct {
	const char *name;
	const char *args[ARGS_MAX];
	int status; /* the exit status of --check */
	const char *answer;
	int runs; /* -1: newer loaders run it, older ones do not */
} loaders[] = {
	{ "a program", { "./ld", "./it" }, 0, "yes: ./it, which ./ld runs, is dynamically linked", true },
	{ "options",
	  { "./ld", "--argv0", "./static", "--library-path", "/nowhere", "./it" },
	  0,
	  "yes: ./it, which",
	  true },
	{ "a preload of its own", { "./ld", "--preload", "./other.so", "./it" }, 0, "yes: ./it, which", true },
	{ "a program behind --", { "./ld", "--", "./it" }, 0, "yes: ./it, which", -1 },
	{ "a set-user-ID program, which is none here", { "./ld", "./set-id" }, 0, "yes: ./set-id, which", true },
	{ "a file that is not executable", { "./ld", "./it.copy" }, 0, "yes: ./it.copy, which", true },
	{ "a static program", { "./ld", "./static" }, 1, "no: ./static, which ./ld runs, is statically linked", false },
	{ "a script", { "./ld", "./script" }, 1, "is no program for a loader", false },
	{ "a question", { "./ld", "--list", "./it" }, 1, "no: ./ld is the loader", false },
	{ "nothing", { "./ld" }, 1, "no: ./ld is the loader", false },
	{ "a name that it looks for itself", { "./ld", "it" }, 0, "yes: ./ld may load", false },
	{ "what is not there", { "./ld", "./nothing" }, 2, "", false },
};

ROW_TESTS(a_loader_by_its_name, loaders)
{
	struct outcome o;
	const char *args[ARGS_MAX] = { "--check" };
	for (size_t n = 0; loaders[*i].args[n] != NULL; n++)
		args[n + 1] = loaders[*i].args[n];
	prepare("set -e; cc -o it program.c; cc -static -o static program.c; cp it it.copy; chmod 644 it.copy; cp it "
	        "set-id; chmod 4755 set-id\n"
	        "echo 'int x;' | cc -shared -fPIC -x c -o other.so -\n"
	        "ln -s \"$(readelf -lW it | sed -n 's/.*interpreter: \\(.*\\)].*/\\1/p')\" ld; [ -x ld ]");
	UNDER_EACH(sh)
	{
		launch(&o, sh, INSTALLED, args, NULL);
		cr_expect(exit_status(&o) == loaders[*i].status && strstr(o.out, loaders[*i].answer) != NULL &&
		                  !o.started,
		          "--check of a loader with %s under %s: status %#x, %s%s", loaders[*i].name, sh->package,
		          o.status, o.out, o.err);
		launch(&o, sh, INSTALLED, loaders[*i].args, NULL);
		cr_expect(loaders[*i].runs < 0 || o.started == loaders[*i].runs,
		          "a loader with %s under %s: status %#x, %s", loaders[*i].name, sh->package, o.status, o.err);
	}
}
