/* Proves that nothing that was counted is lost with its process, however that ends; that the report says it; and that a
 * directory which cannot be written to costs one line, and nothing else. */
#include "counted.h"
#include "machine.h"

#include <fcntl.h>
#include <fnmatch.h>
#include <sched.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define MESSAGE     "write=" HEAD, "write=*200"
#define ONE_MESSAGE "RESPONSES 1, KEPT 1, JOINED 1, GATHERED 1, STALLS 1"
#define TOTAL       "-p_steps.total"
#define FILE_OF_ONE "p_steps--.stats"

/* --- how a process ends ----------------------------------------------------------------------- */

static const struct ending {
	const char *step, *counted, *files;
} endings[] = {
	{ "exit", ONE_MESSAGE, TOTAL },
	{ "_exit", ONE_MESSAGE, TOTAL },
	{ "_Exit", ONE_MESSAGE, TOTAL },
	{ "quick_exit", ONE_MESSAGE, TOTAL },
	{ "SYS_exit_group", ONE_MESSAGE, TOTAL },
	{ "abort", ONE_MESSAGE, TOTAL },
	/* the next program of the same process finds the file, and folds it */
	{ "exec", ONE_MESSAGE, TOTAL },
	/* nobody folds the file, and it is whole */
	{ "nobytes", ONE_MESSAGE, FILE_OF_ONE },
	{ "killed", ONE_MESSAGE, FILE_OF_ONE },
};

EACH_TEST(reported, what_was_counted_outlives_the_process, ROWS(endings), 60)
{
	const struct ending *e = &endings[*i];
	struct setup setup = { .args = { STEPS, MESSAGE, e->step }, .join = "message" };
	struct text counted = { 0 }, files = { 0 };
	struct run *r = run_counted(&setup, false, &counted, &files);

	text_add(&files, "", 1);
	cr_expect_str_eq(counted.p, e->counted, "%s: counted %s", e->step, counted.p);
	cr_expect_str_eq(files.p, e->files, "%s: files %s", e->step, files.p);
	cr_expect(!WIFSIGNALED(r->status) || WTERMSIG(r->status) != SIGXFSZ, "%s: ended by SIGXFSZ", e->step);
	run_free(r);
	free(counted.p);
	free(files.p);
}

/* A child has a file of its own, and what its parent has counted stays its parent's. */
Test(reported, child_of_fork_counts_for_itself, .timeout = 60)
{
	struct setup setup = { .args = { STEPS, MESSAGE, "forked", MESSAGE, "_exit" }, .join = "message" };
	struct text counted = { 0 }, files = { 0 };
	struct run *r = run_counted(&setup, false, &counted, &files);

	text_add(&files, "", 1);
	cr_expect(strncmp(counted.p, "RESPONSES 2, KEPT ", 18) == 0, "counted %s", counted.p);
	cr_expect_str_eq(files.p, TOTAL, "files %s", files.p);
	run_free(r);
	free(counted.p);
	free(files.p);
}

/* --- the report ------------------------------------------------------------------------------- */

#define REPORT(joined)                                                                                            \
	"onewrite: p_steps (+([0-9])): 1 responses, 0 requests: 1 " joined ", 0 written at once by the program\n" \
	"onewrite: p_steps (+([0-9])): "
#define SAVED "1 write calls, 1 segments and 1 stalls (estimated, at most)\n"
#define DONE  REPORT("joined") "saved " SAVED

static const struct reporting {
	const char *name, *steps[4], *said;
	bool observe;
	const char *hold;
} reports[] = {
	{ "exit", { MESSAGE, "exit" }, DONE },
	{ "_exit", { MESSAGE, "_exit" }, DONE },
	{ "abort", { MESSAGE, "abort" }, DONE },
	{ "observed",
	  { MESSAGE, "exit" },
	  REPORT("would have been joined") "would have saved " SAVED,
	  .observe = true },
	{ "nothing to report", { "exit" }, "" },
	{ "a reason", { "write=HTTP/1.1 304 Not Modified\r\n\r\n", "exit" }, "*sent at once or early: no-body 1\n" },
	{ "a connection that is passed over",
	  { "write=220 another protocol\r\n", "exit" },
	  "*not looked at: other-protocol 1\n" },
	{ "held by the kernel", { MESSAGE, "exit" }, "*held by the kernel: as-set 1\n", .hold = "kernel" },
};

