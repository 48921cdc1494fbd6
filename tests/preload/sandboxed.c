/* Proves that a program goes on as it does without the library when a sandbox that was there before it refuses one
 * system call: each call, each error, each mode. */
#include "everywhere.h"

#include <stdio.h>

#if !defined __SANITIZE_ADDRESS__ && !defined UNDER_TSAN /* sanitizers make system calls of their own */

#define PROGRAM BUILD_DIR "/tests/programs/p_hosts"

/* Where openat, newfstatat or mprotect is refused, no program starts that needs a shared object. */
static const char *const calls[] = { "sendto",
	                             "writev",
	                             "sendmsg",
	                             "setsockopt",
	                             "getsockopt",
	                             "ioctl",
	                             "fcntl",
	                             "poll",
	                             "ppoll",
	                             "futex",
	                             "rt_sigprocmask",
	                             "rt_sigaction",
	                             "sigaltstack",
	                             "clone3",
	                             "clone",
	                             "madvise",
	                             "munmap",
	                             "prlimit64",
	                             "prctl",
	                             "getpid",
	                             "gettid",
	                             "tgkill",
	                             "nanosleep",
	                             "exit",
	                             "sched_getaffinity",
	                             "sched_setaffinity",
	                             "sched_getscheduler",
	                             "sched_setscheduler",
	                             "getpriority",
	                             "setpriority",
	                             "readlink",
	                             "readlinkat",
	                             "set_robust_list",
	                             "rseq",
	                             "statx",
	                             "clock_gettime",
	                             "geteuid",
	                             "getdents64",
	                             "rt_sigpending",
	                             "rt_sigtimedwait" };
/* Each call does what it was asked for, and a head that nothing follows arrives soon. */
#define RESULTS                                                                                                     \
	"a head: 100\nits body: 200\nhalf a head: 50\nits rest: 50\nhalf a body: 100\nits rest: 100\na head: 100\n" \
	"is there: 1\nhalf a body: 100\nits rest: 100\nanother head: 100\nthe end: 0\nis there: 1\na head: 100\na " \
	"fork: 3\n"                                                                                                 \
	"its body: 200\nthe last head: 100\n"

static const char *const errors[] = { "EPERM", "ENOSYS" };

EACH_TEST(sandboxed, program_goes_on_where_a_call_is_refused, ROWS(calls), 100)
{
	char how[64];

	for (size_t e = 0; e < ROWS(errors); e++) {
		struct case_of c = { { "launched", how }, RESULTS, .clients = 2, .timed = true };

		snprintf(how, sizeof how, "%s %s", calls[*i], errors[e]);
		if (strcmp(calls[*i], "clone") == 0)
			c.wanted = NULL; /* libc decides how a fork fails then */
		check_everywhere(PROGRAM, &c);
	}
}

/* The refused call is none that a hold needs, so two messages leave in two segments. */
Test(sandboxed, messages_are_joined_in_a_sandbox, .timeout = 60)
{
	struct setup setup = { .args = { PROGRAM, "launched", "sched_getaffinity EPERM" },
		               .join = "message",
		               .clients = 2 };
	struct run *r = run(&setup, SHIM);

	cr_expect(r->status == 0 && r->bytes[0].n == 600 && r->segments == 2,
	          "wait status %#x, %zu bytes in %u segments", (unsigned)r->status, r->bytes[0].n, r->segments);
	run_free(r);
}

#endif
