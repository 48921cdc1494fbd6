/* Proves that the library does nothing in programs with more privileges than their callers, nor before its constructor
 * and after its destructor. */
#include "harness.h"
#include "machine.h"

#include <fnmatch.h>

/* --- secure execution: needs root ------------------------------------------------------------- */

static const struct {
	const char *how, *results, *calls;
} programs[] = {
	{ "set-user-id",
	  "secure: 1, the library is there as wanted: 1\nthreads: 1, new mappings: 0\n"
	  "its end: 0, the caller's file was written: 0\n",
	  "write bytes=100 = 100, write bytes=200 = 200" },
	{ "capability",
	  "secure: 1, the library is there as wanted: 1\nthreads: 1, new mappings: 0\n"
	  "its end: 0, the caller's file was written: 0\n",
	  "write bytes=100 = 100, write bytes=200 = 200" },
	/* The same program without privileges shows that what the rows above do not find would be found. */
	{ "plain",
	  "secure: 0, the library is there as wanted: 1\nthreads: [23], new mappings: [1-9]*\n"
	  "its end: 0, the caller's file was written: 1\n",
	  "writev iov=2 bytes=300 = 300" },
};

EACH_TEST(secure, programs, ROWS(programs), 30)
{
	struct setup setup = { .args = { BUILD_DIR "/tests/programs/p_secure", programs[*i].how } };
	char *calls;

	machine_needs(SET_USER_ID, programs[*i].how);
	struct run *r = run(&setup, SHIM);
	calls = calls_of(r, NULL);
	cr_expect(fnmatch(programs[*i].results, r->results.p, 0) == 0, "%s: reported\n%sand not\n%s", programs[*i].how,
	          r->results.p, programs[*i].results);
	cr_expect(r->status == 0 && r->said.n == 0, "%s: wait status %#x, said \"%s\"", programs[*i].how,
	          (unsigned)r->status, r->said.p);
	cr_expect(strcmp(calls, programs[*i].calls) == 0, "%s: the calls are %s", programs[*i].how, calls);
	free(calls);
	run_free(r);
}

/* --- before the constructor and after the destructor ------------------------------------------ */

Test(secure, library_keeps_out_before_its_constructor_and_after_its_destructor, .timeout = 30)
{
	struct setup setup = { .args = { BUILD_DIR "/tests/programs/p_moments" } };
	struct run *r = check_same("a library that writes when it is loaded and unloaded", &setup);

	cr_expect(calls_like(r, "writev iov=2 bytes=300 = 300") == 1, "the message of main() was not joined:\n%s",
	          r->calls.p);
	run_free(r);
}
