/* Proves that each symbol of libc in the families that the library stands in front of is a hook, or has the reason why
 * not in this file. A libc with a new way to write, to copy a descriptor or to end a process fails this test until that
 * symbol has been considered. */
#include "harness.h"
#include "machine.h"

#include <dlfcn.h>
#include <regex.h>
#include <stdio.h>
#include <stdlib.h>

#define FAMILIES                                                                                                      \
	"^_*(IO_|libc_)?(p?read|p?write|send|recv|splice|vmsplice|tee|v?dprintf|backtrace_symbols_fd|"                \
	"close|fclose|pclose|dup|fcntl|fdopen|freopen|shutdown|ioctl|getsockopt|setsockopt|socket|accept|connect|"    \
	"v?fork|clone|daemon|posix_spawnp?$|system|popen|wordexp|f?exec|exit|quick_exit|abort|syscall|dlm?open|aio_|" \
	"lio_|io_uring|unshare|setns|pidfd_|copy_file_range|"                                                         \
	"prctl|capset|set(fs|e|re|res)?[ug]id$|setgroups|initgroups|pthread_create|thrd_create|sigaltstack|sigstack)"

static const struct {
	const char *symbol, *reason;
} without_a_hook[] = {
	{ "vfork", "a wrapper would return twice on one stack; its child's calls are hooked" },
	{ "__vfork", "vfork" },
	{ "exit", "runs our destructor" },
	{ "pread", "no socket has offsets: ESPIPE" },
	{ "pread64", "no offsets" },
	{ "__pread64", "no offsets" },
	{ "__pread_chk", "no offsets" },
	{ "__pread64_chk", "no offsets" },
	{ "preadv", "no offsets" },
	{ "preadv64", "no offsets" },
	{ "pwrite", "no offsets" },
	{ "pwrite64", "no offsets" },
	{ "__pwrite64", "no offsets" },
	{ "pwritev", "no offsets" },
	{ "pwritev64", "no offsets" },
	{ "copy_file_range", "from file to file" },
	{ "vmsplice", "into a pipe" },
	{ "tee", "from pipe to pipe" },
	{ "aio_read", "the peer's bytes; what is held goes at its deadline" },
	{ "aio_read64", "aio_read" },
	{ "aio_cancel", "moves no bytes" },
	{ "aio_cancel64", "moves no bytes" },
	{ "aio_error", "moves no bytes" },
	{ "aio_error64", "moves no bytes" },
	{ "aio_fsync", "a socket has nothing to sync" },
	{ "aio_fsync64", "aio_fsync" },
	{ "aio_init", "moves no bytes" },
	{ "aio_return", "moves no bytes" },
	{ "aio_return64", "moves no bytes" },
	{ "aio_suspend", "moves no bytes" },
	{ "aio_suspend64", "moves no bytes" },
	{ "__aio_suspend_time64", "moves no bytes" },
	{ "_IO_fclose", "stdio's name of 1997 for fclose: nothing is built against it" },
	{ "_IO_fdopen", "the same for fdopen" },
	{ "_IO_popen", "the same for popen" },
	{ "fcloseall", "flushes; the descriptors stay until the process ends" },
	{ "pclose", "the end of a pipe" },
	{ "socketpair", "of unix sockets" },
	{ "pidfd_open", "makes no copy of a descriptor" },
	{ "pidfd_getpid", "a question" },
	{ "pidfd_send_signal", "a signal" },
	{ "setuid", "of all threads, libc sees to that" },
	{ "setgid", "of all threads" },
	{ "seteuid", "of all threads" },
	{ "setegid", "of all threads" },
	{ "setreuid", "of all threads" },
	{ "setregid", "of all threads" },
	{ "setresuid", "of all threads" },
	{ "setresgid", "of all threads" },
	{ "setgroups", "of all threads" },
	{ "initgroups", "of all threads" },
	{ "sigstack", "in no header any more; it knows no flags" },
	{ "setfsuid", "takes nothing away for good" },
	{ "setfsgid", "takes nothing away for good" },
	{ "closedir", "directories" },
	{ "fdopendir", "directories" },
	{ "readdir", "directories" },
	{ "readdir64", "directories" },
	{ "readdir_r", "directories" },
	{ "readdir64_r", "directories" },
	{ "readlink", "names" },
	{ "readlinkat", "names" },
	{ "__readlink_chk", "names" },
	{ "__readlinkat_chk", "names" },
	{ "readahead", "files" },
	{ "closelog", "syslog's own socket is a unix one" },
	{ "duplocale", "locales" },
	{ "__duplocale", "locales" },
};

