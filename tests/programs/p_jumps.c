/* p_jumps WHILE has a signal arrive while the kernel takes what is held, for tests/preload/jumps.c. The signal is
 * delivered when that call is over, and its handler jumps away. The test makes the call take long enough. */
#include "p_common.h"

#include <setjmp.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

enum { BODY_SIZE = 200, PIECES = 100 };

static sigjmp_buf out;
static char body[BODY_SIZE];

static void jump(int signal_number)
{
	(void)signal_number;
	siglongjmp(out, 1);
}

static void write_head(int fd)
{
	must(write(fd, HEAD, sizeof HEAD - 1) == sizeof HEAD - 1, "writing a head");
}

static void write_body(int fd)
{
	must(write(fd, body, sizeof body) == sizeof body, "writing a body");
}

/* The first system call in here sends the head; the handler leaves before there is another one. */
static void send_head(int fd, const char *how)
{
	struct iovec pieces[PIECES];
	int one = 1;
	char byte;

	for (int i = 0; i < PIECES; i++)
		pieces[i] = (struct iovec){ body, 1 };
	if (strcmp(how, "read") == 0)
		recv(fd, &byte, 1, MSG_DONTWAIT);
	else if (strcmp(how, "setsockopt") == 0)
		setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &one, sizeof one);
	else if (strcmp(how, "dup") == 0)
		(void)!dup(fd);
	else if (strcmp(how, "cork") == 0)
		setsockopt(fd, IPPROTO_TCP, TCP_CORK, &one, sizeof one);
	else if (strcmp(how, "sendfile") == 0)
		sendfile(fd, 0, NULL, BODY_SIZE);
	else if (strcmp(how, "pieces") == 0)
		(void)!writev(fd, pieces, PIECES);
	else if (strcmp(how, "head") == 0)
		(void)!write(fd, "HTTP/1.1 100 Continue\r\n\r\n", 25);
	else if (strcmp(how, "body") == 0)
		write_body(fd);
}

int main(int argc, char **argv)
{
	struct sigaction leave = { .sa_handler = jump };
	struct itimerval soon = { .it_value = { 0, 100000 } };
	volatile bool left = true;
	int fd;

	if (argc != 2)
		return 2;
	shared = shared_map(SHARED_FD);
	memset(body, 'b', sizeof body);
	sigaction(SIGALRM, &leave, NULL);
	fd = accept_peer();
	write_head(fd);
	setitimer(ITIMER_REAL, &soon, NULL);
	if (sigsetjmp(out, 1) == 0) {
		send_head(fd, argv[1]);
		left = false;
	}
	report("left: %d\n", left);
	if (strcmp(argv[1], "body") != 0)
		write_body(fd);
	write_head(fd);
	write_body(fd);
	return 0;
}
