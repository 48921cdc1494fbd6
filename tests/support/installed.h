/* Runs an installed copy of scripts/onewrite.
 *
 * Each test has a copy of its own: a directory with prefix/bin/onewrite and prefix/lib/onewrite, in which the commands
 * run. Everything is tried under three shells. */
#ifndef ONEWRITE_TESTS_INSTALLED_H
#define ONEWRITE_TESTS_INSTALLED_H

#include <criterion/criterion.h>
#include <criterion/parameterized.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>
#include <sys/wait.h>

#define INSTALLED "prefix/bin/onewrite"

enum { ARGS_MAX = 24 };

extern const struct shell {
	const char *package; /* the package, whose program has the same name */
	const char *applet;  /* its first argument, or NULL */
} shells[3];
#define UNDER_EACH(sh) for (const struct shell *sh = shells; sh < shells + sizeof shells / sizeof *shells; sh++)

extern char dir[]; /* the directory of the test */

/* Prepares something by a shell command in the directory of the test; a failure ends the test. */
void __attribute__((format(printf, 1, 2))) prepare(const char *format, ...);

/* Run before and after each test. */
void install(void);
void uninstall(void);

struct outcome {
	int status; /* the wait status */
	pid_t pid;
	bool started; /* the file "started" was left behind */
	char out[32768], err[4096];
	size_t out_size;
};

size_t slurp(const char *name, char *text, size_t size);

/* Runs `script` by this shell (NULL: directly). The environment has these variables, a PATH and ASAN_OPTIONS. */
void launch(struct outcome *o, const struct shell *shell, const char *script, const char *const args[],
            const char *const variables[]);

int exit_status(const struct outcome *o);
bool is_one_line(const char *text);

/* Expects exit status 2, that nothing was started, and one sentence with the text `cure` in it. */
void check_refused(const struct outcome *o, const char *name, const char *shell, const char *cure);

void check_ran(const struct outcome *o, const char *name, const char *shell);

#define ARGS(...)                 \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

/* Runs the installed copy, as most tests do. */
#define onewrite(o, shell, ...) launch(o, shell, INSTALLED, ARGS(__VA_ARGS__), NULL)

/* One Criterion test per row, with a process and a directory of its own. */
#define ROW_TESTS(suite, rows)                                                         \
	ParameterizedTestParameters(suite, rows)                                       \
	{                                                                              \
		static size_t index[sizeof rows / sizeof *rows];                       \
		for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)                \
			index[i] = i;                                                  \
		return cr_make_param_array(size_t, index, sizeof rows / sizeof *rows); \
	}                                                                              \
	ParameterizedTest(size_t *i, suite, rows, .init = install, .fini = uninstall, .timeout = 60)

#define WRAPPER_TEST(name) Test(wrapper, name, .init = install, .fini = uninstall, .timeout = 60)

#endif
