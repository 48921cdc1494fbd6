/* What the suites of the recogniser share (tests/unit/http.c, http_refused.c): a look at bytes, and the check of its
 * verdict. */
#ifndef ONEWRITE_TESTS_RECOGNISE_H
#define ONEWRITE_TESTS_RECOGNISE_H

#include <criterion/criterion.h>
#include <string.h>

#include "http.h"
#include "page.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const char *const verdicts[] = { "NO", "MORE", "HEAD" };

/* Looks at the bytes twice: with nothing readable before them, and with nothing readable behind them. */
static inline enum http_verdict look(const char *bytes, size_t n, size_t seen, enum http_method answers,
                                     struct http_head *out)
{
	struct http_head again = *out;
	enum http_verdict behind = http_head(page_place_behind(bytes, n), n, seen, answers, &again);
	enum http_verdict verdict = http_head(page_place(bytes, n), n, seen, answers, out);

	cr_assert(verdict == behind && memcmp(out, &again, sizeof again) == 0, "%zu bytes read differently elsewhere",
	          n);
	return verdict;
}

static inline void expect_verdict(const char *name, const char *how, size_t at, enum http_verdict got,
                                  enum http_verdict want)
{
	cr_expect(got == want, "%s, %s %zu: got %s, want %s", name, how, at, verdicts[got], verdicts[want]);
}

#endif
