/* p_late reset|busy|blocked|fork|refused|again|new|new-by-number|full|full-by-number carries out what
 * tests/preload/late.c and tests/preload/deadline.c cannot say in steps. */
#include "p_common.h"

#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/wait.h>

static void write_head(int fd)
{
	must(write(fd, HEAD, sizeof HEAD - 1) == sizeof HEAD - 1, "writing a head");
}

/* The peer has reset the connection; a head is written and then the socket is read. Where the library holds the head,
 * the write succeeds. That the read then meets the error must not end the program by SIGPIPE. */
static void reset(void)
{
	int fd = accept_peer(), error;
	socklen_t size = sizeof error;
	char c;

	signal(SIGPIPE, SIG_DFL);
	report_bytes("!reset", 6);
	must(poll(&(struct pollfd){ fd, 0, 0 }, 1, 5000) == 1, "seeing the reset");
	/* takes the pending error away: from now on a write gets EPIPE, and the library does not know that */
	unseen(SYS_getsockopt, fd, SOL_SOCKET, SO_ERROR, (long)&error, (long)&size, 0);
	write_head(fd);
	report("read %zd\n", recv(fd, &c, 1, MSG_DONTWAIT));
}

/* The bodies come late on one connection, while another one is busy. The late head must still go at its deadline. */
static void busy(void)
{
	int waiting = accept_peer(), fd = accept_peer();
	char body[200] = "";

	for (int round = 0; round < 15; round++) {
		shared->sent[round] = now_ns();
		write_head_of_kind(waiting, (unsigned)round);
		for (int i = 0; i < 37; i++) { /* 185 ms: the helper's period differs from it */
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
	send(fd, body, sizeof body, MSG_NOSIGNAL); /* nobody reads, so it waits until the connection is closed */
	return NULL;
}

/* One thread waits in a write that its peer does not take; another one closes the socket, which must not wait for
 * that. */
static void blocked(void)
{
	int client, fd = accept_own(&client);
	int64_t before;
	pthread_t thread;

	pthread_create(&thread, NULL, write_large, &fd);
	for (int64_t until = now_ns() + INT64_C(5000000000); poll(&(struct pollfd){ fd, POLLOUT, 0 }, 1, 0) == 1;) {
		must(now_ns() < until, "filling the send buffer");
		sleep_us(1000);
	}
	before = now_ns();
	close(fd);
	report("closed, and soon: %d\n", now_ns() - before < INT64_C(1000000000));
	close(client);
	pthread_join(thread, NULL);
}

static void *fork_once(void *argument)
{
	pid_t pid = _Fork(); /* without atfork handlers, which would release what is held once more */

	(void)argument;
	if (pid == 0)
		_exit(0);
	waitpid(pid, NULL, 0);
	return NULL;
}

/* A head is written after a fork has begun, and nothing after it. The fork takes long, because the test makes the
 * release of a head on another connection slow. */
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
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0); /* a seen exit would send what is held */
}

/* --- a peer that resets the connection while a head is held --------------------------------------- */

static void report_result(const char *call, long r)
{
	report("%s %ld%s%s\n", call, r, r < 0 ? ", " : "", r < 0 ? strerrorname_np(errno) : "");
}

static void send_past_the_hooks(int fd, const char *text)
{
	must(unseen(SYS_sendto, fd, (long)text, (long)strlen(text), 0, 0, 0) == (long)strlen(text), "sending");
}

static void reset_by_peer(int fd, int peer)
{
	setsockopt(peer, SOL_SOCKET, SO_LINGER, &(struct linger){ 1, 0 }, sizeof(struct linger));
	close(peer);
	must(poll(&(struct pollfd){ fd, 0, 0 }, 1, 5000) == 1, "seeing the reset");
}

/* The peer answers before it has read everything, and closes. Its answer can still be read. */
static void refused(void)
{
	int peer, fd = accept_own(&peer);
	char answer[64];

	send_past_the_hooks(fd, "unread");
	must(poll(&(struct pollfd){ peer, POLLIN, 0 }, 1, 5000) == 1, "seeing what is not read");
	write_head(fd);
	send_past_the_hooks(peer, "HTTP/1.1 413 No\r\n\r\n");
	reset_by_peer(fd, peer);
	for (int i = 0; i < 3; i++)
		report_result("read", read(fd, answer, sizeof answer));
}

/* A read has reported the reset, so the next head is refused. */
static void again(void)
{
	int peer, fd = accept_own(&peer);
	char c;

	write_head(fd);
	reset_by_peer(fd, peer);
	report_result("read", read(fd, &c, 1));
	report_result("write", write(fd, HEAD, sizeof HEAD - 1));
}

/* The socket gets another connection, which has nothing to do with the error of the first one, and nothing with the
 * head that was written to it. */
static void another(bool is_reset, bool by_number)
{
	struct sockaddr nowhere = { .sa_family = AF_UNSPEC };
	struct sockaddr_in here = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t size = sizeof here;
	char got[400], body[200] = "";
	int listener = socket(AF_INET, SOCK_STREAM, 0), peer, fd = socket(AF_INET, SOCK_STREAM, 0);

	must(bind(listener, (struct sockaddr *)&here, size) == 0 && listen(listener, 1) == 0 &&
	             getsockname(listener, (struct sockaddr *)&here, &size) == 0 &&
	             connect(fd, (struct sockaddr *)&here, size) == 0,
	     "connecting");
	peer = accept(listener, NULL, NULL);
	write_head(fd);
	if (is_reset)
		reset_by_peer(fd, peer);
	report_result("disconnect", by_number ? syscall(SYS_connect, fd, &nowhere, sizeof nowhere)
	                                      : connect(fd, &nowhere, sizeof nowhere));
	report_result("connect", connect(fd, (struct sockaddr *)&here, size));
	peer = accept(listener, NULL, NULL);
	report_result("head", write(fd, HEAD, sizeof HEAD - 1));
	report_result("body", write(fd, body, sizeof body));
	close(fd);
	report_result("at the peer", unseen(SYS_recvfrom, peer, (long)got, sizeof got, MSG_WAITALL, 0, 0));
}

int main(int argc, char **argv)
{
	signal(SIGPIPE, SIG_IGN);
	shared = shared_map(SHARED_FD);
	if (argc != 2)
		return 2;
	if (strcmp(argv[1], "reset") == 0)
		reset();
	else if (strcmp(argv[1], "busy") == 0)
		busy();
	else if (strcmp(argv[1], "fork") == 0)
		during_fork();
	else if (strcmp(argv[1], "refused") == 0)
		refused();
	else if (strcmp(argv[1], "again") == 0)
		again();
	else if (strncmp(argv[1], "new", 3) == 0 || strncmp(argv[1], "full", 4) == 0)
		another(argv[1][0] == 'n', strstr(argv[1], "by-number") != NULL);
	else
		blocked();
	return 0;
}
