/* The environment: what is understood, what is complained about. */
#include <criterion/criterion.h>
#include <string.h>
#include <unistd.h>

#include "config.h"

static char complaints[1024];

static void complain(const char *line)
{
	strcat(strcat(complaints, line), "\n");
}

static bool exists(const char *path)
{
	return access(path, F_OK) == 0;
}

static bool read_both(char **argv, char *setting)
{
	char *envp[] = { "PATH=/bin", setting, NULL };
	complaints[0] = '\0';
	return config_read(argv, envp, "", exists, complain);
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
		{ "100us", 100000 },  { "500us", 500000 },   { "5ms", 5000000 }, { "1s", 1000000000 }, { "1000ms", 1000000000 },
		{ "", 0 },            { "5", 0 },            { "ms", 0 },        { "5 ms", 0 },        { "5m", 0 },
		{ "-5ms", 0 },        { "99us", 0 },         { "2s", 0 },        { "0ms", 0 },         { "5msx", 0 },
		{ "1001ms", 0 },      { "0x5ms", 0 },        { "+5ms", 0 },      { "99999999999999999999ms", 0 },
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
		{ "ONEWRITE_ONLY=python3", true },       { "ONEWRITE_ONLY=app", true },
		{ "ONEWRITE_ONLY=nginx,app", true },     { "ONEWRITE_ONLY=nginx", false },
		{ "ONEWRITE_ONLY=python", false },       { "ONEWRITE_ONLY=ap,pp,8080", false },
		{ "ONEWRITE_ONLY=,", false },            { "PATH=x", true },
	};
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		bool active = read_env(rows[i].setting);
		cr_expect(active == rows[i].active, "%s: active is %d", rows[i].setting, active);
	}
}

/* /etc/passwd stands for a script that is there. */
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
		cr_expect(read_both((char **)rows[i].argv, rows[i].setting) == rows[i].active, "row %zu: %s with %s is not %s", i,
		          rows[i].argv[0], rows[i].setting, rows[i].active ? "helped" : "left alone");
}
