/* Proves that a trace that cannot be written changes nothing: no signal, no wait, the same bytes and results. One line
 * on stderr says why. */
#include "everywhere.h"

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

static struct run *run_traced(const struct hindered *h, const struct mode *m)
{
	struct setup setup = { .args = { PROGRAM, h->obstacle }, .hold = m->hold, .join = m->join };
	char directory[] = "/tmp/onewrite-trace-XXXXXX", trace[64];
	struct run *r;

	cr_assert(mkdtemp(directory) != NULL, "mkdtemp");
	snprintf(trace, sizeof trace, "%s/trace", directory);
	setenv("ONEWRITE_TRACE", trace, 1);
	r = run(&setup, m->hold == NULL ? BARE : SHIM);
	nftw(directory, remove_it, 8, FTW_DEPTH | FTW_PHYS);
	return r;
}

EACH_TEST(traced, trace_that_cannot_be_written_changes_nothing, ROWS(table), 120)
{
	const struct hindered *h = &table[*i];
	struct run *bare = run_traced(h, &(struct mode){ NULL, NULL });

	for (size_t m = 0; m < MODES; m++) {
		struct run *shim = run_traced(h, &every_mode[m]);
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
