/* Rows that are impossible with another libc. A row is known by its program, or by an argument of it. */
#include "left_out.h"

#include "harness.h"
#include "machine.h"

#if defined ON_MUSL || defined ON_OLD_GLIBC

static const struct {
	const char *word, *why;
} lacking[] = {
#ifdef ON_OLD_GLIBC
	{ "ignored-signal", "before glibc 2.32 the library blocks signals while it starts a thread" },
	{ "p_title", "libbsd is built for the newer glibc" },
	{ "plugin", "the test would link it to the newer glibc" },
#else
	{ "backtrace", "musl has no backtrace_symbols_fd" },
	{ "__backtrace", "musl has no backtrace_symbols_fd" },
	{ "coroutine", "musl has no ucontext functions" },
	{ "early", "musl runs no .preinit_array" },
	{ "exit EPERM", "where exit is refused no thread of musl's can end, and no fork comes to its end then" },
	{ "exit ENOSYS", "where exit is refused no thread of musl's can end, and no fork comes to its end then" },
	{ "ignored-signal", "who starts a thread of musl's blocks signals meanwhile, the library as musl itself" },
	{ "last-return", "a forked child of musl's whose first thread ends has no other that can end (1.2.3)" },
	{ "no-message", "musl's sendmsg reads a header that is not there" },
	{ "option, unseen", "musl has no ucontext functions" },
	{ "option, unseen, and no more", "musl has no ucontext functions" },
	{ "p_moments", "musl has its constructors, and their ends, in another order" },
	{ "p_secure", "musl has no /etc/ld.so.preload, and heeds no LD_PRELOAD where it would be secure" },
	{ "p_title", "libbsd is built for glibc" },
	{ "plugin", "musl does not look where a library's own run path says" },
	{ "vain-dup3", "musl's dup3 refuses no flag" },
#endif
};

void leave_out_one(const char *name, const char *why)
{
	machine_skip(name, why);
}

void leave_out(const char *const *args)
{
	for (size_t a = 0; args[a] != NULL; a++)
		for (size_t i = 0; i < sizeof lacking / sizeof *lacking; i++) {
			const char *word = a == 0 ? strrchr(args[a], '/') + 1 : args[a];
			size_t n = strlen(lacking[i].word);

			if (strncmp(word, lacking[i].word, n) == 0 && (word[n] == '\0' || word[n] == '='))
				leave_out_one(word, lacking[i].why);
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
