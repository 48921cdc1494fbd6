/* What late.c needs more than steps for: p_late reset|busy|blocked|fork. */
#include "p_common.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static void write_head(int fd)
{
	must(write(fd, HEAD, sizeof HEAD - 1) == sizeof HEAD - 1, "writing a head");
}

/* A connection that its peer has reset is written to and then read. The write is told that all is well, where the shim
 * holds its head; that the read finds out otherwise is no reason to kill the program. */
static void reset(void)
{
	int fd = accept_peer(), error;
	socklen_t size = sizeof error;
	char c;

	signal(SIGPIPE, SIG_DFL);
	report_bytes("!reset", 6);
	must(poll(&(struct pollfd){ fd, 0, 0 }, 1, 5000) == 1, "seeing the reset");
	/* from now on it is EPIPE, and the shim does not know */
	unseen(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, (long)&error, (long)&size, 0);
	write_head(fd);
	report("read %zd\n", recv(fd, &c, 1, MSG_DONTWAIT));
}

/* One connection has heads whose bodies come late, another is busy all the while. */
static void busy(void)
{
	int waiting = accept_peer(), fd = accept_peer();
	char body[200] = "";

	for (int round = 0; round < 15; round++) {
		shared->sent[round] = now_ns();
		write_head_of_kind(waiting, (unsigned)round);
		for (int i = 0; i < 37; i++) { /* 185 ms: each round meets the helper at another time */
			write_head(fd);
			sleep_us(5000);
			must(write(fd, body, sizeof body) == sizeof body, "writing a body");
		}
		must(write(waiting, body, sizeof body) == sizeof body, "writing a late body");
	}
}

static void *write_large(void *argument)
{
	static char body[8 << 20];
	int fd = *(int *)argument;

	write_head(fd);
	send(fd, body, sizeof body, MSG_NOSIGNAL); /* nobody reads: until the connection's end */
	return NULL;
}

/* A thread is in a write that its peer does not take; another closes. */
static void blocked(void)
{
	int client, fd = accept_own(&client);
	int64_t before;
	pthread_t thread;

	pthread_create(&thread, NULL, write_large, &fd);
	sleep_us(100000);
	before = now_ns();
	close(fd);
	report("closed, and soon: %d\n", now_ns() - before < INT64_C(1000000000));
	close(client);
	pthread_join(thread, NULL);
}

static void *fork_once(void *argument)
{
	pid_t pid = _Fork(); /* no handlers, which would release all once more */

	(void)argument;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return NULL;
}

/* A head is written while a fork has begun, and nothing after it. The fork takes its time (the test sees to that) with
 * a head on the connection behind this one. */
static void during_fork(void)
{
	int fd = accept_peer(), behind = accept_peer();
	pthread_t thread;

	write_head(behind);
	pthread_create(&thread, NULL, fork_once, NULL);
	sleep_us(30000);
	write_head(fd);
	pthread_join(thread, NULL);
	atomic_fetch_add(&shared->written, 2 * (sizeof HEAD - 1));
	report("all at the peer: %d\n", peer_has_all());
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0); /* an exit that the library sees would send what is held */
}

int main(int argc, char **argv)
{
	shared = shared_map(SHARED_FD);
	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "reset") == 0)
		reset();
	else if (strcmp(argv[1], "busy") == 0)
		busy();
	else if (strcmp(argv[1], "fork") == 0)
		during_fork();
	else
		blocked();
	return 0;
}
