/* Proves that under the library real programs from Debian's packages send the same bytes, in no more segments and no
 * later. A file of tests/real/{servers,clients,at-once,figures} is one case; tests/real/run does the work and says in
 * sentences what went wrong. */
#include <bsd/string.h>
#include <criterion/criterion.h>
#include <criterion/hooks.h>
#include <criterion/options.h>
#include <criterion/parameterized.h>
#include <err.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* These tests measure time, so they run one after the other and do not disturb each other. */
ReportHook(PRE_ALL)(struct criterion_test_set *tests)
{
	(void)tests;
	criterion_options.jobs = 1;
}

struct program {
	char name[128]; /* as tests/real/run wants it: servers/wsgiref:small,large */
};

/* About a dozen programs of different runtimes, with the scenarios that take little time. `make check-real` runs all
 * scenarios of all programs. */
static const char *const servers[] = {
	"servers/aiohttp:small,large,chunked,compressed,file,continue,upgrade",
	"servers/busybox:small",
	"servers/gunicorn:small,chunked,HEAD",
	"servers/gunicorn-sync:small",
	"servers/http-server:small,large,304",
	"servers/http-server-handler:small,chunked,continue,stream",
	"servers/jdk-httpserver:small,chunked",
	"servers/php:small,chunked",
	"servers/php-extensions:small",
	"servers/uvicorn:small,chunked",
	"servers/wsgiref:small,chunked,HEAD",
	NULL,
};
static const char *const clients[] = {
	"clients/aiohttp-client:json,chunked,continue",
	"clients/curl:post,upload,form",
	"clients/http-client:post,large",
	"clients/http-tiny:post,chunked",
	"clients/httpurlconnection:post",
	"clients/requests:json,chunked",
	NULL,
};

/* Criterion wants its parameters in memory of its own allocator, and frees them. */
static struct criterion_test_params listed(const char *const *names)
{
	struct program *programs;
	size_t n = 0;

	while (names[n])
		n++;
	programs = cr_malloc(n * sizeof(*programs));
	for (size_t i = 0; i < n; i++)
		strlcpy(programs[i].name, names[i], sizeof(programs[i].name));
	return cr_make_param_array(struct program, programs, n, NULL);
}

/* All files of tests/real/KIND. */
static struct criterion_test_params all_of(const char *kind)
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

	snprintf(command, sizeof(command), "EXCHANGE_DIR='" BUILD_DIR "' '" SOURCE_DIR "/tests/real/run' %s 2>&1",
	         program->name);
	output = popen(command, "r");
	cr_assert(output, "cannot start: %s", command);
	size = fread(said, 1, sizeof(said) - 1, output);
	said[size] = '\0';
	cr_assert(pclose(output) == 0, "%s", said);
}

ParameterizedTestParameters(real, responses_leave_in_the_fewest_segments)
{
	return listed(servers);
}

ParameterizedTest(struct program *program, real, responses_leave_in_the_fewest_segments, .timeout = 120)
{
	run(program);
}

ParameterizedTestParameters(real, requests_leave_in_the_fewest_segments)
{
	return listed(clients);
}

ParameterizedTest(struct program *program, real, requests_leave_in_the_fewest_segments, .timeout = 120)
{
	run(program);
}

ParameterizedTestParameters(real, what_must_not_wait_goes_at_once)
{
	return all_of("at-once");
}

ParameterizedTest(struct program *program, real, what_must_not_wait_goes_at_once, .timeout = 120)
{
	run(program);
}

ParameterizedTestParameters(real, the_figures_are_met)
{
	return all_of("figures");
}

ParameterizedTest(struct program *program, real, the_figures_are_met, .timeout = 120)
{
	run(program);
}
