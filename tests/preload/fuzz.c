/* Proves by random programs (tests/fuzz) that bare and under the library a program sends the same bytes and has the
 * same results. `make fuzz` runs many more of them. */
#include "library.h"
#include "number.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>

static void run(unsigned programs, const char *join, const char *hold)
{
	const char *given = getenv("SEED");
	char command[1024];
	snprintf(command, sizeof command,
	         BUILD_DIR "/tests/fuzz/programs -n %u -s %lld --join %s --hold %s --library " LIBRARY_IN_SHELL,
	         programs, given != NULL ? number("SEED", given, 0, LLONG_MAX) : (long long)time(NULL), join, hold);
	int status = system(command);
	cr_assert(WIFEXITED(status) && WEXITSTATUS(status) == 0, "a program differs bare and behind the shim (%s)",
	          command);
}

Test(fuzz, programs_behave_the_same_when_the_head_is_joined, .timeout = 300)
{
	run(1000, "header", "both");
}

Test(fuzz, programs_behave_the_same_when_messages_are_joined, .timeout = 300)
{
	run(1000, "message", "both");
}

Test(fuzz, programs_behave_the_same_when_they_are_observed, .timeout = 300)
{
	run(500, "message", "observe");
}
