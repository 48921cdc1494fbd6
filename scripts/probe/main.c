/* The part of onewrite that talks to servers. It is called by scripts/onewrite, and lies beside the library.
 *
 * 	probe [--head] [--post FILE] URL
 * 		Asks a running server, and says in five lines whether it would gain.
 *
 * Exit status 0: there is an answer, whatever it is. 1: it went wrong, and 2: nothing was sent; then one sentence is on
 * standard error. */
#include "probe.h"
#include "say.h"

#include <getopt.h>
#include <stddef.h>
#include <string.h>

static _Noreturn void misused(void)
{
	refuse("probe is called by scripts/onewrite: see onewrite --help");
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "head", no_argument, NULL, 'h' },
		{ "post", required_argument, NULL, 'p' },
		{ NULL, 0, NULL, 0 },
	};
	bool head = false;
	const char *post = NULL;
	if (argc < 2)
		misused();
	const char *command = argv[1];
	for (int o; (o = getopt_long(argc - 1, argv + 1, "+", options, NULL)) != -1;)
		switch (o) {
		case 'h': head = true; break;
		case 'p': post = optarg; break;
		default: misused();
		}
	char **words = argv + 1 + optind;
	if (head && post != NULL)
		refuse("--head and --post ask for different things: leave out one of them");
	if (strcmp(command, "probe") == 0 && words[0] != NULL && words[1] == NULL)
		return probe(words[0], head, post);
	misused();
}
