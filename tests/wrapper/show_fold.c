/* Proves that the file of a process that has ended is added to its total once, whoever folds it and however folding
 * ends, and that numbers never go down meanwhile. */
#include "counters/counters.h"
#include "installed.h"
#include "machine.h"
#include "stats_fold.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static void make_directory(void)
{
	install();
	prepare("mkdir counted");
}

#define COUNTED_TEST(suite, name) Test(suite, name, .init = make_directory, .fini = uninstall, .timeout = 120)

static int open_directory(void)
{
	int there = open("counted", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	cr_assert(there >= 0);
	return there;
}

static unsigned files(const char *pattern)
{
	static struct outcome o;
	char script[128];
	snprintf(script, sizeof script, "find counted -name '%s' | wc -l", pattern);
	launch(&o, NULL, "/bin/sh", ARGS("-c", script), NULL);
	return (unsigned)atoi(o.out);
}

/* Expects that this is all that there is, twice: reading may have changed it. */
static void expect_whole(uint64_t joined, uint64_t ended)
{
	for (int i = 0; i < 2; i++) {
		uint64_t is = shown("counted", "joined"), gone = shown("counted", "ended");
		cr_expect(is == joined && gone == ended, "joined %llu, ended %llu: want %llu and %llu",
		          (unsigned long long)is, (unsigned long long)gone, (unsigned long long)joined,
		          (unsigned long long)ended);
	}
}

static char *file_name(char name[static STATS_NAME_MAX], pid_t pid, uint64_t started)
{
	struct counters c;
	counters_begin(&c, "it", pid, started);
	stats_name(name, &c.head);
	return name;
}

/* Folds one file, as the library does, and tries again while another process is at the total. */
static const char *fold_by(long (*call)(long, ...), int there, const char *name)
{
	static struct stats_fold room;
	const char *why;
	room.syscall = call;
	room.fstat = fstat;
	while ((why = stats_fold(&room, there, name)) == stats_busy)
		sched_yield();
	return why;
}

/* --- once ------------------------------------------------------------------------------------- */

COUNTED_TEST(show_fold, an_ended_process_goes_into_its_total)
{
	struct counters c;
	counters_put("counted", "it", NO_PROCESS, COUNT_JOINED, 10);
	counters_put("counted", "it", NO_PROCESS + 1, COUNT_JOINED, 20);
	counters_begin(&c, "it", getpid(), started_of(getpid()));
	count(&c, COUNT_JOINED, 100);
	counters_write(&c, "counted");
	expect_whole(130, 2);
	cr_expect(shown("counted", "living") == 1);
	cr_expect(files("it-*.stats") == 1 && files("*-it.total") == 1);
}

/* Its number is in use again: it was another process. */
COUNTED_TEST(show_fold, a_number_that_is_used_again)
{
	counters_put("counted", "it", getpid(), COUNT_JOINED, 10);
	expect_whole(10, 1);
	cr_expect(files("it-*.stats") == 0);
}

/* In another name space the same number is another process: nobody can tell whether it lives. */
COUNTED_TEST(show_fold, a_process_of_another_name_space_is_left_alone)
{
	struct counters c;
	counters_begin(&c, "it", NO_PROCESS, 1);
	c.head.pid_space++;
	count(&c, COUNT_JOINED, 10);
	counters_write(&c, "counted");
	expect_whole(10, 0);
	cr_expect(shown("counted", "living") == 1 && files("it-*.stats") == 1 && files("*.total") == 0);
}

/* A process that is seen by a reader in a name space of its own, whose /proc is still the one outside. */
COUNTED_TEST(show_fold, the_reader_has_a_name_space_of_its_own)
{
	static struct outcome o;
	machine_needs(PID_NAMESPACE, "a reader in a name space of its own");
	counters_put("counted", "it", NO_PROCESS, COUNT_JOINED, 10);
	launch(&o, NULL, "/bin/sh", ARGS("-c", "exec unshare --pid --fork " SHOW " --format json counted"), NULL);
	cr_expect(strstr(o.out, "\"living\":1,") != NULL && files("it-*.stats") == 1, "%s%s", o.out, o.err);
}

/* A file of a release that has fewer rows, and a total of one that has more. */
COUNTED_TEST(show_fold, tables_of_other_lengths)
{
	struct counters c;
	uint64_t *slot;
	counters_begin(&c, "it", NO_PROCESS, 1);
	c.head.slots = 1;
	c.head.counters = COUNT_JOINED + 1; /* then the reasons, of which there is one */
	c.head.reasons = 1;
	slot = c.slots[0];
	slot[COUNT_JOINED] = 10;
	slot[COUNT_JOINED + 1] = 9999;
	counters_write(&c, "counted");
	expect_whole(10, 1);
	counters_begin(&c, "it", NO_PROCESS + 1, 1);
	count(&c, COUNT_JOINED, 20);
	count_reason(&c, WHY_TLS, 33);
	counters_write(&c, "counted");
	expect_whole(30, 2);
	cr_expect(shown("counted", "tls") == 33);
	counters_begin(&c, "it", NO_PROCESS + 2, 1);
	c.head.slots = 1;
	c.head.counters = COUNTERS + 5;
	c.head.reasons = REASONS + 6;
	c.head.slot_size = (COUNTERS + REASONS + 11) * 8;
	slot = c.slots[0];
	slot[COUNT_JOINED] = 40;
	slot[COUNTERS + 5 + WHY_TLS] = 2;
	counters_write(&c, "counted");
	expect_whole(70, 3);
	cr_expect(shown("counted", "tls") == 35);
	counters_put("counted", "it", NO_PROCESS + 3, COUNT_JOINED, 100);
	expect_whole(170, 4);
	cr_expect(shown("counted", "tls") == 35 && files("it-*.stats") == 0);
}

/* --- between two calls ------------------------------------------------------------------------ */

static int calls_left; /* of the process that folds, until something happens before the next one */
static void (*what_happens)(void);

/* As libc's syscall(), but that something happens before one of them. */
static long interrupted(long number, ...)
{
	long a[5];
	va_list args;
	va_start(args, number);
	for (size_t i = 0; i < 5; i++)
		a[i] = va_arg(args, long);
	va_end(args);
	if (calls_left-- == 0)
		what_happens();
	return syscall(number, a[0], a[1], a[2], a[3], a[4]);
}

static void die(void)
{
	_exit(1);
}

/* Folds the file in a process that is killed before its call of this number. Returns whether it came that far. */
static bool fold_and_die(const char *name, int calls)
{
	int there = open_directory(), status;
	pid_t pid = fork();
	cr_assert(pid >= 0);
	if (pid == 0) {
		calls_left = calls;
		what_happens = die;
		_exit(fold_by(interrupted, there, name) != NULL ? 2 : 0);
	}
	cr_assert(waitpid(pid, &status, 0) == pid && (status == 0 || status == 1 << 8), "status %#x", status);
	close(there);
	return status != 0;
}

/* Whoever folds is killed between two calls, each in turn. Then the same file is folded by the next one, or another
 * file before it, or both are only read. */
COUNTED_TEST(show_fold, killed_between_two_calls)
{
	char name[STATS_NAME_MAX];
	bool died = true;
	int calls = 0;
	for (; died; calls++)
		for (int way = 0; way < 3; way++) {
			prepare("rm -f counted/*");
			counters_put("counted", "it", NO_PROCESS, COUNT_JOINED, 1000);
			cr_assert(shown("counted", "joined") == 1000);
			counters_put("counted", "it", NO_PROCESS + 2, COUNT_JOINED, 10);
			died = fold_and_die(file_name(name, NO_PROCESS + 2, 1), calls);
			counters_put("counted", "it", NO_PROCESS + (way == 0 ? 1 : 3), COUNT_JOINED, 5);
			if (way == 2) { /* it is judged alive, and only read */
				struct counters c;
				counters_begin(&c, "it", getpid(), started_of(getpid()));
				count(&c, COUNT_JOINED, 7);
				counters_write(&c, "counted");
			}
			expect_whole(1015 + (way == 2 ? 7 : 0), 3);
			cr_expect(files("it-*.stats") == (way == 2), "after %d calls", calls);
		}
	cr_expect(calls > 8, "it came to its end after %d calls", calls);
}

static int overtaken_in; /* this directory */
static char overtaken[2][STATS_NAME_MAX];

/* Another process folds both files, if the total is not locked. */
static void fold_both(void)
{
	static struct stats_fold room = { .syscall = syscall, .fstat = fstat };
	for (int i = 0; i < 2; i++)
		stats_fold(&room, overtaken_in, overtaken[i]);
}

/* Another process folds the same file between two calls, each in turn, and another file behind it, of which the note in
 * the total is then. */
COUNTED_TEST(show_fold, overtaken_between_two_calls)
{
	bool came = true;
	int calls = 0;
	overtaken_in = open_directory();
	what_happens = fold_both;
	for (int i = 0; i < 2; i++)
		file_name(overtaken[i], NO_PROCESS + i, 1);
	for (; came; calls++) {
		prepare("rm -f counted/*");
		counters_put("counted", "it", NO_PROCESS + 2, COUNT_JOINED, 1000);
		cr_assert(shown("counted", "joined") == 1000);
		counters_put("counted", "it", NO_PROCESS, COUNT_JOINED, 10);
		counters_put("counted", "it", NO_PROCESS + 1, COUNT_JOINED, 5);
		calls_left = calls;
		cr_expect(fold_by(interrupted, overtaken_in, overtaken[0]) == NULL);
		came = calls_left < 0;
		expect_whole(1015, 3);
		cr_expect(files("it-*.stats") == 0, "after %d calls", calls);
	}
	cr_expect(calls > 8, "it came to its end after %d calls", calls);
}

/* Between the addition and the removal, by a note that is forged. The reader may not write here. */
COUNTED_TEST(show_fold, what_is_noted_does_not_count_again)
{
	char name[STATS_NAME_MAX], path[256];
	struct stats_total total;
	counters_put("counted", "it", NO_PROCESS, COUNT_JOINED, 10);
	expect_whole(10, 1);
	counters_put("counted", "it", NO_PROCESS, COUNT_JOINED, 10);
	snprintf(path, sizeof path, "counted/%u-it.total", getuid());
	cr_assert(slurp(path, (char *)&total, sizeof total) == sizeof total - 1);
	cr_expect(total.head.folded.pid == NO_PROCESS && total.head.folded.began == 1700000000);
	int fd = open(path, O_RDONLY | O_CLOEXEC); /* so that it cannot be folded, and is only read */
	cr_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
	cr_expect(shown("counted", "joined") == 10 && shown("counted", "ended") == 1);
	close(fd);
	expect_whole(10, 1);
	cr_expect(access(file_name(name, NO_PROCESS, 1), F_OK) != 0 && files("it-*.stats") == 0);
}

/* --- at the same time ------------------------------------------------------------------------- */

enum { FOLDERS = 6, FILES = 60 };

COUNTED_TEST(show_fold, many_fold_at_the_same_time)
{
	pid_t pids[FOLDERS];
	int there = open_directory(), status;
	for (int i = 0; i < FILES; i++)
		counters_put("counted", "it", NO_PROCESS + i, COUNT_JOINED, 1);
	for (int i = 0; i < FOLDERS; i++) {
		pids[i] = fork();
		cr_assert(pids[i] >= 0);
		if (pids[i] > 0)
			continue;
		char name[STATS_NAME_MAX];
		for (int j = 0; j < FILES; j++)
			if (fold_by(syscall, there, file_name(name, NO_PROCESS + j, 1)) != NULL)
				_exit(1);
		_exit(0);
	}
	for (int i = 0; i < FOLDERS; i++)
		cr_expect(waitpid(pids[i], &status, 0) == pids[i] && status == 0, "status %#x", status);
	cr_expect(files("it-*.stats") == 0);
	expect_whole(FILES, FILES);
}

static uint64_t *truth; /* what all processes have counted by now, in memory that they share */

/* A process that counts a little and ends; it folds its own file or leaves that to the next one. */
static void live_and_end(int there, bool folds)
{
	struct counters *c;
	char name[STATS_NAME_MAX];
	struct counters first;
	counters_begin(&first, "it", getpid(), started_of(getpid()));
	counters_write(&first, "counted");
	stats_name(name, &first.head);
	int fd = openat(there, name, O_RDWR | O_CLOEXEC);
	c = mmap(NULL, sizeof *c, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	if (c == MAP_FAILED)
		_exit(1);
	close(fd);
	for (int i = 0; i < 100; i++) {
		__atomic_fetch_add(&c->slots[i % STATS_SLOTS][COUNT_JOINED], 1, __ATOMIC_RELAXED);
		__atomic_fetch_add(truth, 1, __ATOMIC_SEQ_CST);
		usleep(50);
	}
	if (folds && fold_by(syscall, there, name) != NULL)
		_exit(1);
	_exit(0);
}

/* Starts so many processes, two at a time, in a process of its own. */
static pid_t generations(int there, int count)
{
	int status, failed = 0;
	pid_t pid = fork();
	cr_assert(pid >= 0);
	if (pid > 0)
		return pid;
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	for (int i = 0; i < count; i++) {
		if (fork() == 0)
			live_and_end(there, i % 2 == 0);
		if (i % 2 == 1)
			while (waitpid(-1, &status, 0) > 0)
				failed |= status;
	}
	_exit(failed != 0);
}

/* Files of the same program that nobody folds, and that are read before the others: so it takes a while from the total
 * to the others, in which they may go. */
static void make_reading_long(void)
{
	struct counters c;
	for (unsigned i = 1; i <= 1000; i++) {
		counters_begin(&c, "it", 1, i);
		c.head.pid_space++;
		counters_write(&c, "counted");
	}
}

/* Stops a reader after so many microseconds, folds this file meanwhile if that can be done, and returns what the reader
 * says of this name. */
static uint64_t shown_around_a_fold(unsigned us, int there, const char *file, const char *name)
{
	static struct stats_fold room = { .syscall = syscall, .fstat = fstat };
	static char text[65536];
	int out[2], status;
	cr_assert(pipe2(out, O_CLOEXEC) == 0);
	pid_t reader = fork();
	if (reader == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(out[1], 1);
		execl(SHOW, SHOW, "--format", "json", "counted", NULL);
		_exit(2);
	}
	close(out[1]);
	usleep(us);
	kill(reader, SIGSTOP);
	cr_assert(waitpid(reader, &status, WUNTRACED) == reader);
	if (WIFSTOPPED(status)) {
		stats_fold(&room, there, file); /* a reader that has locked the total keeps it from being folded */
		kill(reader, SIGCONT);
		cr_assert(waitpid(reader, &status, 0) == reader);
	}
	FILE *f = fdopen(out[0], "r");
	cr_assert(f != NULL && status == 0, "show: status %#x", status);
	text[fread(text, 1, sizeof text - 1, f)] = '\0';
	fclose(f);
	return number_in(text, name);
}

/* What was counted once is counted once, wherever the reader is when a file goes into its total. */
COUNTED_TEST(show_fold, a_fold_in_the_middle_of_reading_is_seen)
{
	enum { PLACES = 50 };
	char name[STATS_NAME_MAX];
	struct timespec began, ended;
	make_reading_long();
	int there = open_directory();
	clock_gettime(CLOCK_MONOTONIC, &began);
	shown("counted", "joined");
	clock_gettime(CLOCK_MONOTONIC, &ended);
	long us = (ended.tv_sec - began.tv_sec) * 1000000 + (ended.tv_nsec - began.tv_nsec) / 1000;
	for (unsigned i = 0; i < PLACES; i++) {
		struct counters c;
		pid_t counted = fork(); /* it lives, so the reader does not fold its file */
		if (counted == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			for (;;)
				pause();
		}
		counters_begin(&c, "it", counted, started_of(counted));
		count(&c, COUNT_JOINED, 1);
		counters_write(&c, "counted");
		stats_name(name, &c.head);
		uint64_t joined = shown_around_a_fold((unsigned)us * i / PLACES, there, name, "joined");
		cr_assert(joined == i + 1, "after %ld us of %ld: joined %llu, want %u", us * i / PLACES, us,
		          (unsigned long long)joined, i + 1);
		kill(counted, SIGKILL);
		waitpid(counted, NULL, 0);
	}
}

COUNTED_TEST(show_fold, numbers_never_go_down)
{
	enum { PROCESSES = 80 };
	make_reading_long();
	int there = open_directory(), status = 0, looks = 0;
	char wrong[200] = "";
	uint64_t last = 0;
	truth = mmap(NULL, sizeof *truth, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	cr_assert(truth != MAP_FAILED);
	pid_t writer = generations(there, PROCESSES), other = fork();
	if (other == 0) { /* another reader, which folds as well */
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		for (;;)
			shown("counted", "joined");
	}
	for (bool is_over = false; !is_over && wrong[0] == '\0'; looks++) {
		is_over = waitpid(writer, &status, WNOHANG) == writer;
		uint64_t least = __atomic_load_n(truth, __ATOMIC_SEQ_CST), now = shown("counted", "joined");
		uint64_t most = __atomic_load_n(truth, __ATOMIC_SEQ_CST) + 2; /* two have counted, and not said so */
		if (now < least || now < last || now > most)
			snprintf(wrong, sizeof wrong, "after %llu came %llu: want %llu to %llu",
			         (unsigned long long)last, (unsigned long long)now, (unsigned long long)least,
			         (unsigned long long)most);
		last = now;
	}
	kill(other, SIGKILL);
	if (wrong[0] != '\0')
		kill(writer, SIGKILL);
	cr_assert(wrong[0] == '\0' && status == 0 && looks > 10, "%s (status %#x, %d looks)", wrong, status, looks);
	expect_whole(100 * PROCESSES, PROCESSES);
	cr_expect(files("it-*.stats") == 1000);
}

/* Another program may lock a total for as long as it likes. */
COUNTED_TEST(show_fold, a_lock_is_not_waited_for_long)
{
	static struct outcome o;
	char path[64];
	counters_put("counted", "it", NO_PROCESS, COUNT_JOINED, 10);
	expect_whole(10, 1);
	snprintf(path, sizeof path, "counted/%u-it.total", getuid());
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	cr_assert(fd >= 0 && flock(fd, LOCK_EX) == 0);
	counters_put("counted", "it", NO_PROCESS + 1, COUNT_JOINED, 20);
	launch(&o, NULL, "/bin/sh", ARGS("-c", "timeout 10 " SHOW " --format json counted"), NULL);
	cr_expect(exit_status(&o) == 0 && strstr(o.out, "\"joined\":30,") != NULL, "status %#x: %s%s", o.status, o.out,
	          o.err);
	cr_expect(strstr(o.err, "it is not folded: another process is at its total\n") != NULL &&
	                  strstr(o.err, "it is read without a lock\n") != NULL,
	          "%s", o.err);
	close(fd);
	expect_whole(30, 2);
}
