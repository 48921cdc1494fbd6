/* Proves that onewrite --show lives with whatever may lie in a directory that is everybody's: it reads the files that
 * are good, says what is wrong with each of the others, follows nothing, and gives nobody another user's counters. */
#include "counters/counters.h"
#include "installed.h"
#include "machine.h"

#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

/* A user without rights. */
enum { NOBODY = 65534 };

/* A directory with one good file: 10 heads were joined. */
static void fill(void)
{
	prepare("mkdir counted && chmod 1777 counted");
	counters_put("counted", "good", NO_PROCESS, COUNT_JOINED, 10);
}

static void make_directory(void)
{
	install();
	fill();
}

#define COUNTED_TEST(suite, name) Test(suite, name, .init = make_directory, .fini = uninstall, .timeout = 120)

/* Expects the good file's numbers, and as many lines on standard error, each with this text (NULL: any). */
static void expect_good(struct outcome *o, const char *name, int lines, const char *said)
{
	int count = 0;
	launch(o, NULL, "/bin/sh", ARGS("-c", "timeout 30 " SHOW " --format json counted"), NULL);
	cr_expect(exit_status(o) == 0 && strstr(o->out, "\"program\":\"good\"") != NULL &&
	                  strstr(o->out, "\"joined\":10,") != NULL,
	          "%s: status %#x: %s%s", name, o->status, o->out, o->err);
	for (char *line = o->err, *end; (end = strchr(line, '\n')) != NULL; line = end + 1, count++) {
		*end = '\0';
		cr_expect(strncmp(line, "onewrite: counted/", 18) == 0 && (said == NULL || strstr(line, said) != NULL),
		          "%s: no '%s' in %s", name, said, line);
		*end = '\n';
	}
	cr_expect(count == lines, "%s: %d lines, want %d:\n%s", name, count, lines, o->err);
}

/* --- files of other kinds --------------------------------------------------------------------- */

#define MINE "it-1-2.stats"

static const struct foreign {
	const char *name, *made_by; /* in the directory; `x` is a file of counters of another program, elsewhere */
	const char *said;
} foreign[] = {
	{ "nothing but text", "echo hello >" MINE, "it is no file of counters" },
	{ "a file of no bytes", ": >" MINE "; touch -d yesterday " MINE, "it is no file of counters" },
	{ "a file of zeros", "head -c 9000 /dev/zero >" MINE "; touch -d yesterday " MINE,
	  "it is no file of counters" },
	{ "the first bytes only", "head -c 255 $x >$(basename $x)", "it is no file of counters" },
	{ "a head only", "head -c 256 $x >$(basename $x)", "its sizes do not fit together" },
	{ "a slot is missing", "head -c 9000 $x >$(basename $x)", "its sizes do not fit together" },
	{ "a huge file", "cp $x .; truncate -s 1T $(basename $x)", "it is larger than a file of counters can be" },
	{ "a symbolic link", "ln -s $x $(basename $x)", "it is a symbolic link" },
	{ "a link that leads nowhere", "ln -s nowhere " MINE, "it is a symbolic link" },
	{ "a second name", "ln $x $(basename $x)", "it has a second name" },
	{ "a FIFO", "mkfifo " MINE, "it is no regular file" },
	{ "a directory", "mkdir " MINE, "it is no regular file" },
	{ "a socket", "python3 -c 'import socket; socket.socket(socket.AF_UNIX).bind(\"" MINE "\")'",
	  "No such device or address" },
	{ "a copy under another name", "cp $x " MINE, "its name is not the one that its head says" },
	{ "a process's file as a total", "cp $x $(id -u)-it.total",
	  "its name is not the one that its owner and its head say" },
	{ "a total of no program", "echo hello >0-it.total", "it is no file of counters" },
	{ "a name with a line break", "echo hello >\"$(printf 'a\\nonewrite: b')-1-2.stats\"",
	  "/a?onewrite:?b-1-2.stats" },
	{ "a long name", "echo hello >$(head -c 249 /dev/zero | tr '\\0' a).stats", "it is no file of counters" },
};

