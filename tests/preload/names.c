/* Proves that each call reaches the right function: every exported name leads to the library, the library calls libc's
 * function in the version that the program wants, and libc sees the program as the caller. */
#include "harness.h"
#include "machine.h"
#include "library.h"

#if defined __SANITIZE_ADDRESS__ || defined UNDER_TSAN
#define SANITIZED
#endif

#define NAMES BUILD_DIR "/tests/programs/p_names"

#define JOINED     "writev iov=2 bytes=300 = 300"
#define BY_KERNEL  "send bytes=100 flags=MSG_MORE = 100, write bytes=200 = 200"
#define LEFT_ALONE "write bytes=100 = 100, write bytes=200 = 200"

struct row {
	const char *args[3];
	const char *results, *calls; /* NULL: those of the bare run; any */
};

static void check_row(const struct row *row)
{
	struct setup setup = { .args = { row->args[0], row->args[1], row->args[2] } };
	const char *how = row->args[2] != NULL ? row->args[2] : "", *what = row->args[1] != NULL ? row->args[1] : "";
	struct run *r = check_same(row->args[1] != NULL ? row->args[1] : row->args[0], &setup);
	char *calls = calls_of(r, NULL);

	cr_expect(row->results == NULL || strcmp(r->results.p, row->results) == 0,
	          "%s %s: reported \"%s\", wanted \"%s\"", what, how, r->results.p, row->results);
	cr_expect(row->calls == NULL || strcmp(calls, row->calls) == 0, "%s %s: the calls are %s", what, how, calls);
	free(calls);
	run_free(r);
}

#define ROWS_OF(suite, table)                    \
	EACH_TEST(suite, table, ROWS(table), 30) \
	{                                        \
		check_row(&table[*i]);           \
	}                                        \
	_Static_assert(1, "the macro ends in a semicolon")

Test(names, every_name_is_bound_to_the_library, .timeout = 30)
{
	struct setup setup = { .args = { NAMES, "bindings" } };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->status == 0 && strcmp(r->results.p, "bound elsewhere: 0\n") == 0, "wait status %#x, reported %s",
	          (unsigned)r->status, r->results.p);
	run_free(r);
}

#if defined __x86_64__ && !defined SANITIZED /* what stands in front of libc under a sanitizer has no versions */
static const struct row versions[] = {
	{ { NAMES, "spawn-script", "posix_spawn" }, "error: ENOEXEC\n", BY_KERNEL },
	{ { NAMES, "spawn-script", "posix_spawnp" }, "error: ENOEXEC\n", BY_KERNEL },
	{ { NAMES, "spawn-script", "old posix_spawn" }, "status: 7\n", BY_KERNEL },
	{ { NAMES, "spawn-script", "old posix_spawnp" }, "status: 7\n", BY_KERNEL },
	{ { NAMES, "exit-quickly", "new" }, "" },
	{ { NAMES, "exit-quickly", "old" }, "an object of the thread is destroyed\n" },
	{ { NAMES, "list-requests", "new" }, "announced: 1\n" },
	{ { NAMES, "list-requests", "old" }, "announced: 1\n" },
};
ROWS_OF(names, versions);
#endif

#define BACK "came back: 1, status 0\n"
static const struct row callers[] = {
	{ { NAMES, "find-plugin", "dlopen" }, "found: yes\n" },
#ifndef SANITIZED /* a sanitizer cannot be loaded twice */
	{ { NAMES, "find-plugin", "dlmopen" }, "found: yes\n" },
#endif
	{ { NAMES, "call-plugin" }, "a ring: 77\n" },
#if defined __x86_64__ && !defined UNDER_TSAN
	{ { NAMES, "process-comes-back", "SYS_clone" }, BACK, JOINED },
	{ { NAMES, "process-comes-back", "SYS_clone3" }, BACK, JOINED },
	{ { NAMES, "thread-comes-back", "SYS_clone" }, BACK, JOINED },
	{ { NAMES, "thread-comes-back", "SYS_clone3" }, BACK, JOINED },
	{ { NAMES, "thread-apart-comes-back", "SYS_clone" }, BACK, LEFT_ALONE },
	{ { NAMES, "thread-apart-comes-back", "SYS_clone3" }, BACK, LEFT_ALONE },
	{ { NAMES, "fork-comes-back", "SYS_clone" }, "came back: 0, status 0\n", BY_KERNEL },
	{ { NAMES, "fork-comes-back", "SYS_clone3" }, "came back: 0, status 0\n", BY_KERNEL },
	{ { NAMES, "vfork-by-number", "SYS_vfork" }, "", JOINED },
	{ { NAMES, "vfork-by-number", "SYS_clone" }, "", JOINED },
#endif
};
ROWS_OF(names, callers);

