/* One kind of call, so many times: under callgrind (or memcheck), the difference between a run with N and one
 * with 2N is the price of N calls.
 *
 *	calls KIND N
 *
 * KIND   write-file read-file close-file            descriptors that are no sockets
 *        write-tcp send-tcp read-tcp recv-tcp       bytes that are not HTTP on an accepted TCP connection
 *        close-tcp                                  accept and close
 *        exchange                                   read a request; a head of 10 lines, 300 bytes; a body of 200 bytes
 *        exchange-again                             the same with the same head each time, not another
 *        whole-send whole-writev                    read a request; head and body in one call, some 1,100 of them more
 *
 * The other end is a second process, and not under the instrument: it is no part of what is counted. */
#include <fcntl.h>
#include <limits.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/uio.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../support/server.h"
#include "number.h"

static const char request[] = "GET /index.html HTTP/1.1\r\nHost: localhost\r\nUser-Agent: calls\r\nAccept: */*\r\n\r\n";
static char head[] = "HTTP/1.1 200 OK\r\n"
		     "Date: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		     "Server: calls/1.0 (Unix) bench\r\n"
		     "Last-Modified: Thu, 01 Jan 1970 00:00:00 GMT\r\n"
		     "ETag: \"5f3a-61e2b7c4a9d80\"\r\n"
		     "Accept-Ranges: bytes\r\n"
		     "Content-Type: text/html; charset=utf-8\r\n"
		     "Content-Length: 200\r\n"
		     "Cache-Control: max-age=3600\r\n"
		     "Connection: keep-alive\r\n"
		     "\r\n";
static const char not_http[16] = "0123456789abcde";
static char body[200];
enum { EXCHANGED = sizeof head - 1 + sizeof body };
/* After so many whole responses the library has stopped looking at them (once.h). */
enum { LOOKED_AT = 1100 };
_Static_assert(sizeof head - 1 >= 295 && sizeof head - 1 <= 305, "a head of about 300 bytes");

static void whole(int fd, char *to, size_t n)
{
	for (ssize_t got; n > 0; to += got, n -= (size_t)got)
		if ((got = recv(fd, to, n, 0)) <= 0)
			err(1, "recv");
}

/* The kinds in which requests are answered. */
static bool answers(const char *kind)
{
	return strncmp(kind, "exchange", 8) == 0 || strncmp(kind, "whole", 5) == 0;
}

/* The other end: sends or receives until the counted process has made its calls. */
static int peer(const char *kind, long n, uint16_t port)
{
	struct sockaddr_in to = loopback(port);
	char buf[65536];
	int fd = -1;
	for (long connections = strcmp(kind, "close-tcp") == 0 ? n : 1; connections > 0; connections--) {
		fd = socket(AF_INET, SOCK_STREAM, 0);
		if (connect(fd, (struct sockaddr *)&to, sizeof to) != 0)
			err(1, "connect");
		if (connections > 1)
			close(fd);
	}
	if (answers(kind)) {
		for (; n > 0; n--) {
			if (send(fd, request, sizeof request - 1, 0) < 0)
				err(1, "send");
			whole(fd, buf, EXCHANGED);
		}
	} else if (strcmp(kind, "read-tcp") == 0 || strcmp(kind, "recv-tcp") == 0) {
		for (; n > 0; n--)
			if (send(fd, not_http, sizeof not_http, 0) < 0)
				err(1, "send");
	}
	while (recv(fd, buf, sizeof buf, 0) > 0) {}
	return 0;
}

int main(int argc, char **argv)
{
	if (argc < 3)
		errx(2, "usage: calls KIND N");
	const char *kind = argv[1];
	long n = (long)number("N", argv[2], 0, LONG_MAX - LOOKED_AT);
	if (strncmp(kind, "whole", 5) == 0)
		n += LOOKED_AT;
	if (argc > 3)
		return peer(kind, n, (uint16_t)number("PORT", argv[3], 1, UINT16_MAX));

	bool another = strcmp(kind, "exchange") == 0;
	char *changes = strchr(head, '"') + 1; /* in the ETag */

	if (strcmp(kind, "write-file") == 0) {
		int fd = open("/dev/null", O_WRONLY);
		for (; n > 0; n--)
			if (write(fd, not_http, sizeof not_http) < 0)
				err(1, "write");
		return 0;
	}
	char buf[sizeof request], both[EXCHANGED];
	struct iovec pieces[] = { { head, sizeof head - 1 }, { body, sizeof body } };
	memcpy(both, head, sizeof head - 1);
	memcpy(both + sizeof head - 1, body, sizeof body);
	if (strcmp(kind, "read-file") == 0) {
		int fd = open("/dev/zero", O_RDONLY);
		for (; n > 0; n--)
			if (read(fd, buf, 16) < 0)
				err(1, "read");
		return 0;
	}
	if (strcmp(kind, "close-file") == 0) {
		for (; n > 0; n--)
			close(open("/dev/null", O_RDONLY));
		return 0;
	}

	char port[8], *clean[] = { NULL };
	uint16_t own = 0;
	pid_t other;
	int listener = server_listen(INADDR_LOOPBACK, &own, 0, 0);
	snprintf(port, sizeof port, "%d", own);
	if (posix_spawn(&other, argv[0], NULL, NULL, (char *[]){ argv[0], argv[1], argv[2], port, NULL }, clean) != 0)
		err(1, "posix_spawn");

	if (strcmp(kind, "close-tcp") == 0) {
		for (; n > 0; n--)
			close(accept(listener, NULL, NULL));
	} else {
		int fd = accept(listener, NULL, NULL);
		set_nodelay(fd); /* or each body would wait for the acknowledgement of its head */
		for (; n > 0; n--) {
			ssize_t r = 0;
			if (strcmp(kind, "write-tcp") == 0) {
				r = write(fd, not_http, sizeof not_http);
			} else if (strcmp(kind, "send-tcp") == 0) {
				r = send(fd, not_http, sizeof not_http, 0);
			} else if (strcmp(kind, "read-tcp") == 0) {
				r = read(fd, buf, 16);
			} else if (strcmp(kind, "recv-tcp") == 0) {
				r = recv(fd, buf, 16, 0);
			} else if (answers(kind)) {
				whole(fd, buf, sizeof request - 1);
				*changes = another ? (char)('0' + n % 2) : '0';
				if (strcmp(kind, "whole-send") == 0)
					r = send(fd, both, EXCHANGED, 0);
				else if (strcmp(kind, "whole-writev") == 0)
					r = writev(fd, pieces, 2);
				else if (send(fd, head, sizeof head - 1, 0) >= 0)
					r = send(fd, body, sizeof body, 0);
			} else {
				errx(2, "no such kind: %s", kind);
			}
			if (r < 0)
				err(1, "%s", kind);
		}
		close(fd);
	}
	waitpid(other, NULL, 0);
	return 0;
}
