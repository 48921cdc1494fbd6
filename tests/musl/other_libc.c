/* Proves that the library of one libc works in the programs of another: what it holds is joined, and everything else is
 * as without it. The recorder wants no particular libc, and goes with both. */
#include "harness.h"

#include <stdlib.h>

#define OF_GLIBC BUILD_DIR "/.."
#define OF_MUSL  BUILD_DIR

static const struct {
	const char *library, *programs;
} pairs[] = { { OF_GLIBC, OF_MUSL }, { OF_MUSL, OF_GLIBC } };

static const struct {
	const char *name, *steps[8], *calls, *timeout;
} rows[] = {
	{ "a response", { "write=" HEAD, "write=*200", "await" }, "writev iov=2 bytes=300 = 300" },
	{ "a body by sendmsg", { "write=" HEAD, "sendmsg/2=*200", "await" }, "*iov=3 bytes=300*" },
	{ "a head alone", { "write=" HEAD, "sleep=30", "write=*200", "await" }, "send bytes=100 *", "5ms" },
	{ "a body by sendfile", { "write=" HEAD, "sendfile=*200", "await" }, "sendfile bytes=200 = 200" },
	{ "a body by stdio", { "write=" HEAD, "dprintf=*200", "await" }, "send bytes=100 *" },
	{ "a socket that was passed", { "write=" HEAD, "pass", "write=*200", "await" }, "send bytes=100 *" },
	{ "a list of requests", { "write=" HEAD, "lio_listio=*200", "await" }, "send bytes=100 *" },
	{ "a child", { "write=" HEAD, "fork", "write=*200", "await" }, "send bytes=100 *" },
	{ "exec", { "write=" HEAD, "exec=execv", "write=*200", "await" }, "send bytes=100 *" },
};

EACH_TEST(other_libc, library_works_in_its_programs, ROWS(pairs) * ROWS(rows), 60)
{
	static char program[1000], library[1000];
	const char *const *steps = rows[*i / ROWS(pairs)].steps;
	struct setup setup = { .args = { program }, .timeout = rows[*i / ROWS(pairs)].timeout };

	snprintf(program, sizeof program, "%s/tests/programs/p_steps", pairs[*i % ROWS(pairs)].programs);
	snprintf(library, sizeof library, "%s/libonewrite.so", pairs[*i % ROWS(pairs)].library);
	for (size_t n = 0; n < 8 && steps[n] != NULL; n++)
		setup.args[n + 1] = steps[n];
	setenv("LIBRARY_UNDER_TEST", library, 1);
	struct run *r = check_same(rows[*i / ROWS(pairs)].name, &setup);
	cr_expect(calls_like(r, rows[*i / ROWS(pairs)].calls) == 1, "%s, %s: no call is \"%s\":\n%s",
	          rows[*i / ROWS(pairs)].name, library, rows[*i / ROWS(pairs)].calls, r->calls.p);
	run_free(r);
}
