/* Proves which settings are understood, from the environment and from the file, and what is said about those that are
 * not. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

static char complaints[4096];

static void complain(const char *line)
{
	strcat(strcat(complaints, line), "\n");
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool read_all(char **argv, char **envp, const char *file)
{
	static char room[4096];
	struct settings_text text = { room, room, 0 };
	complaints[0] = '\0';
	if (file != NULL) {
		strcpy(room, file);
		text.end = room + strlen(file);
	}
	return config_read(argv, envp, file != NULL ? &text : NULL, "", exists, complain);
}

static bool read_both(char **argv, char *setting)
{
	char *envp[] = { "PATH=/bin", setting, NULL };
	return read_all(argv, envp, NULL);
}

static bool read_env(char *setting)
{
	char *argv[] = { "/usr/bin/python3", "/opt/serve/app", "8080", NULL };
	return read_both(argv, setting);
}

Test(config, durations)
{
	static const struct {
		const char *text;
		uint64_t ns; /* 0: refused */
	} rows[] = {
		{ "100us", 100000 },
		{ "500us", 500000 },
		{ "5ms", 5000000 },
		{ "1s", 1000000000 },
		{ "1000ms", 1000000000 },
		{ "", 0 },
		{ "5", 0 },
		{ "ms", 0 },
		{ "5 ms", 0 },
		{ "5m", 0 },
		{ "-5ms", 0 },
		{ "99us", 0 },
		{ "2s", 0 },
		{ "0ms", 0 },
		{ "5msx", 0 },
		{ "1001ms", 0 },
		{ "0x5ms", 0 },
		{ "+5ms", 0 },
		{ "99999999999999999999ms", 0 },
		{ "18446744073709551617ms", 0 },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		uint64_t ns = 0;
		bool ok = config_duration(rows[i].text, &ns);
		cr_expect(ok == (rows[i].ns != 0), "'%s' is %s", rows[i].text, ok ? "taken" : "refused");
		cr_expect(ns == rows[i].ns, "'%s' is %llu ns", rows[i].text, (unsigned long long)ns);
	}
}

Test(config, settings_are_read)
{
	read_env("ONEWRITE_TIMEOUT=500us");
	cr_expect(config.timeout_ns == 500000);
	read_env("ONEWRITE_HOLD=kernel");
	cr_expect(config.place == PLACE_KERNEL);
	read_env("ONEWRITE_JOIN=message");
	cr_expect(config.join == JOIN_MESSAGE);
	read_env("ONEWRITE_JOIN=header");
	cr_expect(config.join == JOIN_HEADER);
	read_env("ONEWRITE_TRACE=/tmp/x y");
	cr_assert(config.trace != NULL);
	cr_expect_str_eq(config.trace, "/tmp/x y");
	cr_expect_str_eq(complaints, "");
}

Test(config, a_bad_setting_costs_one_line_and_leaves_the_default)
{
	static char *bad[] = { "ONEWRITE_TIMEOUT=soon", "ONEWRITE_JOIN=head", "ONEWRITE_HOLD=disk" };
	read_env("ONEWRITE_ONLY=");
	struct config before = config;
	for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
		read_env(bad[i]);
		char *end = strchr(complaints, '\n');
		cr_expect(end != NULL && end[1] == '\0', "%s: complaints are '%s'", bad[i], complaints);
		cr_expect(strstr(complaints, bad[i]) != NULL, "%s is not named in '%s'", bad[i], complaints);
		cr_expect(memcmp(&before, &config, sizeof before) == 0, "%s changed a default", bad[i]);
	}
}

Test(config, an_empty_setting_is_no_setting)
{
	read_env("ONEWRITE_TIMEOUT=");
	cr_expect_str_eq(complaints, "");
	cr_expect(config.timeout_ns == TIMEOUT_DEFAULT_NS);
}

