/* Proves that what scripts/onewrite says about itself is right. */
#include "installed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* The package and the library take their version from the script, and docs/NEWS.md begins with it. */
WRAPPER_TEST(the_version_is_the_newest_of_the_news)
{
	struct outcome o;
	char want[64] = "", line[256], version[32];
	FILE *news = fopen(SOURCE_DIR "/docs/NEWS.md", "r");
	cr_assert_not_null(news);
	while (*want == '\0' && fgets(line, sizeof line, news) != NULL)
		if (sscanf(line, "## %31[0-9.]", version) == 1)
			snprintf(want, sizeof want, "onewrite %s\n", version);
	fclose(news);
	onewrite(&o, &shells[0], "--version");
	check_ran(&o, "--version", shells[0].package);
	cr_assert(strcmp(o.out, want) == 0, "--version says %sdocs/NEWS.md %s", o.out, want);
}

WRAPPER_TEST(help_names_every_option)
{
	static const char *const options[] = { "--timeout", "--join",    "--hold",    "--only",    "--trace", "--check",
		                               "--force",   "-h",        "--help",    "-V",        "--probe", "--head",
		                               "--post",    "--compare", "--picture", "--version", "100us",   "1s",
		                               "--show",    "--format",  "--output",  "--watch" };
	struct outcome o;
	onewrite(&o, &shells[0], "--help");
	check_ran(&o, "--help", shells[0].package);
	for (size_t i = 0; i < sizeof options / sizeof *options; i++)
		cr_assert(strstr(o.out, options[i]) != NULL, "--help does not mention %s", options[i]);
}

WRAPPER_TEST(short_options_say_the_same)
{
	static const char *const options[][2] = { { "-h", "--help" }, { "-V", "--version" } };
	struct outcome brief, full;
	UNDER_EACH(sh)
	{
		for (size_t i = 0; i < sizeof options / sizeof *options; i++) {
			onewrite(&brief, sh, options[i][0]);
			onewrite(&full, sh, options[i][1]);
			check_ran(&brief, options[i][0], sh->package);
			cr_assert(strcmp(brief.out, full.out) == 0, "under %s %s says %s", sh->package, options[i][0],
			          brief.out);
		}
	}
}

/* References to pages of other packages are not judged: which of them are installed depends on the machine. */
WRAPPER_TEST(manual_pages_are_right)
{
	static const char *const pages[] = { "onewrite.1", "onewrite.conf.5", "libonewrite.8" };
	struct outcome o;
	char script[1024];
	for (size_t i = 0; i < sizeof pages / sizeof *pages; i++) {
		snprintf(script, sizeof script,
		         "man --warnings -E UTF-8 -l '%s/docs/man/%s' | grep -c . >lines; mandoc -T lint "
		         "'%s/docs/man/%s' 2>&1 | "
		         "grep -v -e 'referenced manual not found' -e 'mandoc.db'; test $(cat lines) -gt 50",
		         SOURCE_DIR, pages[i], SOURCE_DIR, pages[i]);
		launch(&o, NULL, "/bin/sh", ARGS("-c", script), NULL);
		check_ran(&o, pages[i], "sh (packages man-db, mandoc)");
		cr_expect(o.out[0] == '\0', "%s: %s", pages[i], o.out);
	}
}

/* The settings are those that the library knows (shim/settings.def). */
WRAPPER_TEST(manual_pages_name_every_setting)
{
	struct outcome o;
	launch(&o, NULL, "/bin/sh",
	       ARGS("-c", "cd '" SOURCE_DIR
	                  "' && sed -n 's/^SETTING(\\(.*\\), \\([A-Z]*\\), [A-Z_]*,.*/\\1 \\2/p' shim/settings.def | "
	                  "while read -r file variable; do echo $variable; cd docs/man; grep -q \"^.It Ev "
	                  "ONEWRITE_$variable\\$\" onewrite.1 && "
	                  "grep -q \"^.It Ev ONEWRITE_$variable\\$\" libonewrite.8 && "
	                  "{ [ $file = trace ] || [ $file = report ] || grep -q \"^.It Cm $file\\$\" onewrite.conf.5; "
	                  "} || echo missing; "
	                  "cd ../..; done"),
	       NULL);
	cr_expect_str_eq(o.out, "TIMEOUT\nJOIN\nHOLD\nONLY\nTRACE\nSTATS\nREPORT\nOBSERVE\n");
}
