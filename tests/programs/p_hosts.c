/* p_hosts NAME [HOW] runs as an unusual program, for tests/preload/hosts.c and tests/preload/sandboxed.c. In most lives
 * the program plays the peer itself, because it has to see what has arrived while it goes on. */
#include "hosts/hosts.h"

const char *how;

static const struct life *const families[] = { closing_lives, crowd_lives,  blocked_lives, descriptor_lives,
	                                       full_lives,    memory_lives, sandbox_lives, moment_lives };

/* Executes this program again without the recorder, for lives that it would disturb: it makes calls that a sandbox
 * forbids, follows pointers, and slows calls down. The recorder is the last entry of LD_PRELOAD. */
static void leave_the_recorder(char **argv)
{
	char *preload = getenv("LD_PRELOAD"), *last = preload == NULL ? NULL : strrchr(preload, ':');

	if (getenv("RECORDER_LOG") == NULL)
		return;
	unsetenv("RECORDER_LOG");
	if (last != NULL)
		*last = '\0';
	else
		unsetenv("LD_PRELOAD");
	execv("/proc/self/exe", argv);
	must(false, "execv");
}

int main(int argc, char **argv)
{
	how = argc > 2 ? argv[2] : "";
	shared = shared_map(SHARED_FD);
	memset(large, 'b', sizeof large);
	for (size_t i = 0; argc > 1 && i < sizeof families / sizeof *families; i++)
		for (const struct life *l = families[i]; l->name != NULL; l++)
			if (strcmp(l->name, argv[1]) == 0) {
				if (l->alone)
					leave_the_recorder(argv);
				l->run();
				return 0;
			}
	return 2;
}
