/* Runs the tests of one file of tests/unit on a machine that has no Criterion, and prints the same last line as
 * Criterion. */
#include "criterion/criterion.h"

#include <stdarg.h>
#include <stdio.h>
#include <sys/wait.h>
#include <unistd.h>

static struct test *tests;
static bool failed; /* this test, in the process of the test */

void runner_add(struct test *t)
{
	t->next = tests;
	tests = t;
}

void runner_failed(bool fatal, const char *file, int line, const char *what, const char *format, ...)
{
	va_list arguments;

	printf("[----] %s:%d: %s:", file, line, what);
	va_start(arguments, format);
	vprintf(format, arguments);
	va_end(arguments);
	puts("");
	failed = true;
	if (fatal) {
		fflush(stdout);
		_exit(1);
	}
}

/* Runs a test in a process of its own. Returns the wait status. */
static int run(const struct test *t)
{
	int status = -1;
	pid_t pid = fork();

	if (pid == 0) {
		t->run();
		fflush(stdout);
		_exit(failed);
	}
	waitpid(pid, &status, 0);
	return status;
}

int main(void)
{
	int passing = 0, failing = 0, crashing = 0;

	for (const struct test *t = tests; t != NULL; t = t->next) {
		int status = run(t);
		if (status == 0)
			passing++;
		else if (WIFEXITED(status))
			failing++;
		else
			crashing++;
		if (status != 0)
			printf("[FAIL] %s::%s\n", t->suite, t->name);
		fflush(stdout);
	}
	printf("[====] Synthesis: Tested: %d | Passing: %d | Failing: %d | Crashing: %d\n",
	       passing + failing + crashing, passing, failing, crashing);
	return failing + crashing > 0 || passing == 0;
}
