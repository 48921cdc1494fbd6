/* The part of onewrite that a shell cannot do well: reads ELF files, and hands on the environment as it was. It is
 * called by scripts/onewrite, and lies beside the library.
 *
 * 	judge check COMMAND
 * 		Can the command be helped? Prints "yes: ..." or "no: ..."; exit status 0 or 1.
 * 		COMMAND may also be the number of a process that runs: is the library loaded there, and could it be?
 * 	judge plan PID force|- COMMAND
 * 		May the command be started? Prints the WORDs for "judge start": what differs between the environment
 * 		of process PID and ours, and what preloads the library.
 * 	judge start [WORD...] [NAME=VALUE...] -- COMMAND [ARG...]
 * 		Starts the command with the environment that was, and these settings.
 *
 * Exit status 2, and one sentence on standard error: there is nothing to run, or no library to help with. */
#include "elf.h"
#include "environment.h"
#include "preload.h"
#include "process.h"
#include "script.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

/* Nothing was started: says why in one sentence, and how to mend it. */
static _Noreturn void __attribute__((format(printf, 1, 2))) refuse(const char *why, ...)
{
	va_list args;
	va_start(args, why);
	fputs("onewrite: ", stderr);
	vfprintf(stderr, why, args);
	putc('\n', stderr);
	va_end(args);
	exit(2);
}

/* --- the library ------------------------------------------------------------------------------ */

static char *library_of_others; /* the library's build for programs of the other word size; NULL: there is none */

/* The library's path: it, or a link to it, is in the directory of this program. */
static char *library_path(const char *self)
{
	char *path = realpath(self, NULL), *slash = path != NULL ? strrchr(path, '/') : NULL;
	if (slash == NULL)
		refuse("cannot find '%s' again: run make install, or make", self);
	char *beside = format("%.*s/" PRELOAD_SONAME, (int)(slash - path), path), *library = realpath(beside, NULL);
	if (library == NULL || access(library, R_OK) != 0)
		refuse("there is no '%s': run make install, or make", beside);
	if (!preload_can_name(library))
		refuse("'%s' cannot be preloaded, for a colon, a dollar sign, or a blank and a semicolon in its path: "
		       "move it",
		       library);
	return library;
}

static struct elf library_read(const char *path)
{
	struct elf library;
	if (!elf_read(&library, path) || !elf_is(&library) || !elf_whole(&library))
		refuse("'%s' is not a library, or only the beginning of one: remove it, and run make or make install "
		       "again",
		       path);
	return library;
}

/* --- can it be helped? ------------------------------------------------------------------------ */

struct verdict {
	const char *about, *reason; /* the sentence: about the file, and what is said of it */
	const char *cure;           /* not NULL: the library would not be loaded, and how to mend that */
	bool useless;               /* the library would be loaded, and have nothing to do */
	bool musl;                  /* its loader is musl's, which does not know $LIB */
	bool asan; /* the address sanitizer, which refuses preloads before its own library unless told otherwise */
};

static bool begins(const char *text, const char *beginning)
{
	return text != NULL && strncmp(text, beginning, strlen(beginning)) == 0;
}

static bool is_among(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (strcmp(name, *list) == 0)
			return true;
	return false;
}

static bool begins_like(const char *name, const char *const *list)
{
	for (; *list != NULL; list++)
		if (begins(name, *list))
			return true;
	return false;
}

static void add(char **list, const char *name)
{
	*list = format("%s%s%s", *list, **list != '\0' ? ", " : "", name);
}

struct calls {
	char *joined; /* the names of the calls that the library joins */
	bool by_stdio;
	bool of_others; /* the program loads libraries or starts other programs */
};

static void note(const char *name, void *context)
{
	static const char *const joined[] = { "write",      "writev",      "pwritev2", "send",         "sendto",
		                              "sendmsg",    "__sendmsg64", "sendmmsg", "__sendmmsg64", "sendfile",
		                              "sendfile64", "splice",      NULL };
	static const char *const stdio[] = { "fwrite",
		                             "fputs",
		                             "fputc",
		                             "putc",
		                             "_IO_putc",
		                             "putchar",
		                             "puts",
		                             "printf",
		                             "fprintf",
		                             "vprintf",
		                             "vfprintf",
		                             "__printf_chk",
		                             "__fprintf_chk",
		                             "__vprintf_chk",
		                             "__vfprintf_chk",
		                             "fwrite_unlocked",
		                             "fputs_unlocked",
		                             "putc_unlocked",
		                             "putchar_unlocked",
		                             "__overflow",
		                             NULL };
	static const char *const others[] = { "dlopen",       "dlmopen", "execve", "execv",   "execvp",   "execvpe",
		                              "execl",        "execlp",  "execle", "fexecve", "execveat", "posix_spawn",
		                              "posix_spawnp", "system",  "popen",  NULL };
	struct calls *c = context;
	if (is_among(name, joined))
		add(&c->joined, name);
	c->by_stdio = c->by_stdio || is_among(name, stdio);
	c->of_others = c->of_others || is_among(name, others);
}

