/* Proves that a trace that cannot be written changes nothing: no signal, no wait, the same bytes and results. One line
 * on stderr says why. And that a program may write over the environment that names the trace. */
#include "everywhere.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>

#define PROGRAM BUILD_DIR "/tests/programs/p_traced"

struct hindered {
	const char *obstacle;
	const char *said;    /* pattern of what is said on stderr */
	const char *results; /* what the program reports under the library; NULL: the same as bare */
};

#define SAYS(error) "onewrite: no trace, " error ": /*/trace\n"

static const struct hindered table[] = {
	{ "fifo", SAYS("ENXIO") },
	{ "full fifo", SAYS("EAGAIN"), "lines that are missing are counted: 1\n" },
	{ "reader that flickers", "?(" SAYS("@(ENXIO|EPIPE|EAGAIN)") ")" },
	{ "signal that waits", "", "signals: 1, 0\n" },
	{ "closed pipe", SAYS("EPIPE") },
	{ "socket", SAYS("ENXIO") },
	{ "full disk", SAYS("ENOSPC") },
	{ "no directory", SAYS("ENOENT") },
	{ "long file", SAYS("EFBIG") },
	{ "stopped terminal", SAYS("EAGAIN") },
	{ "background", "", "it went through: 1\n" },
	{ "no number", "", "lines that are missing are counted: 1\n" },
	{ "deleted", "", "it is there again: 1\n" },
	{ "another stderr", "", "bytes that came by its number: 0\n" },
	{ "socket for stderr", "", "it says why: 1\n" },
};

static int remove_it(const char *path, const struct stat *s, int type, struct FTW *where)
{
	(void)s, (void)type, (void)where;
	return remove(path);
}

static const struct mode bare_mode = { NULL, NULL };

/* Runs a program bare (a mode without `hold`) or under the library, with a trace in a directory of its own. Adds what
 * the trace has to *lines, unless that is NULL. */
static struct run *run_traced(const char *program, const char *obstacle, const struct mode *m, struct text *lines)
{
	struct setup setup = { .args = { program, obstacle }, .hold = m->hold, .join = m->join };
	char directory[] = "/tmp/onewrite-trace-XXXXXX", trace[64];
	struct run *r;

	cr_assert(mkdtemp(directory) != NULL, "mkdtemp");
	snprintf(trace, sizeof trace, "%s/trace", directory);
	setenv("ONEWRITE_TRACE", trace, 1);
	r = run(&setup, m->hold == NULL ? BARE : SHIM);
	int fd = lines != NULL ? open(trace, O_RDONLY) : -1;
	if (fd >= 0) {
		text_add_file(lines, fd);
		close(fd);
	}
	nftw(directory, remove_it, 8, FTW_DEPTH | FTW_PHYS);
	return r;
}

EACH_TEST(traced, trace_that_cannot_be_written_changes_nothing, ROWS(table), 120)
{
	const struct hindered *h = &table[*i];
	struct run *bare = run_traced(PROGRAM, h->obstacle, &bare_mode, NULL);

	for (size_t m = 0; m < MODES; m++) {
		struct run *shim = run_traced(PROGRAM, h->obstacle, &every_mode[m], NULL);
		char name[128];

		snprintf(name, sizeof name, "%s, hold %s, join %s", h->obstacle, every_mode[m].hold,
		         every_mode[m].join);
		cr_expect(fnmatch(h->said, shim->said.p, FNM_EXTMATCH) == 0, "%s: said \"%s\"", name, shim->said.p);
		shim->said.n = 0;
		shim->said.p[0] = '\0';
		compare_runs(name, bare, shim, h->results);
		run_free(shim);
	}
	run_free(bare);
}

static int count(const struct text *t, const char *what)
{
	int n = 0;

	for (const char *p = t->p; p != NULL && (p = strstr(p, what)) != NULL; p++)
		n++;
	return n;
}

/* A title lies where the variables were that the library has read. */
EACH_TEST(traced, title_over_the_environment_changes_no_setting, MODES, 30)
{
	const char *program = BUILD_DIR "/tests/programs/p_title";
	const struct mode *m = &every_mode[*i];
	struct text lines = { NULL, 0 };
	struct run *bare = run_traced(program, NULL, &bare_mode, NULL), *shim = run_traced(program, NULL, m, &lines);
	char name[128];

	snprintf(name, sizeof name, "a title, hold %s, join %s", m->hold, m->join);
	compare_runs(name, bare, shim, NULL);
	cr_expect(strcmp(shim->results.p, "the title is shown: 1\nthe variables are as before: 0, 0\n") == 0,
	          "%s: no title lies over the environment: %s", name, shim->results.p);
	cr_expect(count(&lines, " bytes=100\n") == 3 && count(&lines, " bytes=200\n") == 3,
	          "%s: not every head and every body is in the trace:\n%s", name, lines.p);
	cr_expect(strcmp(m->hold, "memory") != 0 || calls_like(shim, "writev iov=2 bytes=300 = 300") == 3,
	          "%s: not every head was joined:\n%s", name, shim->calls.p);
	free(lines.p);
	run_free(bare);
	run_free(shim);
}
