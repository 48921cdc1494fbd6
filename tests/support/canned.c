#include "canned.h"

#include <criterion/criterion.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

/* The bytes that the piece means. */
static size_t decode(const char *piece, char *bytes)
{
	size_t n = 0;
	for (; *piece != '\0'; piece++) {
		char digits[3] = "";
		if (*piece != '%') {
			bytes[n++] = *piece;
			continue;
		}
		memcpy(digits, piece + 1, 2);
		bytes[n++] = (char)strtol(digits, NULL, 16);
		piece += 2;
	}
	return n;
}

/* False: the connection is over. */
static bool obey(int fd, const char *piece)
{
	static char bytes[1 << 20];
	size_t n = 0;
	if (strcmp(piece, "close") == 0)
		return false;
	if (*piece == '.') {
		usleep((useconds_t)atoi(piece + 1) * 1000);
		return true;
	}
	if (*piece == '=' || *piece == '*') {
		n = *piece == '=' ? (size_t)atoi(piece + 1) : 65536;
		memset(bytes, 'x', n);
	} else {
		n = decode(piece, bytes);
	}
	do {
		for (size_t done = 0; done < n;) {
			ssize_t sent = send(fd, bytes + done, n - done, MSG_NOSIGNAL);
			if (sent <= 0)
				return false;
			done += (size_t)sent;
		}
	} while (*piece == '*');
	return true;
}

static void converse(int fd, const struct canned *c)
{
	char request[8192];
	size_t have = 0;
	if (c->greeting != NULL && !obey(fd, c->greeting))
		return;
	for (;;) {
		ssize_t n = recv(fd, request + have, sizeof request - have, 0);
		if (n <= 0)
			return;
		have += (size_t)n;
		if (memmem(request, have, "\r\n\r\n", 4) == NULL && request[0] != 0x16)
			continue;
		have = 0;
		for (size_t i = 0; i < sizeof c->pieces / sizeof *c->pieces && c->pieces[i] != NULL; i++)
			if (!obey(fd, c->pieces[i]))
				return;
	}
}

unsigned canned_serve(const struct canned *c)
{
	int family = c->family != 0 ? c->family : AF_INET, fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0);
	struct sockaddr_in v4 = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct sockaddr_in6 v6 = { .sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT };
	struct sockaddr *here = family == AF_INET6 ? (void *)&v6 : (void *)&v4;
	socklen_t size = family == AF_INET6 ? sizeof v6 : sizeof v4;
	int nodelay = c->nodelay;
	if (fd < 0 || bind(fd, here, size) != 0)
		return 0;
	cr_assert(listen(fd, 64) == 0 && getsockname(fd, here, &size) == 0);
	pid_t pid = fork();
	cr_assert(pid >= 0);
	while (pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		int client = accept(fd, NULL, NULL);
		setsockopt(client, IPPROTO_TCP, TCP_NODELAY, &nodelay, sizeof nodelay);
		converse(client, c);
		close(client);
	}
	close(fd);
	return ntohs(family == AF_INET6 ? v6.sin6_port : v4.sin_port);
}