/* The library is loaded, but what will it have to do? That is told by the names that the program wants of its
 * libraries. */
static void judge_calls(struct verdict *v, const struct elf *e)
{
	static const char *const quiet[] = { "libc.",     "ld-linux",    "ld64.",       "ld.so",    "libm.",
		                             "libmvec.",  "libpthread.", "libdl.",      "librt.",   "libresolv.",
		                             "libutil.",  "libgcc_s.",   "libstdc++.",  "libasan.", "libtsan.",
		                             "libubsan.", "liblsan.",    "libselinux.", "libcap.",  "libacl.",
		                             "libattr.",  "libtinfo.",   NULL };
	static const char *const tls[] = { "libssl.",     "libssl3.",  "libgnutls.", "libmbedtls.",
		                           "libwolfssl.", "libnspr4.", NULL };
	struct calls calls = { .joined = "" };
	char *libraries = "", *secret = "", *by = "";
	const char *name;
	elf_each_wanted(e, note, &calls);
	for (size_t next = 0; (name = elf_next_needed(e, &next)) != NULL;) {
		if (begins_like(name, tls))
			add(&secret, name);
		if (!begins_like(name, quiet))
			add(&libraries, name);
	}
	if (*calls.joined != '\0')
		by = format("which joins what it writes to TCP by %s", calls.joined);
	else if (*libraries != '\0')
		by = format("but leaves the writing to %s", libraries);
	else if (calls.of_others)
		by = "but itself makes none of the calls that are joined: what it loads or starts may";
	else if (calls.by_stdio)
		by = "but writes by stdio only, inside libc, where nothing is joined";
	else
		by = "but makes none of the calls that are joined";
	v->useless = *calls.joined == '\0' && *libraries == '\0' && !calls.of_others;
	v->reason = format("is dynamically linked and loads the library, %s%s%s%s", by,
	                   *secret != '\0' ? "; by TLS (" : "", secret, *secret != '\0' ? ") nothing is" : "");
}

static bool no(struct verdict *v, const char *reason, const char *cure)
{
	v->reason = reason;
	v->cure = cure;
	return false;
}

/* It cannot be told whether the library helps: the command is started. */
static bool unsure(struct verdict *v, const char *why)
{
	fprintf(stderr, "onewrite: %s, so cannot tell whether it can be helped\n", why);
	v->reason = "may load the library";
	return false;
}

static bool names_musl(const char *loader)
{
	return strstr(loader, "musl") != NULL;
}

/* Is this the loader itself, which was called by its name to run a program? */
static bool is_loader(const struct elf *e, const char *path)
{
	const char *soname = elf_soname(e), *slash = strrchr(path, '/');
	return elf_loader(e) == NULL && (begins(soname, "ld-linux") || begins(soname, "ld64.so") ||
	                                 begins(soname, "ld.so") || begins(slash + 1, "ld-musl"));
}

/* The program that the loader is to run, if the command goes on with these words; NULL: none. */
static const char *loader_runs(char **words)
{
	static const char *const valued[] = {
		"--library-path",         "--inhibit-rpath",     "--audit", "--preload", "--argv0",
		"--glibc-hwcaps-prepend", "--glibc-hwcaps-mask", NULL
	};
	static const char *const questions[] = {
		"--list", "--verify", "--list-tunables", "--list-diagnostics", "--help", "--version", NULL
	};
	for (; *words != NULL && begins(*words, "-"); words++)
		if (strcmp(*words, "--") == 0)
			return words[1];
		else if (is_among(*words, questions))
			return NULL;
		else if (is_among(*words, valued) && words[1] != NULL)
			words++;
	return *words;
}

static bool judge_build(struct verdict *v, const struct elf *e, const struct elf *library)
{
	struct elf others = { NULL, 0 };
	if (library_of_others != NULL && elf_read(&others, library_of_others) && elf_is(&others) &&
	    elf_same_machine(e, &others)) {
		v->reason = "is a program of another word size, and may load the library of that size";
		return false;
	}
	if (!elf_same_word(e, library))
		return no(v, "is a program of another word size than the library",
		          "use a build of it like the library, or make the library like it");
	if (!elf_same_machine(e, library))
		return no(v, "is a program for another machine than the library", "use a build of it for this machine");
	if (elf_has_section(e, "gopclntab"))
		return no(v, "is a Go program, which makes its system calls itself, past every library",
		          "run it without onewrite");
	return true;
}

