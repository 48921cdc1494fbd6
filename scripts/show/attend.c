#include "attend.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "../../shim/report.h"
#include "../probe/say.h"
#include "file.h"
#include "process.h"

static FILE *report_to;
static pid_t child;

/* What is sent to us alone is meant for the command. What a terminal sends, it has got as well. */
static void hand_on(int number)
{
	kill(child, number);
}

/* Starts the command. No signal comes before it is known whom to hand it on to. */
static void start(char **command)
{
	static const int for_us_alone[] = { SIGTERM, SIGHUP, SIGUSR1, SIGUSR2 };
	struct sigaction on = { .sa_handler = hand_on, .sa_flags = SA_RESTART };
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_BLOCK, &all, &before);
	child = fork();
	if (child == 0) {
		sigprocmask(SIG_SETMASK, &before, NULL);
		execv(command[0], command);
		_exit(126);
	}
	if (child < 0)
		refuse("cannot start it: %s", strerror(errno));
	for (size_t i = 0; i < sizeof for_us_alone / sizeof *for_us_alone; i++)
		sigaction(for_us_alone[i], &on, NULL);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	sigprocmask(SIG_SETMASK, &before, NULL);
}

static void put(const struct line *l)
{
	fwrite(l->text, 1, l->len, report_to);
}

/* Reports what the process of this file has counted, if it has ended and did not report itself: who reports removes the
 * file. */
static void report_file(int dir, const char *name)
{
	const char *why;
	struct counted c;
	int fd = file_open(dir, name, &why);
	if (fd < 0)
		return;
	if (file_read(fd, name, &c) == NULL && process_has_ended(&c.head)) {
		struct report r = { .program = c.head.program,
			            .pid = c.head.pid,
			            .observes = c.head.mode == STATS_OBSERVING,
			            .put = put };
		memcpy(r.sum_of, c.counters, sizeof c.counters);
		memcpy(r.sum_of + COUNTERS, c.reasons, sizeof c.reasons);
		report_write(&r);
	}
	close(fd);
}

static bool is_of_a_process(const char *name)
{
	size_t n = strlen(name), end = sizeof STATS_SUFFIX - 1;
	return n > end && strcmp(name + n - end, STATS_SUFFIX) == 0;
}

/* `since`: only files that were made after the command was started. */
static void report_directory(const char *directory, time_t since)
{
	DIR *d = opendir(directory);
	struct stat s;
	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (is_of_a_process(e->d_name) && fstatat(dirfd(d), e->d_name, &s, AT_SYMLINK_NOFOLLOW) == 0 &&
		    s.st_mtime >= since)
			report_file(dirfd(d), e->d_name);
	if (d != NULL)
		closedir(d);
}

static void remove_directory(const char *directory)
{
	DIR *d = opendir(directory);
	for (const struct dirent *e; d != NULL && (e = readdir(d)) != NULL;)
		if (*e->d_name != '.')
			unlinkat(dirfd(d), e->d_name, 0);
	if (d != NULL)
		closedir(d);
	rmdir(directory);
}

/* Ends as the command ended, by a signal without a second core file. */
static int end_as(int status)
{
	if (!WIFSIGNALED(status))
		return WEXITSTATUS(status);
	setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
	signal(WTERMSIG(status), SIG_DFL);
	raise(WTERMSIG(status));
	return 128 + WTERMSIG(status);
}

int attend(const char *stats, const char *file, char **command)
{
	const char *tmp = getenv("TMPDIR");
	char *own = NULL;
	int status = 0;
	time_t began = time(NULL);
	if (stats == NULL) {
		own = format("%s/onewrite-XXXXXX", tmp != NULL && *tmp == '/' ? tmp : "/tmp");
		/* processes of other users, which the command may start, count there as well */
		if (mkdtemp(own) == NULL || chmod(own, 01777) != 0)
			refuse("--report needs a directory to count in, and '%s' cannot be made (%s): set TMPDIR", own,
			       strerror(errno));
		setenv("ONEWRITE_STATS", stats = own, 1);
	}
	report_to = file != NULL ? fopen(file, "ae") : stderr;
	if (report_to == NULL)
		refuse("--report '%s' cannot be written (%s): name a file in a directory that is yours", file,
		       strerror(errno));
	start(command);
	while (waitpid(child, &status, 0) < 0 && errno == EINTR) {}
	report_directory(stats, began);
	fflush(report_to);
	if (own != NULL)
		remove_directory(own);
	return end_as(status);
}