Test(config, only_names_the_program_or_its_script)
{
	static const struct {
		char *setting;
		bool active;
	} rows[] = {
		{ "ONEWRITE_ONLY=python3", true },   { "ONEWRITE_ONLY=app", true },
		{ "ONEWRITE_ONLY=nginx,app", true }, { "ONEWRITE_ONLY=nginx", false },
		{ "ONEWRITE_ONLY=python", false },   { "ONEWRITE_ONLY=ap,pp,8080", false },
		{ "ONEWRITE_ONLY=,", false },        { "PATH=x", true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool active = read_env(rows[i].setting);
		cr_expect(active == rows[i].active, "%s: active is %d", rows[i].setting, active);
	}
}

/* /etc/passwd stands for a script that exists. */
Test(config, only_finds_the_script_behind_an_interpreters_options)
{
	static const struct {
		char *argv[8];
		char *setting;
		bool active;
	} rows[] = {
		{ { "python3", "-u", "/etc/passwd", "8080" }, "ONEWRITE_ONLY=passwd", true },
		{ { "python3", "-u", "/etc/passwd", "8080" }, "ONEWRITE_ONLY=8080", false },
		{ { "python3", "-X", "dev", "app.py" }, "ONEWRITE_ONLY=app.py", true },
		{ { "python3", "-X", "dev", "/etc/passwd", "8080" }, "ONEWRITE_ONLY=passwd", true },
		{ { "python3", "-X", "dev", "/etc/passwd", "8080" }, "ONEWRITE_ONLY=8080", false },
		{ { "python3", "-X", "dev", "-W", "ignore", "app.py" }, "ONEWRITE_ONLY=app.py", true },
		{ { "python3", "-Xdev", "app.py" }, "ONEWRITE_ONLY=app.py", true },
		{ { "perl", "app.pl", "-x", "app.py" }, "ONEWRITE_ONLY=app.py", false },
		{ { "python3", "-X" }, "ONEWRITE_ONLY=app.py", false },
		{ { "python3" }, "ONEWRITE_ONLY=app.py", false },
		{ { NULL }, "ONEWRITE_ONLY=app.py", false },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		cr_expect(read_both((char **)rows[i].argv, rows[i].setting) == rows[i].active,
		          "row %zu: %s with %s is not %s", i, rows[i].argv[0], rows[i].setting,
		          rows[i].active ? "helped" : "left alone");
}

/* --- names that are no settings --------------------------------------------------------------- */

Test(config, misspelt_variables_are_named_with_what_was_meant)
{
	static const struct {
		char *variable;
		const char *said;
	} rows[] = {
		{ "ONEWRITE_TIMEUOT=5ms",
		  "onewrite: ONEWRITE_TIMEUOT is no setting; did you mean ONEWRITE_TIMEOUT?\n" },
		{ "ONEWRITE_TIMEOUT_MS=5",
		  "onewrite: ONEWRITE_TIMEOUT_MS is no setting; did you mean ONEWRITE_TIMEOUT?\n" },
		{ "ONEWRITE_timeout=5ms",
		  "onewrite: ONEWRITE_timeout is no setting; did you mean ONEWRITE_TIMEOUT?\n" },
		{ "ONEWRITE_ONYL=java", "onewrite: ONEWRITE_ONYL is no setting; did you mean ONEWRITE_ONLY?\n" },
		{ "ONEWRITE_HOLDS=kernel", "onewrite: ONEWRITE_HOLDS is no setting; did you mean ONEWRITE_HOLD?\n" },
		{ "ONEWRITE_DURATION=5ms",
		  "onewrite: ONEWRITE_DURATION is no setting; there are ONEWRITE_TIMEOUT, ONEWRITE_JOIN, "
		  "ONEWRITE_HOLD, ONEWRITE_ONLY, ONEWRITE_TRACE, ONEWRITE_STATS, ONEWRITE_REPORT, "
		  "ONEWRITE_OBSERVE\n" },
		{ "ONEWRITE_=5ms",
		  "onewrite: ONEWRITE_ is no setting; there are ONEWRITE_TIMEOUT, ONEWRITE_JOIN, ONEWRITE_HOLD, "
		  "ONEWRITE_ONLY, ONEWRITE_TRACE, ONEWRITE_STATS, ONEWRITE_REPORT, ONEWRITE_OBSERVE\n" },
		{ "ONEWRITE_TIMEUOT=", "" },
		{ "ONEWRITE_TIMEUOT", "" },
		{ "ONEWRITE=5ms", "" },
		{ "onewrite_timeuot=5ms", "" },
		{ "XONEWRITE_TIMEUOT=5ms", "" },
		{ "PATH=/ONEWRITE_TIMEUOT=5ms", "" },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cr_expect(read_env(rows[i].variable), "%s: the program is left alone", rows[i].variable);
		cr_expect(strcmp(complaints, rows[i].said) == 0, "%s: said '%s'", rows[i].variable, complaints);
	}
}

Test(config, a_long_name_that_is_none_is_cut)
{
	static char variable[3000] = "ONEWRITE_";
	memset(variable + strlen(variable), 'T', 2000);
	strcat(variable, "=5ms");
	read_env(variable);
	cr_expect(strlen(complaints) < 300 && strstr(complaints, " is no setting; there are ") != NULL, "said '%s'",
	          complaints);
}

Test(config, who_is_left_alone_is_told_nothing)
{
	char *argv[] = { "sh", NULL };
	char *envp[] = { "ONEWRITE_TIMEOUT=soon", "ONEWRITE_TIMEUOT=5ms", "ONEWRITE_ONLY=java", NULL };
	cr_expect(!read_all(argv, envp, "join = all\n"));
	cr_expect_str_eq(complaints, "");
}

/* --- the file of settings --------------------------------------------------------------------- */

#define FILE_SAYS(line, text) "onewrite: /etc/onewrite.conf:" #line ": " text "\n"
#define NOTHING_DONE          "nothing is done in any program"

/* For a program that is called python3 and runs the script app. */
static const struct file_row {
	const char *file;
	char *setting; /* from the environment; NULL: none */
	bool helped;
	uint64_t timeout_us;
	const char *said;
} files[] = {
	{ "", NULL, true, 5000, "" },
	{ "timeout = 2ms\n", NULL, true, 2000, "" },
	{ "\ttimeout=2ms \r\n", NULL, true, 2000, "" },
	{ "# a comment\n\ntimeout = 2ms # and another", NULL, true, 2000, "" },
	{ "timeout = 2ms\n", "ONEWRITE_TIMEOUT=3ms", true, 3000, "" },
	{ "timeout = 2ms\n", "ONEWRITE_TIMEOUT=soon", true, 2000,
	  "onewrite: ONEWRITE_TIMEOUT=soon is not a duration from 100us to 1s (500us, 5ms); using the default\n" },
	{ "\ntimeout = soon\n", NULL, true, 5000,
	  FILE_SAYS(2, "timeout=soon is not a duration from 100us to 1s (500us, 5ms); using the default") },
	{ "timeout =\n", NULL, true, 5000,
	  FILE_SAYS(1, "timeout= is not a duration from 100us to 1s (500us, 5ms); using the default") },
	{ "timeout = 2ms, 3ms\n", NULL, true, 5000,
	  FILE_SAYS(1, "timeout=2ms, 3ms is not a duration from 100us to 1s (500us, 5ms); using the default") },
	{ "join = all\n", NULL, true, 5000, FILE_SAYS(1, "join=all is not 'header' or 'message'; using the default") },
	{ "hold = disk\n", NULL, true, 5000, FILE_SAYS(1, "hold=disk is not 'memory' or 'kernel'; using the default") },
	{ "trace = /var/log/trace\n", NULL, true, 5000,
	  FILE_SAYS(1, "trace=/var/log/trace is not for this file: set it in the environment; using the default") },
	/* These rows say who is helped. */
	{ "only = python3\n", NULL, true, 5000, "" },
	{ "only = nginx, app ,java\n", NULL, true, 5000, "" },
	{ "only = nginx\n", NULL, false, 5000, "" },
	{ "only = nginx\ntimeout = soon\n", NULL, false, 5000, "" },
	{ "only = nginx\n", "ONEWRITE_ONLY=app", true, 5000, "" },
	{ "only = app\n", "ONEWRITE_ONLY=nginx", false, 5000, "" },
	{ "only = nginx\n", "ONEWRITE_TIMEOUT=2ms", false, 5000, "" },
	{ "only = nginx\n", "ONEWRITE_ONLY=", false, 5000, "" },
	/* These lines may have been meant as the list of programs, so nothing is done in any program. */
	{ "timeout = 2ms\nonyl = app\n", NULL, false, 5000,
	  FILE_SAYS(2, "onyl is no setting (did you mean only?); " NOTHING_DONE) },
	{ "programs = app\n", NULL, false, 5000,
	  FILE_SAYS(1, "programs is no setting (there are timeout, join, hold, only, stats, observe); " NOTHING_DONE) },
	{ "ONEWRITE_ONLY = app\n", NULL, false, 5000,
	  FILE_SAYS(
		  1,
		  "ONEWRITE_ONLY is no setting (there are timeout, join, hold, only, stats, observe); " NOTHING_DONE) },
	{ "only app\n", NULL, false, 5000, FILE_SAYS(1, "'only app' is not name = value; " NOTHING_DONE) },
	{ "= app\n", NULL, false, 5000,
	  FILE_SAYS(1, " is no setting (there are timeout, join, hold, only, stats, observe); " NOTHING_DONE) },
	{ "only =\n", NULL, false, 5000,
	  FILE_SAYS(1, "only= is not a list of program names (nginx, java); " NOTHING_DONE) },
	{ "only = app,,java\n", NULL, false, 5000,
	  FILE_SAYS(1, "only=app,,java is not a list of program names (nginx, java); " NOTHING_DONE) },
	{ "only = /usr/bin/app\n", NULL, false, 5000,
	  FILE_SAYS(1, "only=/usr/bin/app is not a list of program names (nginx, java); " NOTHING_DONE) },
	{ "only = app\nonly = java\n", NULL, false, 5000, FILE_SAYS(2, "only was set in line 1; " NOTHING_DONE) },
	{ "on ly = app\nx\n", "ONEWRITE_ONLY=app", false, 5000,
	  FILE_SAYS(1, "on ly is no setting (did you mean only?); " NOTHING_DONE)
	          FILE_SAYS(2, "'x' is not name = value; " NOTHING_DONE) },
};

Test(config, the_file_of_settings)
{
	for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
		const struct file_row *r = &files[i];
		char *argv[] = { "/usr/bin/python3", "/opt/serve/app", NULL },
		     *envp[] = { "PATH=/bin", r->setting, NULL };
		config.timeout_ns = TIMEOUT_DEFAULT_NS;
		config.trace = NULL;
		bool helped = read_all(argv, envp, r->file);
		cr_expect(helped == r->helped, "'%s' and %s: %s", r->file, r->setting,
		          helped ? "helped" : "left alone");
		cr_expect(config.timeout_ns == r->timeout_us * 1000, "'%s' and %s: the timeout is %llu ns", r->file,
		          r->setting, (unsigned long long)config.timeout_ns);
		cr_expect(strcmp(complaints, r->said) == 0, "'%s' and %s: said '%s'", r->file, r->setting, complaints);
		cr_expect(config.trace == NULL, "'%s' sets a trace", r->file);
	}
}

Test(config, join_and_hold_of_the_file)
{
	char *argv[] = { "app", NULL }, *envp[] = { "ONEWRITE_HOLD=memory", NULL };
	cr_expect(read_all(argv, envp + 1, "join = header\nhold = kernel\n"));
	cr_expect(config.join == JOIN_HEADER && config.place == PLACE_KERNEL);
	cr_expect(read_all(argv, envp, "join = message\nhold = kernel\n"));
	cr_expect(config.join == JOIN_MESSAGE && config.place == PLACE_MEMORY);
	cr_expect_str_eq(complaints, "");
}