ROW_TESTS(show_hostile, foreign)
{
	const struct foreign *f = &foreign[*i];
	static struct outcome o;
	fill();
	prepare("mkdir elsewhere");
	counters_put("elsewhere", "other", NO_PROCESS + 5, COUNT_JOINED, 77);
	prepare("cd counted; x=$(echo ../elsewhere/*); %s", f->made_by);
	for (int look = 0; look < 2; look++)
		expect_good(&o, f->name, 1, f->said);
	cr_expect(strstr(o.out, "77") == NULL, "%s: it counts: %s", f->name, o.out);
}

/* What a library is just about to write is no fault. */
COUNTED_TEST(show_hostile, a_file_that_is_being_made)
{
	static struct outcome o;
	prepare(": >counted/it-1-2.stats; head -c 9000 /dev/zero >counted/it-1-3.stats; "
	        ": >counted/$(id -u)-it.total");
	expect_good(&o, "young files", 0, NULL);
}

/* Files that other programs keep in the directory are no counters. */
COUNTED_TEST(show_hostile, other_files)
{
	static struct outcome o;
	prepare("echo >counted/README; echo >counted/onewrite.prom; echo >counted/.stats; mkdir counted/sub");
	expect_good(&o, "other files", 0, NULL);
}

/* --- random bytes ----------------------------------------------------------------------------- */

/* Puts random values where they may hurt, into a file that is otherwise good; half of them behind a good name. */
static void write_random(unsigned number)
{
	static const uint32_t odd[] = { 0, 1, 7, 8, 255, 256, 257, 264, 4096, 65535, 65536, 1u << 31, UINT32_MAX };
	struct counters c;
	char name[STATS_NAME_MAX], path[256];
	uint32_t *fields[] = { &c.head.head_size, &c.head.slots, &c.head.slot_size, &c.head.counters,
		               &c.head.reasons,   &c.head.mode,  &c.head.processes, (uint32_t *)&c.head.pid };
	counters_begin(&c, "random", NO_PROCESS + 1 + (pid_t)number, number);
	for (unsigned i = random() % 4; i > 0; i--)
		*fields[random() % 8] = random() % 2 != 0 ? odd[random() % 13] : (uint32_t)random();
	if (random() % 8 == 0)
		memset(c.head.program, random() % 255 + 1, sizeof c.head.program);
	if (random() % 4 == 0)
		for (unsigned i = 0; i < 40; i++)
			((char *)&c)[16 + random() % 240] = (char)random();
	for (size_t i = 0; i < sizeof c.slots / 8; i++)
		((uint64_t *)(void *)c.slots)[i] = ((uint64_t)random() << 33) ^ (uint64_t)random();
	if (memchr(c.head.program, '\0', sizeof c.head.program) != NULL && random() % 2 == 0)
		stats_name(name, &c.head);
	else
		snprintf(name, sizeof name, "random-%u-1.stats", number);
	if (random() % 4 == 0)
		snprintf(name, sizeof name, "%u-random%u.total", getuid(), number);
	snprintf(path, sizeof path, "counted/%s", name);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0644);
	cr_assert(fd >= 0, "%s", path);
	size_t size = random() % 4 == 0 ? (size_t)random() % sizeof c : sizeof c;
	cr_assert(write(fd, &c, size) == (ssize_t)size);
	close(fd);
}

COUNTED_TEST(show_hostile, random_bytes)
{
	static struct outcome o;
	for (unsigned round = 0; round < 30; round++) {
		srandom(round);
		for (unsigned i = 0; i < 40; i++)
			write_random(40 * round + i);
		launch(&o, NULL, "/bin/sh", ARGS("-c", "timeout 30 " SHOW " --format json counted 2>said"), NULL);
		cr_assert(exit_status(&o) == 0, "round %u: status %#x: %s", round, o.status, o.err);
		launch(&o, NULL, "/bin/sh",
		       ARGS("-c", "grep -v '^onewrite: counted/[!-~]*: [ -~]*$' said; " SHOW
		                  " --format prometheus counted 2>/dev/null | promtool check metrics"),
		       NULL);
		cr_assert(exit_status(&o) == 0 && o.out[0] == '\0', "round %u: %s%s", round, o.out, o.err);
	}
}

