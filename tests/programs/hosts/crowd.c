/* Lives of p_hosts with several connections at once: more heads than may be held, and bodies that no hook sees. */
#include "hosts.h"

#include <poll.h>

/* More heads are written than the library holds at a time, so the rest must go at once. With `after` they belong to the
 * second message of each connection. */
static void many_heads(void)
{
	enum { MOST = 128, MORE = 12 };
	int fd[MOST + MORE], client[MOST + MORE], at_once = 0;

	accept(LISTENER_FD, NULL, NULL);
	for (int i = 0; i < MOST + MORE; i++) {
		fd[i] = accept_another(&client[i], 0);
		if (is_how("after")) {
			write_head(fd[i]);
			write_body(fd[i]);
			must(read_until(client[i], got, HEAD_SIZE + BODY_SIZE, 2000) == HEAD_SIZE + BODY_SIZE,
			     "reading a message");
		}
	}
	for (int i = 0; i < MOST + MORE; i++)
		write_head(fd[i]);
	for (int i = 0; i < MOST + MORE; i++)
		at_once += poll(&(struct pollfd){ client[i], POLLIN, 0 }, 1, 10 * (i >= MOST));
	for (int i = 0; i < MOST + MORE; i++)
		write_body(fd[i]);
	for (int i = 0; i < MOST + MORE; i++)
		must(read_until(client[i], got, HEAD_SIZE + BODY_SIZE, 2000) == HEAD_SIZE + BODY_SIZE,
		     "reading a message");
	report("heads that go at once: %s\n", at_once >= MORE ? "enough" : "too few");
}

/* --- bodies that no hook sees, on two connections at once -------------------------------------- */

#define POST_HEAD "POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n"
enum { POSTS = 2000 };

static void *post_heads(void *fd)
{
	for (int i = 0; i < POSTS; i++)
		must(write(*(int *)fd, POST_HEAD, sizeof POST_HEAD - 1) == sizeof POST_HEAD - 1, "writing a request");
	return NULL;
}

/* Two threads write requests whose bodies never come, as if they were written unseen. What the library does about
 * the one connection must not make the other thread wait. */
static void bodies_missed(void)
{
	pthread_t thread[2];
	int fd[2], client[2], ends = 0;
	size_t came = 0;

	accept(LISTENER_FD, NULL, NULL);
	for (int i = 0; i < 2; i++)
		fd[i] = accept_another(&client[i], 0);
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, post_heads, &client[i]);
	for (int i = 0; i < 2; i++)
		came += read_until(fd[i], got, POSTS * (sizeof POST_HEAD - 1), 2000);
	for (int i = 0; i < 2; i++)
		ends += ends_soon(thread[i]);
	report("%d threads end, requests: %zu\n", ends, came / (sizeof POST_HEAD - 1));
}

const struct life crowd_lives[] = {
	{ "many-heads", many_heads, true },
	{ "bodies-missed", bodies_missed, true },
	{ NULL },
};
