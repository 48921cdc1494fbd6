/* An installed copy of scripts/onewrite, to be run.
 *
 * Every test has a copy of its own: a directory with prefix/bin/onewrite and prefix/lib/onewrite, in which
 * the commands run. Everything is tried under three shells. */
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
	const char *package; /* and the name of its program */
	const char *applet;  /* or its option */
} shells[3];
#define UNDER_EACH(sh) for (const struct shell *sh = shells; sh < shells + sizeof shells / sizeof *shells; sh++)

extern char dir[]; /* the test's directory */

/* Prepares something with a shell, in the test's directory. */
void __attribute__((format(printf, 1, 2))) prepare(const char *format, ...);

/* Before and after each test. */
void install(void);
void uninstall(void);

struct outcome {
	int status; /* as from waitpid */
	pid_t pid;
	bool started; /* the file "started" was left behind */
	char out[32768], err[4096];
	size_t out_size;
};

size_t slurp(const char *name, char *text, size_t size);

/* Runs `script` by this shell (NULL: by itself), with an environment that holds these variables, and a PATH. */
void launch(struct outcome *o, const struct shell *shell, const char *script, const char *const args[],
            const char *const variables[]);

int exit_status(const struct outcome *o);
bool is_one_line(const char *text);

/* Exit status 2, nothing started, one sentence that says what to do. */
void check_refused(const struct outcome *o, const char *name, const char *shell, const char *cure);

void check_ran(const struct outcome *o, const char *name, const char *shell);

#define ARGS(...)                 \
	(const char *const[])     \
	{                         \
		__VA_ARGS__, NULL \
	}

/* Run the installed copy; a test's usual way. */
#define onewrite(o, shell, ...) launch(o, shell, INSTALLED, ARGS(__VA_ARGS__), NULL)

/* One Criterion test per row: a process and a directory of its own. */
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
