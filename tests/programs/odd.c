/* A server that is odd, for onewrite --compare.
 *
 *	odd PORT WAY
 *
 * It answers each request with a small page, in two writes. WAY says what is odd:
 *
 *	counter		no page is like the one before
 *	helped		the page says whether a library is preloaded
 *	endless		the page has no end
 *	tls		the answer is an alert of TLS
 *	stubborn	SIGTERM is ignored
 *	daemon		it goes to the background, in a session of its own
 *	dated		the Date is another one each time */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "../../scripts/probe/heads.h"
#include "../support/server.h"
#include "number.h"

static const char *way = "";

static bool is(const char *name)
{
	return strcmp(way, name) == 0;
}

/* False: the connection is over. */
static bool answer(int fd, unsigned number)
{
	char head[256], page[64];
	int n = snprintf(page, sizeof page, "%s %u\n", is("helped") && getenv("LD_PRELOAD") ? "helped" : "a page",
	                 is("counter") ? number : 0);

	if (is("tls"))
		return send_all(fd, "\x15\x03\x01\0\2\2\x46", 7) && false;
	snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nDate: %u\r\nContent-Length: %d\r\n\r\n",
	         is("dated") ? number : 1, n);
	if (is("endless"))
		snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\n\r\n");
	if (!send_all(fd, head, strlen(head)))
		return false;
	do {
		if (!send_all(fd, page, (size_t)n))
			return false;
	} while (is("endless"));
	return true;
}

int main(int argc, char **argv)
{
	uint16_t port = argc > 1 ? (uint16_t)number("port", argv[1], 1, UINT16_MAX) : 0;
	char request[4096];
	unsigned number = 0;
	int listener = server_listen(INADDR_LOOPBACK, &port, 0, 0);

	way = argc > 2 ? argv[2] : "";
	signal(SIGPIPE, SIG_IGN);
	if (is("stubborn"))
		signal(SIGTERM, SIG_IGN);
	if (is("daemon") && (fork() > 0 || setsid() < 0))
		_exit(0);
	for (;;) {
		int fd = accept(listener, NULL, NULL);
		size_t have = 0;
		ssize_t n;

		while ((n = recv(fd, request + have, sizeof request - have, 0)) > 0) {
			have += (size_t)n;
			if (head_size(request, have) == 0)
				continue;
			have = 0;
			if (!answer(fd, number++))
				break;
		}
		close(fd);
	}
}