/* Can the library be loaded with the program's libc? A library that is linked to glibc can be with musl as well, whose
 * loader takes itself for libc.so.6. */
static bool judge_libc(struct verdict *v, const char *loader, const struct elf *library)
{
	bool musl = false;
	const char *needed;
	for (size_t next = 0; (needed = elf_next_needed(library, &next)) != NULL;)
		musl = musl || names_musl(needed) || strcmp(needed, "libc.so") == 0;
	if (musl && !names_musl(loader))
		return no(v, "is linked to glibc and the library to musl", "build onewrite with the program's libc");
	return true;
}

/* The loader ignores LD_PRELOAD for a file that raises privileges. Whose privileges, and whether the file system is
 * mounted nosuid, is not considered: a user who knows better has --force. */
static bool judge_privileges(struct verdict *v, const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && (st.st_mode & (S_ISUID | S_ISGID)) != 0)
		return no(v, "is set-user-ID or set-group-ID and would not load the library",
		          "use a copy of it without that bit, or let it start onewrite (as in: sudo onewrite COMMAND)");
	if (getxattr(path, "security.capability", NULL, 0) > 0)
		return no(v, "has file capabilities and would not load the library",
		          "use a copy of it without them, and grant them as ambient ones");
	return true;
}

static bool wants_asan(const struct elf *e)
{
	const char *needed, *preloaded = getenv("LD_PRELOAD");
	for (size_t next = 0; (needed = elf_next_needed(e, &next)) != NULL;)
		if (begins(needed, "libasan.so") || begins(needed, "libclang_rt.asan"))
			return true;
	return preloaded != NULL && strstr(preloaded, "asan") != NULL;
}

/* Follows #! lines to the file that loads libraries. Returns false if there is nothing more to find out. */
static bool find_program(struct verdict *v, const char **path, struct elf *e)
{
	for (int depth = 0; elf_read(e, *path); depth++) {
		if (elf_is(e))
			return true;
		if (depth == 5)
			return no(v, "is too deep a chain of scripts", "name the interpreter first");
		struct interpreter i = interpreter_of(*path);
		if (i.unsure)
			return unsure(v, format("env reads the #! line of %s in its own way", *path));
		if (i.reason != NULL)
			return no(v, i.reason, i.cure);
		if (i.path == NULL)
			return no(v, "is a script without an interpreter", i.trouble);
		v->about = format("%s is run by %s, which", *path, i.path);
		*path = i.path;
	}
	return unsure(v, format("cannot read %s", *path));
}

/* Finds the program that a loader runs, as the loader does. Returns false if there is nothing more to find out. */
static bool find_loaded(struct verdict *v, const char **path, struct elf *e, char **words)
{
	const char *program = loader_runs(words), *loader = *path;
	if (program == NULL)
		return no(v, "is the loader, and has no program to run", "name the program behind it");
	if (strchr(program, '/') == NULL)
		return unsure(v, format("%s looks for '%s' in its own way", loader, program));
	if (access(program, F_OK) != 0)
		refuse("there is no file '%s': check its path", program);
	*path = program;
	v->about = format("%s, which %s runs,", program, loader);
	if (!elf_read(e, program))
		return unsure(v, format("cannot read %s", program));
	if (!elf_is(e))
		return no(v, "is no program for a loader", "run it without one");
	return true;
}

/* Can this library help this command? */
static struct verdict judge(char **command, const struct elf *library)
{
	char *trouble;
	const char *path = locate(*command, &trouble);
	if (path == NULL && **command != '\0' && (*command)[strspn(*command, "0123456789")] == '\0')
		refuse("there is no process %s, and no command of that name: check the number", *command);
	if (path == NULL)
		refuse("%s", trouble);
	struct verdict v = { .about = path };
	struct elf e = { NULL, 0 };
	if (!find_program(&v, &path, &e) || !judge_build(&v, &e, library))
		return v;
	const char *loader = elf_loader(&e);
	bool by_name = is_loader(&e, path);
	if (by_name) {
		loader = path;
		if (!find_loaded(&v, &path, &e, command + 1) || !judge_build(&v, &e, library))
			return v;
	}
	if (loader == NULL || elf_loader(&e) == NULL) {
		no(&v, "is statically linked and loads no library", "use a dynamically linked build of it");
		return v;
	}
	if (!judge_libc(&v, loader, library) || (!by_name && !judge_privileges(&v, path)))
		return v;
	judge_calls(&v, &e);
	v.asan = wants_asan(&e);
	v.musl = names_musl(loader);
	return v;
}

