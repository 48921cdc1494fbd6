/* Rows that cannot be on musl. Each is named by a word of its program's command line. */
#include "left_out.h"

#include "harness.h"
#include "machine.h"

#ifdef ON_MUSL

static const struct {
	const char *word, *why;
} lacking[] = {
	{ "backtrace", "musl has no backtrace_symbols_fd" },
	{ "__backtrace", "musl has no backtrace_symbols_fd" },
	{ "coroutine", "musl has no ucontext functions" },
	{ "early", "musl runs no .preinit_array" },
	{ "ignored-signal", "who starts a thread of musl's blocks signals meanwhile, the library as musl itself" },
	{ "no-message", "musl's sendmsg reads a header that is not there" },
	{ "plugin", "musl does not look where a library's own run path says" },
	{ "vain-dup3", "musl's dup3 refuses no flag" },
};

void leave_out_one(const char *name, const char *why)
{
	machine_skip(name, why);
}

void leave_out(const char *const *args)
{
	for (size_t a = 1; args[a] != NULL; a++)
		for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
			size_t n = strlen(lacking[i].word);

			if (strncmp(args[a], lacking[i].word, n) == 0 && (args[a][n] == '\0' || args[a][n] == '='))
				leave_out_one(args[a], lacking[i].why);
		}
}

#else

void leave_out_one(const char *name, const char *why)
{
	(void)name, (void)why;
}

void leave_out(const char *const *args)
{
	(void)args;
}

#endif
