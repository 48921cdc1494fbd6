/* p_room HOW fills a connection's send buffer in a way that the library has no part in, and then writes a message;
 * p_room SEGMENT writes a message to a peer that wants segments of so many bytes; both for tests/preload/room.c. */
#include "p_common.h"
#include "number.h"

#include <ctype.h>
#include <sys/uio.h>

enum { PIECE = 4000 };

static char piece[PIECE];

/* Writes one message, after which the library knows how much room there is. */
static void write_message(int fd)
{
	char body[200] = "";

	must(write(fd, HEAD, sizeof HEAD - 1) == sizeof HEAD - 1 && write(fd, body, sizeof body) == sizeof body,
	     "writing a message");
}

static ssize_t write_piece(int fd, const char *how)
{
	struct iovec iov = { piece, PIECE };

	if (strcmp(how, "SYS_sendto") == 0)
		return syscall(SYS_sendto, fd, piece, PIECE, 0, NULL, 0);
	if (strcmp(how, "pwritev2") == 0)
		return pwritev2(fd, &iov, 1, -1, RWF_NOWAIT);
	return write(fd, piece, PIECE);
}

/* Writes pieces in the way `how` until nothing more fits. */
static void fill(int fd, const char *how)
{
	const char *first = strcmp(how, "heads") == 0      ? "HTTP/1.1 200 OK\r\n"
	                    : strcmp(how, "capitals") == 0 ? "CAPITALS"
	                                                   : "little";

	memset(piece, 'x', PIECE);
	memcpy(piece, first, strlen(first));
	memcpy(piece + PIECE - 4, "\r\n\r\n", 4);
	errno = 0;
	while (write_piece(fd, how) > 0)
		;
	report("full: %s\n", strerrorname_np(errno));
}

/* Writes a message to a peer that wants segments of so many bytes. */
static void write_to_peer(int segment)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof at;
	int listener = socket(AF_INET, SOCK_STREAM, 0), client = socket(AF_INET, SOCK_STREAM, 0), fd;

	must(bind(listener, (struct sockaddr *)&at, size) == 0 && listen(listener, 1) == 0, "listen");
	getsockname(listener, (struct sockaddr *)&at, &size);
	set_int(client, IPPROTO_TCP, TCP_MAXSEG, segment);
	must(connect(client, (struct sockaddr *)&at, size) == 0, "connect");
	fd = accept(listener, NULL, NULL);
	report("fd=%d", fd);
	write_message(fd);
}

int main(int argc, char **argv)
{
	int client, fd, small = 4096;

	if (argc != 2)
		return 2;
	shared = shared_map(SHARED_FD);
	if (isdigit((unsigned char)argv[1][0])) {
		write_to_peer((int)number("SEGMENT", argv[1], 1, INT_MAX));
		return 0;
	}
	fd = accept_own(&client);
	setsockopt(client, SOL_SOCKET, SO_RCVBUF, &small, sizeof small);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	write_message(fd);
	write_message(fd);
	fill(fd, argv[1]);
	errno = 0;
	report("a head = %zd, ", write(fd, HEAD, sizeof HEAD - 1));
	report("errno %s\n", strerrorname_np(errno));
	return 0;
}
