/* p_scenarios NAME [HOW] carries out a scenario that needs a clock, a thread or a signal, for several suites of
 * tests/preload. Plain sequences of calls are carried out by p_steps.c. */
#include "scenarios/scenarios.h"

const char *how;

static const struct scenario *const families[] = { deadline_scenarios, peer_scenarios,   signal_scenarios,
	                                           thread_scenarios,   helper_scenarios, number_scenarios };

int main(int argc, char **argv)
{
	how = argc > 2 ? argv[2] : "";
	shared = shared_map(SHARED_FD);
	for (size_t i = 0; argc > 1 && i < sizeof families / sizeof *families; i++)
		for (const struct scenario *s = families[i]; s->name != NULL; s++)
			if (strcmp(s->name, argv[1]) == 0) {
				s->run();
				return 0;
			}
	return 2;
}
