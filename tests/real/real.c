/* Real programs from Debian's packages: each file of tests/real/{servers,clients,at-once,figures} is one case.
 * tests/real/run does the work and says, in sentences, what went wrong. */
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/options.h>
#include <criterion/parameterized.h>
#include <err.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* They are timed: one after the other, so that they do not disturb each other. */
ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	(void)tests;
	criterion_options.jobs = 1;
}

struct program {
	char name[64]; /* servers/wsgiref */
};

/* The files of tests/real/KIND, as Criterion wants its parameters: in memory of its own, freed by it. */
static struct criterion_test_params programs_of(const char *kind)
{
	char pattern[512];
	glob_t found;
	struct program *programs;

	snprintf(pattern, sizeof(pattern), SOURCE_DIR "/tests/real/%s/*.sh", kind);
	if (glob(pattern, 0, NULL, &found) != 0)
		errx(1, "no program files match %s", pattern);
	programs = cr_malloc(found.gl_pathc * sizeof(*programs));
	for (size_t i = 0; i < found.gl_pathc; i++) {
		const char *file = strrchr(found.gl_pathv[i], '/') + 1;

		snprintf(programs[i].name, sizeof(programs[i].name), "%s/%.*s", kind, (int)(strlen(file) - 3), file);
	}
	return cr_make_param_array(struct program, programs, found.gl_pathc, NULL);
}

static void run(const struct program *program)
{
	char command[512], said[8192];
	FILE *output;
	size_t size;

	snprintf(command, sizeof(command), "ONEWRITE_BUILD='" BUILD_DIR "' '" SOURCE_DIR "/tests/real/run' %s 2>&1",
		 program->name);
	output = popen(command, "r");
	cr_assert(output, "cannot start: %s", command);
	size = fread(said, 1, sizeof(said) - 1, output);
	said[size] = '\0';
	cr_assert(pclose(output) == 0, "%s", said);
}

ParameterizedTestParameters(real, a_small_response_leaves_in_one_call)
{
	return programs_of("servers");
}

ParameterizedTest(struct program *program, real, a_small_response_leaves_in_one_call, .timeout = 120)
{
	run(program);
}

ParameterizedTestParameters(real, a_small_request_leaves_in_one_call)
{
	return programs_of("clients");
}

ParameterizedTest(struct program *program, real, a_small_request_leaves_in_one_call, .timeout = 120)
{
	run(program);
}

ParameterizedTestParameters(real, what_must_not_wait_goes_at_once)
{
	return programs_of("at-once");
}

ParameterizedTest(struct program *program, real, what_must_not_wait_goes_at_once, .timeout = 120)
{
	run(program);
}

ParameterizedTestParameters(real, the_figures_are_met)
{
	return programs_of("figures");
}

ParameterizedTest(struct program *program, real, the_figures_are_met, .timeout = 120)
{
	run(program);
}
