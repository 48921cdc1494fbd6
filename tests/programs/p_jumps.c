/* p_jumps WHILE has a signal arrive while the kernel takes what is held, for tests/preload/jumps.c. The signal is
 * delivered when that call is over, and its handler jumps away. The test makes the call take long enough.
 *
 * p_jumps uncancellable has the signal arrive when libc has just made the thread uncancellable for the library; p_jumps
 * interrupted, when libc has only just stored how it was before, and the handler writes and returns; p_jumps within, as
 * the first, but the handler jumps within itself, writes and returns. */
#include "p_common.h"

#include <dlfcn.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/uio.h>

enum { BODY_SIZE = 200, PIECES = 100 };

static sigjmp_buf out;
static int connection;
static atomic_bool armed, returns, jumps_within;
static char body[BODY_SIZE];
enum { NOT_SET = -1 };
static volatile sig_atomic_t in_handler, handlers_state = NOT_SET; /* what the handler's write sets first */

static void jump(int signal_number)
{
	(void)signal_number;
	siglongjmp(out, 1);
}

static void write_and_return(int signal_number)
{
	(void)signal_number;
	if (jumps_within && sigsetjmp(out, 1) == 0)
		siglongjmp(out, 1);
	in_handler = 1;
	must(write(connection, HEAD, sizeof HEAD - 1) == sizeof HEAD - 1, "writing a head");
	in_handler = 0;
}

static int set_cancel_state(int state, int *old)
{
	static __typeof__(pthread_setcancelstate) *libcs;
	if (libcs == NULL)
		libcs = (__typeof__(libcs))dlsym(RTLD_NEXT, "pthread_setcancelstate");
	return libcs(state, old);
}

/* The library calls this one, since a program's functions come before libc's. */
int pthread_setcancelstate(int state, int *old)
{
	int error = set_cancel_state(state, old);
	if (in_handler && handlers_state == NOT_SET)
		handlers_state = state;
	if (state == PTHREAD_CANCEL_DISABLE && atomic_exchange(&armed, false)) {
		if (returns)
			set_cancel_state(PTHREAD_CANCEL_ENABLE, NULL);
		raise(SIGALRM);
		if (returns)
			set_cancel_state(state, NULL);
	}
	return error;
}

static void write_head(int fd)
{
	must(write(fd, HEAD, sizeof HEAD - 1) == sizeof HEAD - 1, "writing a head");
}

static void write_and_be_interrupted(int fd)
{
	struct sigaction write_too = { .sa_handler = write_and_return };
	int before = PTHREAD_CANCEL_DISABLE;

	connection = fd;
	if (returns || jumps_within)
		sigaction(SIGALRM, &write_too, NULL);
	set_cancel_state(PTHREAD_CANCEL_ENABLE, NULL);
	armed = true;
	if (returns || jumps_within || sigsetjmp(out, 1) == 0)
		(void)!write(fd, HEAD, sizeof HEAD - 1);
	set_cancel_state(PTHREAD_CANCEL_ENABLE, &before);
	report("interrupted: %d, cancellable: %d, in the handler's turn: %d\n", !armed, before == PTHREAD_CANCEL_ENABLE,
	       handlers_state == PTHREAD_CANCEL_ENABLE);
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
	returns = strcmp(argv[1], "interrupted") == 0;
	jumps_within = strcmp(argv[1], "within") == 0;
	if (returns || jumps_within || strcmp(argv[1], "uncancellable") == 0) {
		write_and_be_interrupted(fd);
		return 0;
	}
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
