/* As much of Criterion as tests/unit needs, for machines that have none (runner.c). Each test runs in a process of its
 * own. */
#ifndef ONEWRITE_TESTS_MACHINES_CRITERION_H
#define ONEWRITE_TESTS_MACHINES_CRITERION_H

#include <stdbool.h>
#include <string.h>

struct test {
	const char *suite, *name;
	void (*run)(void);
	int timeout; /* accepted, and not used on an emulated machine */
	struct test *next;
};

void runner_add(struct test *t);
__attribute__((format(printf, 5, 6))) void runner_failed(bool fatal, const char *file, int line, const char *what,
                                                         const char *format, ...);

#define Test(suite_, name_, ...)                                                                             \
	static void name_(void);                                                                             \
	static struct test test_##name_ = { .suite = #suite_, .name = #name_, .run = name_, ##__VA_ARGS__ }; \
	static __attribute__((constructor)) void add_##name_(void)                                           \
	{                                                                                                    \
		runner_add(&test_##name_);                                                                   \
	}                                                                                                    \
	static void name_(void)

/* The message must be a string literal, or be left out. */
#define RUNNER_CHECK(fatal, condition, ...) \
	((condition) ? (void)0 : runner_failed(fatal, __FILE__, __LINE__, #condition, " " __VA_ARGS__))
#define cr_expect(condition, ...)   RUNNER_CHECK(false, condition, __VA_ARGS__)
#define cr_assert(condition, ...)   RUNNER_CHECK(true, condition, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...) cr_expect(strcmp(a, b) == 0, __VA_ARGS__)

#endif