/* The same must hold however the library is compiled: without optimisation the compiler turns no call into a jump. */
EACH_TEST(names, callers_of_a_library_without_optimisation, ROWS(callers), 30)
{
	setenv("LIBRARY_UNDER_TEST", BUILD_DIR "/plain/libonewrite.so", 1);
	check_row(&callers[*i]);
}

#ifndef UNDER_TSAN /* TSan has a clone of its own, found before the library's */
#define OWN "clone: 8heads\nunshare: 0.75\ndaemon: 5 10 15\nsetns: 1\n"
static const struct row own_functions[] = {
	{ { BUILD_DIR "/tests/programs/p_strangers" }, OWN, BY_KERNEL },
};
ROWS_OF(names, own_functions);
#endif

#ifdef WITH_MUSL
/* One library file serves all programs: the preload keeps no program from starting, whichever libc the program is
 * linked to. */
#define WHOLE_EXCHANGE "52 bytes: POST / HTTP/1.1\r\n...hello\na child: 7\n"

static void exchange_with_another_libc(const char *argument, const char *said, const char *traced)
{
	static const char program[] = BUILD_DIR "/tests/programs/musl_exchange";
	char trace[] = "/tmp/onewrite-trace-XXXXXX", command[1000], got[600] = "";
	int fd = mkstemp(trace);
	FILE *p;

	snprintf(command, sizeof command, "LD_PRELOAD=%s ONEWRITE_ONLY=musl_exchange ONEWRITE_TRACE=%s %s %s 2>&1",
	         library_under_test(), trace, program, argument);
	p = popen(command, "r");
	cr_assert(p != NULL && fread(got, 1, sizeof got - 1, p) < sizeof got - 1);
	cr_expect(pclose(p) == 0 && strcmp(got, said) == 0, "it said %s", got);
	memset(got, 0, sizeof got);
	cr_expect(read(fd, got, sizeof got - 1) > 0 && strstr(got, traced) != NULL, "the trace is %s", got);
	close(fd);
	unlink(trace);
}

Test(names, library_loads_with_another_libc_and_works, .timeout = 30)
{
	exchange_with_another_libc("", WHOLE_EXCHANGE, " join ");
}

/* With lengths of the wrong size the body would look like a call that the kernel refuses, and overtake the head. */
Test(names, lengths_in_a_header_are_as_long_as_that_libc_has_them, .timeout = 30)
{
	exchange_with_another_libc("sendmsg", WHOLE_EXCHANGE, " join ");
}

/* musl before 1.2.4 ignores unknown flags of dup3, so the connection is replaced, and what is held must go before. */
Test(names, number_is_taken_with_flags_that_there_are_not, .timeout = 30)
{
	if (system("'" BUILD_DIR "/tests/programs/musl_exchange' dup3 >/dev/null 2>&1") != 0)
		machine_skip("dup3", "this musl refuses such flags");
	exchange_with_another_libc("dup3", "47 bytes: POST / HTTP/1.1\r\n...\na child: 7\n", " emit close");
}
#endif

/* --- errno ------------------------------------------------------------------------------------ */

/* A call that succeeds leaves errno alone, whatever the library did on the way. Some seventy calls are tried. */
static const struct {
	const char *state, *hold, *join, *timeout, *faults;
} errno_rows[] = {
	{ "new" },
	{ "head" },
	{ "part" },
	{ "later" },
	{ "later", "kernel" },
	{ "head", "kernel", "message" },
	{ "later", "memory", "message" },
	{ "head", .timeout = "1ms" },
	{ "head", .faults = "pthread_create:*:errno=EAGAIN" },
};

EACH_TEST(names, errno_rows, ROWS(errno_rows), 60)
{
	struct setup setup = { .args = { BUILD_DIR "/tests/programs/p_errno", errno_rows[*i].state },
		               .hold = errno_rows[*i].hold,
		               .join = errno_rows[*i].join,
		               .timeout = errno_rows[*i].timeout,
		               .faults = errno_rows[*i].faults };

	run_free(check_same(errno_rows[*i].state, &setup));
}