/* --- the commands ----------------------------------------------------------------------------- */

static int check(char **command, const struct elf *library)
{
	struct verdict v = judge(command, library);
	bool helped = v.cure == NULL && !v.useless;
	printf("%s: %s %s%s%s\n", helped ? "yes" : "no", v.about, v.reason, v.cure != NULL ? ": " : "",
	       v.cure != NULL ? v.cure : "");
	return helped ? 0 : 1;
}

/* Is the library loaded in a process that runs, and if not, could it be? A word of digits that is also a command's name
 * means the process. */
static int check_process(const char *pid, const struct elf *library)
{
	struct process p;
	char *trouble = process_read(&p, pid);
	if (trouble != NULL)
		refuse("%s", trouble);
	/* A loader that was called by its name was told of its program from there. */
	if (chdir(format("/proc/%s/cwd", pid)) != 0 && errno != EACCES && errno != ENOENT)
		refuse("the directory of process %s cannot be entered: %s; ask as its user or as root", pid,
		       strerror(errno));
	struct verdict v = judge(p.command, library);
	const char *about = v.about == p.path ? p.file : v.about;
	bool helped = v.cure == NULL && !v.useless;
	char *notes = format(
		"%s%s%s%s%s%s%s%s", *p.tls != '\0' ? "; it has loaded " : "", p.tls,
		*p.tls != '\0' ? ", and what goes by TLS is left as it is" : "",
		p.sandboxed ? "; it is in a sandbox (seccomp): if it entered that itself, nothing is joined since" : "",
		*p.http != '\0' ? "; it looks as if it wrote HTTP, for the text of a head is in " : "", p.http,
		*p.traffic != '\0' ? "; " : "", p.traffic);
	if (p.loaded != NULL)
		printf("yes: process %s (%s) has loaded %s%s%s\n", pid, p.file, p.loaded,
		       p.replaced ? ", which has been replaced since: start it again to have the new one" : "", notes);
	else if (helped)
		printf("yes: process %s has not loaded the library: %s %s: start it again by onewrite%s\n", pid, about,
		       v.reason, notes);
	else
		printf("no: process %s has not loaded the library: %s %s%s%s%s\n", pid, about, v.reason,
		       v.cure != NULL ? ": " : "", v.cure != NULL ? v.cure : "", notes);
	return p.loaded == NULL && !helped;
}

static int plan(const char *pid, bool force, char **command, const char *path, const struct elf *library)
{
	environment_compare(pid);
	struct verdict v = judge(command, library);
	const char *options = getenv("ASAN_OPTIONS");
	if (v.cure != NULL && !force)
		refuse("%s %s: %s; --force runs it all the same", v.about, v.reason, v.cure);
	if (v.asan && (options == NULL || strstr(options, "verify_asan_link_order") == NULL))
		environment_print(format("ASAN_OPTIONS=%s%sverify_asan_link_order=0", options != NULL ? options : "",
		                         options != NULL ? ":" : ""));
	preload_print(path, library_of_others != NULL && !v.musl);
	return 0;
}

static int start(char **words)
{
	char **command = environment_restore(words);
	if (*command == NULL)
		refuse("cannot start it: there is no command");
	execvp(*command, command);
	int error = errno;
	fprintf(stderr, "onewrite: cannot start '%s': %s\n", *command, strerror(error));
	return error == ENOENT ? 127 : 126;
}

int main(int argc, char **argv)
{
	char *path = library_path(argv[0]);
	struct elf library = library_read(path);
	int status = 2;
	library_of_others = preload_of_others(path);
	if (argc > 2 && strcmp(argv[1], "check") == 0)
		status = argc == 3 && process_runs(argv[2]) ? check_process(argv[2], &library)
		                                            : check(argv + 2, &library);
	else if (argc > 4 && strcmp(argv[1], "plan") == 0)
		status = plan(argv[2], strcmp(argv[3], "force") == 0, argv + 4, path, &library);
	else if (argc > 2 && strcmp(argv[1], "start") == 0)
		return start(argv + 2);
	else
		refuse("judge is called by scripts/onewrite: see onewrite --help");
	if (fflush(stdout) != 0 || ferror(stdout))
		refuse("standard output cannot be written: let it go elsewhere");
	return status;
}
