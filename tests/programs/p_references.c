/* p_references NAME [HOW] looks for what still refers to a socket after the program has let go of it, for
 * tests/preload/references.c.
 *
 * Most scenarios have many rounds. In each a head is written and held, and the program does something a few
 * milliseconds later, in the next round a few more: so some rounds meet the helper while it sends, however slow the
 * test makes that. */
#include "p_named.h"
#include "p_pairs.h"
#include "number.h"

#include <linux/close_range.h>
#include <pthread.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/wait.h>

static int listener, null;

/* --- closed at the deadline ------------------------------------------------------------------- */

extern __typeof__(close) __close;

/* Ends the descriptor by a call that has a name, in every way that there is. Returns what has its number then, or
 * -1. */
static int let_go(int fd)
{
	FILE *stream;

	if (strcmp(how, "close") == 0)
		close(fd);
	else if (strcmp(how, "__close") == 0)
		__close(fd);
	else if (strcmp(how, "SYS_close") == 0)
		syscall(SYS_close, fd);
	else if (strcmp(how, "close_range") == 0)
		close_range((unsigned)fd, ~0u, 0);
	else if (strcmp(how, "SYS_close_range") == 0)
		syscall(SYS_close_range, fd, fd, 0);
	else if (strcmp(how, "closefrom") == 0)
		closefrom(fd);
	else if (strcmp(how, "fclose") == 0)
		fclose(fdopen(fd, "w"));
	else if (strcmp(how, "freopen") == 0) {
		stream = freopen("/dev/null", "w", fdopen(fd, "w"));
		fclose(stream);
	} else if (strcmp(how, "dup2") == 0)
		return dup2(null, fd);
	else if (strcmp(how, "dup3") == 0)
		return dup3(null, fd, O_CLOEXEC);
	else if (strcmp(how, "SYS_dup3") == 0)
		return (int)syscall(SYS_dup3, null, fd, 0);
	else if (strcmp(how, "shutdown") == 0 || strcmp(how, "shutdown both") == 0) {
		shutdown(fd, how[8] == '\0' ? SHUT_WR : SHUT_RDWR);
		return fd;
	} else
		must(false, how);
	return -1;
}

/* The peer has the whole head and then the end within 3 ms of the close, and epoll_wait() reports no more events of the
 * socket. */
static void gone(void)
{
	int heads = 0, ends = 0, events = 0, epoll = epoll_create1(EPOLL_CLOEXEC);

	EACH_ROUND(at)
	{
		struct pair p = pair_of(listener, 0);
		struct epoll_event e = { .events = EPOLLIN | EPOLLRDHUP };
		int64_t start = now_ns();
		char got[HEAD_SIZE + 1];
		int left;

		epoll_ctl(epoll, EPOLL_CTL_ADD, p.fd, &e);
		write_head(p.fd);
		sleep_until(start + at * MS);
		left = let_go(p.fd);
		ends += poll(&(struct pollfd){ p.client, POLLRDHUP, 0 }, 1, 3) != 1;
		heads += take(p.client, got, sizeof got, now_ns() + 3 * MS) != HEAD_SIZE ||
		         memcmp(got, HEAD, HEAD_SIZE) != 0;
		send_unseen(p.client, "x", 1, MSG_NOSIGNAL);
		if (left != p.fd || strncmp(how, "shutdown", 8) != 0) {
			events += epoll_wait(epoll, &e, 1, 0) > 0;
			sleep_until(start + ALL_OVER_MS * MS);
			events += epoll_wait(epoll, &e, 1, 0) > 0;
		}
		close(left);
		close(p.client);
	}
	report("heads that are missing: %d, ends that are late: %d, events of what is closed: %d\n", heads, ends,
	       events);
}

/* --- a process that ends at the deadline ------------------------------------------------------ */

