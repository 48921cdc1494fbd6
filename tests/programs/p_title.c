/* p_title shows a long title in the place of its arguments and its environment, as daemons do with setproctitle(3) of
 * libbsd, between a head and its body; and sends two more messages, for tests/preload/traced.c. */
#include "p_pairs.h"

#include <bsd/unistd.h>

extern char **environ;

enum { LONG = 250 }; /* libbsd cuts longer ones */

/* Is the title all that /proc has as the command line? */
static bool is_shown(const char *title)
{
	char line[4096] = "";
	int fd = open("/proc/self/cmdline", O_RDONLY);
	bool is = read(fd, line, sizeof line - 1) > 0 && strcmp(line, title) == 0;

	close(fd);
	return is;
}

/* The variable itself, which the kernel has put on the stack: after setproctitle() getenv() finds a copy. */
static const char *variable(const char *name)
{
	char *value = getenv(name);

	must(value != NULL, name);
	return value;
}

int main(int argc, char **argv)
{
	static char body[BODY_SIZE], title[LONG + 1];
	const char *trace = variable("ONEWRITE_TRACE"), *timeout = variable("ONEWRITE_TIMEOUT");
	int fd;

	shared = shared_map(SHARED_FD);
	memset(body, 'b', sizeof body);
	memset(title, 't', LONG);
	fd = accept_peer();
	write_head(fd);
	setproctitle_init(argc, argv, environ);
	setproctitle("-%s", title); /* "-": without the program's name in front */
	write_whole(fd, body, sizeof body);
	for (int i = 0; i < 2; i++) {
		write_head(fd);
		write_whole(fd, body, sizeof body);
	}
	report("the title is shown: %d\n", is_shown(title));
	report("the variables are as before: %d, %d\n", trace[0] == '/', timeout[0] != '\0' && timeout[0] != 't');
	return 0;
}