/* A file that shrinks and grows while it is read is no SIGBUS. */
COUNTED_TEST(show_hostile, a_file_that_shrinks)
{
	static struct outcome o;
	struct counters c;
	char path[256] = "counted/", name[STATS_NAME_MAX];
	counters_begin(&c, "changes", getpid(), started_of(getpid()));
	counters_write(&c, "counted");
	stats_name(name, &c.head);
	strcat(path, name);
	pid_t pid = fork();
	if (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int fd = open(path, O_WRONLY | O_CLOEXEC);
		for (unsigned i = 0;; i++)
			if (ftruncate(fd, i % 3 == 0   ? 0
			                  : i % 3 == 1 ? 300
			                               : 9000) != 0 ||
			    pwrite(fd, &c, sizeof c, 0) != (ssize_t)sizeof c)
				_exit(1);
	}
	for (int i = 0; i < 100; i++) {
		launch(&o, NULL, "/bin/sh", ARGS("-c", "exec " SHOW " --format json counted"), NULL);
		cr_expect(exit_status(&o) == 0 && strstr(o.out, "\"program\":\"good\"") != NULL, "status %#x: %s%s",
		          o.status, o.out, o.err);
	}
	kill(pid, SIGKILL);
}

/* --- too many --------------------------------------------------------------------------------- */

/* One user's files are bounded; the bound is said, in one line. */
COUNTED_TEST(show_hostile, more_files_than_are_read)
{
	static struct outcome o;
	struct counters c;
	for (int i = 0; i < 4200; i++) {
		counters_begin(&c, "many", NO_PROCESS + i, 1);
		c.head.pid_space++; /* so that nothing is folded */
		counters_write(&c, "counted");
	}
	expect_good(&o, "many files", 1, "4096 files are the most");
	cr_expect(strstr(o.out, "\"living\":4095,") != NULL, "%.200s", o.out);
}

COUNTED_TEST(show_hostile, more_programs_than_are_read)
{
	char name[32];
	for (int i = 0; i < 300; i++) {
		snprintf(name, sizeof name, "many%d", i);
		counters_put("counted", name, NO_PROCESS + 1 + i, COUNT_JOINED, 1);
	}
	prepare(SHOW " --format json counted >it.json 2>said; test $(grep -c program.: it.json) = 256; "
	             "grep -q '256 programs are the most' said; test $(wc -l <said) = 1");
}

/* --- other users ------------------------------------------------------------------------------ */

static void needs_root(const char *row)
{
	if (geteuid() != 0)
		machine_skip(row, "it takes root to make files of other users");
}

/* The owner is who owns the file; root folds for them, and the totals are theirs. */
COUNTED_TEST(show_hostile, files_of_several_users)
{
	static struct outcome o;
	needs_root("files of several users");
	counters_put("counted", "good", NO_PROCESS + 1, COUNT_JOINED, 500);
	prepare("chown %d:%d counted/good-%d-1.stats", NOBODY, NOBODY, NO_PROCESS + 1);
	for (int i = 0; i < 2; i++) {
		onewrite(&o, &shells[0], "--show", "counted");
		check_ran(&o, "several users", shells[0].package);
		const char *nobody = strstr(o.out, "good, user nobody: "), *root = strstr(o.out, "good, user root: ");
		cr_assert(nobody != NULL && root != NULL, "%s", o.out);
		cr_expect(strstr(nobody, "  joined                             500") != NULL &&
		                  strstr(root, "  joined                              10") != NULL,
		          "%s", o.out);
	}
	prepare("test \"$(stat -c '%%u:%%g %%a %%s' counted/%d-good.total)\" = '%d:%d 644 4096' && "
	        "test \"$(stat -c '%%u:%%g %%a %%s' counted/0-good.total)\" = '0:0 644 4096' && "
	        "test $(ls counted | wc -l) = 2",
	        NOBODY, NOBODY, NOBODY);
}