static bool is_hook(const char *hooks, const char *symbol)
{
	char line[128];

	snprintf(line, sizeof line, "HOOK(%s)", symbol);
	return strstr(hooks, line) != NULL;
}

static const char *reason_for(const char *symbol)
{
	for (size_t i = 0; i < ROWS(without_a_hook); i++)
		if (strcmp(without_a_hook[i].symbol, symbol) == 0)
			return without_a_hook[i].reason;
	return NULL;
}

static char *whole_file(const char *path)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 65536);

	cr_assert(f != NULL, "cannot read %s", path);
	text[fread(text, 1, 65535, f)] = '\0';
	fclose(f);
	return text;
}

/* Calls `see` for every function that this libc exports to programs. */
static void each_symbol_of(const char *libc, void (*see)(const char *symbol, void *argument), void *argument)
{
	char command[512], line[256];
	FILE *nm;

	snprintf(command, sizeof command, "nm -D --defined-only --format=posix '%s'", libc);
	nm = popen(command, "r");
	while (fgets(line, sizeof line, nm) != NULL)
		if (strstr(line, "GLIBC_PRIVATE") == NULL && strpbrk(line + strcspn(line, " "), "TWi") != NULL) {
			line[strcspn(line, "@ ")] = '\0';
			see(line, argument);
		}
	cr_assert(pclose(nm) == 0, "%s failed: is the package binutils installed?", command);
}

struct seen {
	regex_t families;
	const char *hooks;
	int hooked;
};

static void expect_hook_or_reason(const char *symbol, void *argument)
{
	struct seen *s = argument;
	bool hooked = is_hook(s->hooks, symbol);

	s->hooked += hooked;
	if (hooked || regexec(&s->families, symbol, 0, NULL, 0) == 0)
		cr_expect(hooked != (reason_for(symbol) != NULL), "%s is %s", symbol,
		          hooked ? "a hook and has a reason not to be one"
		                 : "neither a hook nor has a reason not to be one");
}

static void check_libc(const char *libc)
{
	struct seen s = { .hooks = whole_file(SOURCE_DIR "/shim/hooks.def") };

	cr_assert(regcomp(&s.families, FAMILIES, REG_EXTENDED | REG_NOSUB) == 0, "FAMILIES is no regular expression");
	each_symbol_of(libc, expect_hook_or_reason, &s);
	cr_expect(s.hooked > 80, "only %d hooks stand in front of a symbol of this libc", s.hooked);
	regfree(&s.families);
	free((char *)s.hooks);
}

Test(every_symbol, of_libc_in_our_families_is_a_hook_or_has_a_reason, .timeout = 60)
{
	Dl_info libc;

	cr_assert(dladdr((void *)dladdr, &libc) != 0, "where is libc?");
	check_libc(libc.dli_fname);
}

/* These libcs have additional names for functions that take a time. */
static const struct {
	const char *architecture, *package, *libc;
} others[] = {
	{ "i386", "libc6-i386", "/lib32/libc.so.6" },
	{ "armhf", "libc6-armhf-cross", "/usr/arm-linux-gnueabihf/lib/libc.so.6" },
};

EACH_TEST(every_symbol, of_other_architectures_libc_is_a_hook_or_has_a_reason, ROWS(others), 60)
{
#ifndef __x86_64__
	if (strcmp(others[*i].architecture, "i386") == 0)
		machine_skip("the libc of i386", "its package is for amd64");
#endif
	cr_assert(access(others[*i].libc, R_OK) == 0, "the libc of %s is missing: install the package %s",
	          others[*i].architecture, others[*i].package);
	check_libc(others[*i].libc);
}
