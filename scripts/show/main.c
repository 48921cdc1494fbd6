/* The part of onewrite that shows what was counted (ONEWRITE_STATS). It is called by scripts/onewrite, and lies beside
 * the library.
 *
 * 	show [--format table|prometheus|json] [--output FILE] [--watch SECONDS] DIR
 * 	show attend DIR FILE COMMAND [ARG...]
 * 		Starts the command, and reports when it ends (attend.h). Empty words: there is none.
 *
 * Exit status 0: there are numbers. 1: there are none, or DIR cannot be read. 2: the words were wrong, or what they ask
 * for cannot be written; then one sentence is on standard error. */
#include "../probe/measure.h"
#include "../probe/say.h"
#include "attend.h"
#include "collect.h"
#include "formats.h"

#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { WATCH_MAX_S = 3600 };

/* Seconds between two looks: 1, 0.5. */
static double read_seconds(const char *word)
{
	char *end;
	double seconds = strtod(word, &end);
	if (*word < '0' || *word > '9' || *end != '\0' || !(seconds >= 0.1 && seconds <= WATCH_MAX_S))
		refuse("--watch '%s' is not a number of seconds from 0.1 to %d: write it like --watch=5", word,
		       WATCH_MAX_S);
	return seconds;
}

static void say_nothing_is_there(const char *directory)
{
	fprintf(stderr, "onewrite: there are no counters in '%s': start programs with ONEWRITE_STATS=%s\n", directory,
	        directory);
}

/* Prints the table again and again, until SIGINT ends it. */
static int watch(const char *directory, double seconds)
{
	struct programs now = { .count = 0 }, before = { .count = 0 };
	bool on_terminal = isatty(STDOUT_FILENO), is_first = true;
	uint64_t last_us = 0;
	sigset_t interrupt; /* is taken while we wait, so that no look ends in its middle */
	sigemptyset(&interrupt);
	sigaddset(&interrupt, SIGINT);
	sigprocmask(SIG_BLOCK, &interrupt, NULL);
	struct timespec pause = { .tv_sec = (time_t)seconds,
		                  .tv_nsec = (long)((seconds - (double)(time_t)seconds) * 1e9) };
	do {
		now = collect(is_first);
		uint64_t now_is_us = now_us();
		fputs(on_terminal ? "\033[H\033[J" : is_first ? "" : "\n", stdout);
		if (now.count > 0)
			print_table(stdout, &now, is_first ? NULL : &before, (double)(now_is_us - last_us) / 1e6);
		else if (is_first || on_terminal)
			say_nothing_is_there(directory);
		say_end();
		free(before.each);
		before = now;
		last_us = now_is_us;
		is_first = false;
	} while (sigtimedwait(&interrupt, NULL, &pause) != SIGINT);
	int status = before.count == 0;
	free(before.each);
	return status;
}

/* Gives the file these bytes in one moment: who reads it finds the old ones or the new ones. */
static void replace(const char *file, const char *bytes, size_t size)
{
	const char *slash = strrchr(file, '/');
	char *fresh = format("%.*s.%s.XXXXXX", slash != NULL ? (int)(slash - file) + 1 : 0, file,
	                     slash != NULL ? slash + 1 : file);
	int fd = mkstemp(fresh);
	if (fd < 0)
		refuse("--output '%s' cannot be written (%s): name a file in a directory that is yours", file,
		       strerror(errno));
	bool is_written = fchmod(fd, 0644) == 0;
	while (is_written && size > 0) {
		ssize_t n = write(fd, bytes, size);
		is_written = n > 0;
		bytes += n > 0 ? n : 0;
		size -= n > 0 ? (size_t)n : 0;
	}
	if (close(fd) != 0 || !is_written || rename(fresh, file) != 0) {
		int error = errno;
		unlink(fresh);
		refuse("--output '%s' cannot be written (%s): name another file", file, strerror(error));
	}
	free(fresh);
}

typedef void print(FILE *to, const struct programs *p);

static void print_plain_table(FILE *to, const struct programs *p)
{
	print_table(to, p, NULL, 0);
}

static int show(const char *directory, print *by, const char *output)
{
	struct programs p = collect(true);
	char *bytes;
	size_t size;
	FILE *to = output != NULL ? open_memstream(&bytes, &size) : stdout;
	if (to == NULL)
		fail("out of memory: end other programs, and try again");
	by(to, &p);
	if (output == NULL) {
		say_end();
	} else {
		if (fclose(to) != 0)
			fail("out of memory: end other programs, and try again");
		replace(output, bytes, size);
		free(bytes);
	}
	if (p.count == 0)
		say_nothing_is_there(directory);
	free(p.each);
	return p.count == 0;
}

static print *read_format(const char *word)
{
	static const struct {
		const char *word;
		print *by;
	} formats[] = { { "table", print_plain_table }, { "prometheus", print_prometheus }, { "json", print_json } };
	for (size_t i = 0; i < sizeof formats / sizeof *formats; i++)
		if (strcmp(word, formats[i].word) == 0)
			return formats[i].by;
	refuse("--format '%s' is unknown: choose table, prometheus or json", word);
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "format", required_argument, NULL, 'f' },
		{ "output", required_argument, NULL, 'o' },
		{ "watch", required_argument, NULL, 'w' },
		{ NULL, 0, NULL, 0 },
	};
	if (argc > 4 && strcmp(argv[1], "attend") == 0)
		return attend(*argv[2] != '\0' ? argv[2] : NULL, *argv[3] != '\0' ? argv[3] : NULL, argv + 4);
	print *by = print_plain_table;
	const char *output = NULL;
	double seconds = 0;
	for (int o; (o = getopt_long(argc, argv, "+", options, NULL)) != -1;)
		switch (o) {
		case 'f': by = read_format(optarg); break;
		case 'o': output = optarg; break;
		case 'w': seconds = read_seconds(optarg); break;
		default: refuse("show is called by scripts/onewrite: see onewrite --help");
		}
	if (optind != argc - 1)
		refuse("show is called by scripts/onewrite: see onewrite --help");
	if (by == print_plain_table && output != NULL)
		refuse("--output is for programs that read it: write it with --format prometheus or json");
	if (by != print_plain_table && seconds > 0)
		refuse("--watch shows a table: leave out --format or --watch");
	collect_open(argv[optind]);
	return seconds > 0 ? watch(argv[optind], seconds) : show(argv[optind], by, output);
}