/* A user without rights reads what is there, and leaves other users' files alone. */
COUNTED_TEST(show_hostile, a_reader_without_rights)
{
	static struct outcome o;
	needs_root("a reader without rights");
	counters_put("counted", "mine", NO_PROCESS + 1, COUNT_JOINED, 500);
	prepare("chown %d counted/mine-%d-1.stats", NOBODY, NO_PROCESS + 1);
	for (int i = 0; i < 2; i++) {
		launch(&o, NULL, "/bin/sh",
		       ARGS("-c", "cp " SHOW " show; chmod 755 show; chmod 755 .; setpriv --reuid 65534 --regid 65534 "
		                  "--clear-groups ./show --format json counted"),
		       NULL);
		check_ran(&o, "nobody", "setpriv (package util-linux)");
		cr_expect(strstr(o.out, "\"joined\":500,") != NULL && strstr(o.out, "\"joined\":10,") != NULL, "%s",
		          o.out);
	}
	prepare("test -e counted/good-%d-1.stats && ! test -e counted/0-good.total && "
	        "test \"$(stat -c %%u counted/%d-mine.total)\" = %d",
	        NO_PROCESS, NOBODY, NOBODY);
}

/* Whoever takes the name of another user's total keeps that user's files from being folded, and gets nothing else. */
static const struct squatted {
	const char *name, *made_by;
	const char *said;
} squatted[] = {
	{ "a total of another user's", "cp $total . && chown 65534 0-good.total", "its owner and its head say" },
	{ "a link to a file of root's", "ln -s ../victim 0-good.total", "it is a symbolic link" },
	{ "another name of a total", "cp $total x && ln x 0-good.total", "it has a second name" },
	{ "a FIFO", "mkfifo 0-good.total", "it is no regular file" },
	{ "a directory", "mkdir 0-good.total", "it is no regular file" },
	{ "a damaged total", "head -c 4096 /dev/zero >0-good.total; touch -d yesterday 0-good.total",
	  "no file of counters" },
	{ "a total of another size", "head -c 700 $total >0-good.total", "its sizes do not fit together" },
};

ROW_TESTS(show_hostile, squatted)
{
	const struct squatted *s = &squatted[*i];
	static struct outcome o;
	needs_root(s->name);
	fill();
	prepare("mkdir elsewhere");
	counters_put("elsewhere", "good", NO_PROCESS, COUNT_JOINED, 77);
	prepare("echo secret >victim; " SHOW " elsewhere >/dev/null; cd counted; total=../elsewhere/0-good.total; %s",
	        s->made_by);
	for (int look = 0; look < 2; look++) {
		expect_good(&o, s->name, 2, NULL);
		cr_expect(strstr(o.err, s->said) != NULL && strstr(o.err, "it is not folded: ") != NULL, "%s: %s",
		          s->name, o.err);
	}
	prepare("test \"$(cat victim)\" = secret && test -e counted/good-%d-1.stats", NO_PROCESS);
}

/* A directory in which nothing can be made: the files are read. */
COUNTED_TEST(show_hostile, nothing_can_be_written)
{
	static struct outcome o;
	launch(&o, NULL, "/bin/sh",
	       ARGS("-c",
	            "[ $(id -u) = 0 ] || exec " SHOW " --format json counted; cp " SHOW " show; chmod 755 show .; "
	            "chown 65534 counted/*; chmod 755 counted; "
	            "exec setpriv --reuid 65534 --clear-groups ./show --format json counted"),
	       NULL);
	cr_expect(exit_status(&o) == 0 && strstr(o.out, "\"joined\":10,") != NULL, "status %#x: %s%s", o.status, o.out,
	          o.err);
}

COUNTED_TEST(show_hostile, a_directory_that_may_not_be_read)
{
	static struct outcome o;
	needs_root("a directory that may not be read");
	launch(&o, NULL, "/bin/sh",
	       ARGS("-c", "cp " SHOW " show; chmod 755 show .; chmod 700 counted; "
	                  "exec setpriv --reuid 65534 --regid 65534 --clear-groups ./show counted"),
	       NULL);
	cr_expect(exit_status(&o) == 1 && is_one_line(o.err) && strstr(o.err, "ask as its user or as root") != NULL,
	          "status %#x: %s%s", o.status, o.out, o.err);
}