static void __attribute__((noreturn)) write_and_leave(int at)
{
	int fd = dial(listener, 0);
	int64_t start = now_ns();

	write_whole(fd, "POST / HTTP/1.1\r\nContent-Length: 5\r\n\r\n", 38);
	sleep_until(start + at * MS);
	shared->sent[0] = now_ns();
	if (strcmp(how, "exec") == 0)
		execl("/bin/true", "true", (char *)NULL);
	if (strcmp(how, "exit") == 0)
		exit(0);
	if (strcmp(how, "quick_exit") == 0)
		quick_exit(0);
	if (strcmp(how, "SYS_exit_group") == 0)
		syscall(SYS_exit_group, 0);
	_exit(0);
}

/* A process exits, or executes another program, while it holds a head. */
static void left(void)
{
	int heads = 0, ends = 0;

	EACH_ROUND(at)
	{
		pid_t pid = fork();
		char got[64];
		int fd, status;

		if (pid == 0)
			write_and_leave(at);
		fd = accept(listener, NULL, NULL);
		heads += take(fd, got, sizeof got, now_ns() + 1000 * MS) != 38;
		ends += now_ns() - shared->sent[0] > 150 * MS;
		waitpid(pid, &status, 0);
		close(fd);
	}
	report("heads that are missing: %d, ends that are late: %d\n", heads, ends);
}

/* --- SO_LINGER -------------------------------------------------------------------------------- */

/* {1, 0}: the close resets the connection. The head must have been sent before. */
static void reset(void)
{
	int heads = 0, late = 0;

	EACH_ROUND(at)
	{
		struct pair p = pair_of(listener, 0);
		struct linger hard = { 1, 0 };
		int64_t start = now_ns();
		char got[HEAD_SIZE + 1];

		setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &hard, sizeof hard);
		write_head(p.fd);
		sleep_until(start + at * MS);
		close(p.fd);
		late += poll(&(struct pollfd){ p.client, POLLRDHUP, 0 }, 1, 3) != 1;
		heads += take(p.client, got, HEAD_SIZE, now_ns() + 3 * MS) != HEAD_SIZE;
		late += unseen(SYS_read, p.client, (long)got, 1, 0, 0, 0) != -1 || errno != ECONNRESET;
		close(p.client);
	}
	report("heads that are missing: %d, resets that are late: %d\n", heads, late);
}

/* {1, 1}: the close waits a second for the peer, in the thread that closes. That must not delay the heads of other
 * connections. */
static int other_fd;
static int64_t other_written;

static void *write_elsewhere(void *argument)
{
	(void)argument;
	sleep_us(300000);
	other_written = now_ns();
	write_head(other_fd);
	return NULL;
}

static void linger(void)
{
	struct pair p = pair_of(listener, 4096), other = pair_of(listener, 0);
	struct linger second = { 1, 1 };
	static char piece[20000];
	int64_t start;
	pthread_t thread;
	char byte;

	other_fd = other.fd;
	setsockopt(p.fd, SOL_SOCKET, SO_LINGER, &second, sizeof second);
	must(send_unseen(p.fd, piece, sizeof piece, 0) == sizeof piece, "filling the peer's buffer");
	start = now_ns();
	write_head(p.fd);
	pthread_create(&thread, NULL, write_elsewhere, NULL);
	sleep_until(start + natural("the milliseconds", how) * MS);
	start = now_ns();
	close(p.fd);
	start = now_ns() - start;
	pthread_join(thread, NULL);
	report("close waited: %d\n", start > 900 * MS && start < 1500 * MS);
	report("another head came: %d\n", take(other.client, &byte, 1, other_written + 50 * MS) == 1);
}

/* --- the first head of a process with two threads --------------------------------------------- */

static void *idle(void *argument)
{
	pause();
	return argument;
}

static void first(void)
{
	int fd = accept_peer();
	pthread_t thread;

	pthread_create(&thread, NULL, idle, NULL);
	sleep_us(2000);
	shared->sent[0] = now_ns();
	write_head(fd);
	sleep_us(60000);
}

int main(int argc, char **argv)
{
	static const struct named scenarios[] = {
		{ "gone", gone }, { "left", left }, { "reset", reset }, { "linger", linger }, { "first", first },
	};

	named_begin(argc, argv);
	null = open("/dev/null", O_RDWR);
	listener = listen_here();
	return named_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