EACH_TEST(reported, process_reports_at_its_end, ROWS(reports), 60)
{
	const struct reporting *row = &reports[*i];
	struct setup setup = { .args = { STEPS }, .join = "message", .hold = row->hold };

	for (size_t s = 0; row->steps[s] != NULL; s++)
		setup.args[s + 1] = row->steps[s];
	setenv("ONEWRITE_REPORT", "1", 1);
	if (row->observe)
		setenv("ONEWRITE_OBSERVE", "1", 1);
	struct run *r = run(&setup, SHIM);
	unsetenv("ONEWRITE_REPORT");
	unsetenv("ONEWRITE_OBSERVE");
	text_add(&r->said, "", 1);
	cr_expect(fnmatch(row->said, r->said.p, FNM_EXTMATCH) == 0, "%s: said\n%s    instead of\n%s", row->name,
	          r->said.p, row->said);
	run_free(r);
}

#ifndef UNDER_SANITIZER /* the wrapper starts programs with the library of the checkout */
/* A process that a signal ends cannot report itself; the wrapper ends as its command did. */
Test(reported, wrapper_reports_for_a_process_that_a_signal_ends, .timeout = 60)
{
	struct setup setup = { .args = { SOURCE_DIR "/scripts/onewrite", "--report", "--", STEPS, MESSAGE, "killed" } };
	struct run *r = run(&setup, BARE);

	text_add(&r->said, "", 1);
	cr_expect(fnmatch(DONE, r->said.p, FNM_EXTMATCH) == 0, "said\n%s", r->said.p);
	cr_expect(WIFSIGNALED(r->status) && WTERMSIG(r->status) == SIGKILL, "wait status %#x", (unsigned)r->status);
	run_free(r);
}
#endif

/* --- a directory that cannot be written to ---------------------------------------------------- */

static const struct obstacle {
	const char *name, *directory, *said;
	const char *limit; /* prlimit(1) is told this */
} obstacles[] = {
	{ "there is none", "/nonexistent/counters", "onewrite: no counters, ENOENT: /nonexistent/counters\n" },
	{ "it is a file", "/dev/null", "onewrite: no counters, ENOTDIR: /dev/null\n" },
	{ "it cannot be written to", "/proc/self", "onewrite: no counters, @(EACCES|ENOENT|EPERM): /proc/self\n" },
	{ "files may not be as long", "/tmp", "onewrite: no counters, EFBIG: /tmp\n", "--fsize=4096" },
};

static void expect_one_line(const struct obstacle *o)
{
	struct setup setup = { .args = { STEPS, MESSAGE, "await" }, .join = "message" };
	struct setup limited = { .args = { "/usr/bin/prlimit", o->limit, STEPS, MESSAGE, "await" }, .join = "message" };
	const struct setup *s = o->limit != NULL ? &limited : &setup;
	struct run *bare = run(s, BARE), *r = run_counting_in(o->directory, s, false);

	text_add(&r->said, "", 1);
	cr_expect(fnmatch(o->said, r->said.p, FNM_EXTMATCH) == 0, "%s: said \"%s\"", o->name, r->said.p);
	r->said.p[0] = '\0';
	compare_runs(o->name, bare, r, NULL);
	run_free(bare);
	run_free(r);
}

EACH_TEST(reported, directory_that_cannot_be_written_to_costs_one_line, ROWS(obstacles), 60)
{
	expect_one_line(&obstacles[*i]);
}

/* No file is left behind that has no room for its counters, for a write to its memory would raise SIGBUS. */
Test(reported, full_disk_costs_one_line, .timeout = 60)
{
	char directory[] = "/tmp/onewrite-full-XXXXXX", path[100], said[100];
	static const char nothing[1024];
	int fd;

	if (geteuid() != 0)
		machine_skip("a full disk", "only root can mount one");
	machine_needs(MOUNT_NAMESPACE, "a full disk");
	cr_assert(unshare(CLONE_NEWNS) == 0 && mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0);
	cr_assert(mkdtemp(directory) != NULL && mount("none", directory, "tmpfs", 0, "size=16k") == 0);
	snprintf(path, sizeof path, "%s/rest", directory);
	snprintf(said, sizeof said, "onewrite: no counters, ENOSPC: %s\n", directory);
	cr_assert((fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600)) >= 0);
	while (write(fd, nothing, sizeof nothing) > 0) {}
	close(fd);
	expect_one_line(&(struct obstacle){ "a full disk", directory, said, NULL });
	snprintf(path, sizeof path, "[ \"$(ls '%s')\" = rest ]", directory);
	cr_expect(system(path) == 0, "a file is left behind");
	cr_expect(umount(directory) == 0 && rmdir(directory) == 0);
}
