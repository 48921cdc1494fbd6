/* A library of p_moments whose constructor runs before onewrite's and whose destructor runs after onewrite's. Each of
 * the two writes a head and a body on a connection of its own. */
#include "p_common.h"

#include <poll.h>

static void exchange(const char *when)
{
	char body[200], got[400];
	int client, fd = accept_own(&client);
	size_t n = 0;
	ssize_t r;

	memset(body, 'b', sizeof body);
	must(write(fd, HEAD, 100) == 100, "writing a head");
	report("%s: the head came at once: %d\n", when, poll(&(struct pollfd){ client, POLLIN, 0 }, 1, 300));
	must(write(fd, body, 200) == 200, "writing a body");
	close(fd);
	while ((r = read(client, got + n, sizeof got - n)) > 0)
		n += (size_t)r;
	report("%s: bytes: %zu\n", when, n);
	close(client);
}

__attribute__((constructor)) static void begin(void)
{
	exchange("before");
}

__attribute__((destructor)) static void end(void)
{
	exchange("after");
}

/* A library's own closefrom(), as libbsd has one for a libc without it. */
void(closefrom)(int first)
{
	for (int fd = first; fd < first + 10; fd++)
		close(fd);
}

void lib_moments(void);
void lib_moments(void)
{
}
