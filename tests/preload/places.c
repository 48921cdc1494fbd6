/* Proves that the helper is not in the program's way: it keeps no privilege that the program gives up, and it goes when
 * the program needs its place for a task. */
#include "harness.h"
#include "machine.h"

#define PROGRAM BUILD_DIR "/tests/programs/p_places"
#define JOINED  "writev iov=2 bytes=300 = 300"

/* Runs the program bare and under the library, and skips the test where this machine lacks something. */
static struct run *check(const char *family, const char *what, const char *faults)
{
	struct setup setup = { .args = { PROGRAM, family, what }, .faults = faults };
	struct run *r = check_same(what, &setup);

	if (strncmp(r->results.p, "not here: ", 10) == 0)
		machine_skip(what, r->results.p);
	return r;
}

#ifndef UNDER_TSAN /* TSan has a thread of its own */
static const char *const privileges[] = {
	"capset",        "SYS_capset",    "no new privileges", "no new privileges, by number",
	"bounding set",  "ambient set",   "secure bits",       "keep capabilities",
	"SYS_setresuid", "SYS_setgroups", "landlock",          "label",
	"keyring"
};

EACH_TEST(places, thread_keeps_no_privilege_that_the_program_gives_up, ROWS(privileges), 60)
{
	struct run *r = check("privilege", privileges[*i], NULL);

	cr_expect(strstr(r->results.p, "threads of before: 0, with other privileges: 0\n") != NULL, "%s: %s",
	          privileges[*i], r->results.p);
	cr_expect(strcmp(privileges[*i], "SYS_setresuid") == 0 || calls_like(r, JOINED) == 2,
	          "%s: want two joined messages:\n%s", privileges[*i], r->calls.p);
	run_free(r);
}
#endif

#if !defined UNDER_TSAN && !defined __SANITIZE_ADDRESS__ /* sanitizers have threads or processes of their own */
/* In these runs the recorder cannot write into its log, which is root's, so no calls are seen. */
static const char *const tasks[] = {
	"pthread_create", "thrd_create", "posix_spawn", "popen", "system", "fork", "clone"
};

EACH_TEST(places, task_of_the_programs_gets_the_helpers_place, ROWS(tasks), 60)
{
	struct run *r = check("task", tasks[*i], NULL);

	cr_expect(strcmp(r->results.p, "the first: 0\nanother: 0\n") == 0, "%s: %s", tasks[*i], r->results.p);
	run_free(r);
}
#endif

/* A fault refuses the program's thread. What is held goes, and the call is made again; nothing is held for a second,
 * and then messages are joined again. */
Test(places, helper_comes_back_after_a_while, .timeout = 60)
{
	struct run *r = check("refused", "pthread_create", "pthread_create:2:errno=EAGAIN");
	char *calls = calls_of(r, NULL);

	cr_expect(strcmp(calls, "send bytes=100 flags=MSG_NOSIGNAL|MSG_DONTWAIT = 100, write bytes=200 = 200, "
	                        "write bytes=100 = 100, write bytes=200 = 200, send bytes=100 flags=MSG_MORE = 100, "
	                        "write bytes=200 = 200, " JOINED) == 0,
	          "the calls are %s", calls);
	free(calls);
	run_free(r);
}
