/* The part of onewrite that talks to servers. It is called by scripts/onewrite, and lies beside the library.
 *
 * 	probe probe [--head] [--post FILE] URL
 * 		Asks a running server, and says in five lines whether it would gain.
 * 	probe compare [NAME=VALUE...] -- --by SCRIPT [option...] URL COMMAND [ARG...]
 * 		Starts the command bare and by the script, with these variables, and says how it answers. The options
 * 		are --head, --post FILE, --picture FILE, --force, --count N; and for scripts/demo --title TEXT (one of
 * 		several tables) and --notes FILE (gets the words "stalled" and "uncounted").
 * 	probe measure --count N URL COMMAND [ARG...]
 * 		One line about a command, for tests: writes, segments, microseconds, checksum.
 * 	probe port
 * 		Prints a free port.
 *
 * Exit status 0: there is an answer, whatever it is. 1: it went wrong, and 2: nothing was sent or started; then one
 * sentence is on standard error. */
#include "ask.h"
#include "compare.h"
#include "probe.h"
#include "say.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void misused(void)
{
	refuse("probe is called by scripts/onewrite: see onewrite --help");
}

/* Reads the options. Returns the words behind them. */
static char **read_options(int argc, char **argv, struct comparison *c)
{
	static const struct option options[] = {
		{ "head", no_argument, NULL, 'h' },
		{ "post", required_argument, NULL, 'p' },
		{ "picture", required_argument, NULL, 'i' },
		{ "by", required_argument, NULL, 'b' },
		{ "force", no_argument, NULL, 'f' },
		{ "count", required_argument, NULL, 'n' },
		{ "title", required_argument, NULL, 't' },
		{ "notes", required_argument, NULL, 'o' },
		{ NULL, 0, NULL, 0 },
	};
	int number;
	for (int o; (o = getopt_long(argc, argv, "+", options, NULL)) != -1;)
		switch (o) {
		case 'h': c->head = true; break;
		case 'p': c->post = optarg; break;
		case 'i': c->picture = optarg; break;
		case 'b': c->wrapper = optarg; break;
		case 'f': c->force = true; break;
		case 't': c->title = optarg; break;
		case 'o': c->notes = optarg; break;
		case 'n':
			number = atoi(optarg);
			if (number < 1 || number > LOOKED_AT_MAX)
				misused();
			c->count = (unsigned)number;
			break;
		default: misused();
		}
	return argv + optind;
}

int main(int argc, char **argv)
{
	struct comparison c = { .count = 100, .settings = argv + 2 };
	if (argc < 2)
		misused();
	const char *command = argv[1];
	bool compares = strcmp(command, "compare") == 0;
	int at = 1;
	if (compares) {
		for (at = 2; argv[at] != NULL && strcmp(argv[at], "--") != 0; at++)
			;
		if (argv[at] == NULL)
			misused();
		argv[at] = NULL; /* the end of the settings */
	}
	char **words = read_options(argc - at, argv + at, &c);
	c.url = *words;
	c.command = *words != NULL ? words + 1 : NULL;
	bool has_command = c.command != NULL && *c.command != NULL;
	if (strcmp(command, "probe") == 0 && c.url != NULL && !has_command)
		return probe(c.url, c.head, c.post);
	if (compares && has_command && c.wrapper != NULL)
		return compare(&c);
	if (strcmp(command, "measure") == 0 && has_command)
		return measure(&c);
	if (strcmp(command, "port") == 0 && c.url == NULL)
		return free_port();
	misused();
}
