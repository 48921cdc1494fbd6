/* Lives of p_hosts with a write that blocks: its thread is cancelled in it, jumps out of it, or is interrupted in it,
 * or another thread must not wait behind it. Also a write after the peer has reset the connection. */
#include "hosts.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

/* --- a thread leaves its write --------------------------------------------------------------- */

static void *write_small(void *argument)
{
	write_head(*(int *)argument);
	if (is_how("pending"))
		pthread_cancel(pthread_self());
	write_body(*(int *)argument);
	return NULL;
}

/* glibc from 2.41 on returns the count of the bytes that have gone instead of acting on the cancellation there, and
 * cancels the thread at its next cancellation point. */
static void *write_large_and_end(void *argument)
{
	write_large(argument);
	pthread_testcancel();
	return NULL;
}

/* The thread is cancelled while its write waits; with `pending` before it makes the call; with `late` when the bytes
 * are out and the call has not returned. No byte may be sent twice: the peer must see one head only. */
static void cancelled(void)
{
	int client, fd = accept_own(&client), heads = 0;
	pthread_t thread;
	void *result;
	size_t n;

	pthread_create(&thread, NULL, is_how("late") || is_how("pending") ? write_small : write_large_and_end, &fd);
	if (is_how("late"))
		must(poll(&(struct pollfd){ client, POLLIN, 0 }, 1, 5000) == 1, "the bytes' coming");
	else if (!is_how("pending"))
		wait_until_blocked(client);
	if (!is_how("pending"))
		pthread_cancel(thread);
	pthread_join(thread, &result);
	must(result == PTHREAD_CANCELED || is_how("late"), "being cancelled");
	n = read_until(client, got, sizeof got, 100);
	close(fd);
	n += read_until(client, got + n, sizeof got - n, 2000);
	for (const char *p = got; (p = memmem(p, (size_t)(got + n - p), "HTTP/1.1", 8)) != NULL; p++)
		heads++;
	report("heads: %d, first: %d\n", heads, n > 8 && memcmp(got, "HTTP/1.1", 8) == 0);
}

static sigjmp_buf out;
static int left[2]; /* a pipe: the thread has jumped */

static void jump(int signal_number)
{
	(void)signal_number;
	siglongjmp(out, 1);
}

/* Overwrites what the abandoned calls had on the stack, in case the library still points there. */
static void __attribute__((noinline)) use_the_stack(void)
{
	volatile char space[20000];

	for (size_t i = 0; i < sizeof space; i++)
		space[i] = 0x5a;
}

static void *jump_out_of_a_write(void *argument)
{
	if (sigsetjmp(out, 1) == 0)
		write_large(argument);
	use_the_stack();
	if (is_how("stays")) {
		(void)!write(left[1], "", 1);
		pause();
	}
	pthread_exit(NULL);
}

static void *send_one(void *argument)
{
	send(*(int *)argument, "x", 1, MSG_DONTWAIT);
	return NULL;
}

/* A handler jumps out of a write that blocks. If the library took its turn for taken from then on, the thread could
 * not end, and another thread's send would wait for ever. */
static void jumps(void)
{
	struct sigaction leave = { .sa_handler = jump };
	int client, fd = accept_own(&client);
	pthread_t thread, other;
	char c;

	must(pipe(left) == 0 && sigaction(SIGUSR1, &leave, NULL) == 0, "pipe");
	pthread_create(&thread, NULL, jump_out_of_a_write, &fd);
	wait_until_blocked(client);
	pthread_kill(thread, SIGUSR1);
	if (!is_how("stays")) {
		report("the thread ended: %d\n", ends_soon(thread));
		return;
	}
	must(read(left[0], &c, 1) == 1, "seeing it jump");
	pthread_create(&other, NULL, send_one, &fd);
	report("another thread's send came back: %d\n", ends_soon(other));
	syscall(SYS_exit_group, 0);
}

/* --- a write behind another one that blocks -------------------------------------------------- */

static atomic_int honest;

static void *send_without_waiting(void *argument)
{
	ssize_t r = send(*(int *)argument, "x", 1, MSG_DONTWAIT);

	atomic_store(&honest, r == 1 || (r == -1 && errno == EAGAIN)); /* there may be room for one byte */
	return NULL;
}

/* While a thread is blocked in a write, a send with MSG_DONTWAIT by another thread must return at once, and not
 * wait for that thread's turn. */
static void dontwait(void)
{
	int client, fd = accept_own(&client);
	pthread_t thread, other;

	pthread_create(&thread, NULL, write_large, &fd);
	wait_until_blocked(client);
	pthread_create(&other, NULL, send_without_waiting, &fd);
	bool soon = ends_soon(other);
	report("it came back: %d, with an honest result: %d\n", soon, atomic_load(&honest));
	syscall(SYS_exit_group, 0);
}

/* --- a send buffer with some room, a head that is larger, and a call that may block ----------- */

enum { NARROW = 8192, SNDBUF = 65536, ROOM = 6000, LONG_HEAD = 15904 };

static atomic_int ticks;

static void tick(int signal_number)
{
	(void)signal_number;
	atomic_fetch_add(&ticks, 1);
}

/* Writes pieces of 1000 bytes without waiting, `most` bytes at most. Returns how many bytes the kernel took. */
static size_t fill_narrow(int fd, size_t most)
{
	size_t done = 0;
	ssize_t r;

	set_int(fd, SOL_SOCKET, SO_SNDBUF, SNDBUF);
	while (done + 1000 <= most && (r = send(fd, large, 1000, MSG_DONTWAIT)) > 0)
		done += (size_t)r;
	return done;
}

static atomic_bool over;

/* Begins to read when the writer has been interrupted twice, or has finished. */
static void *read_when_ticked(void *client)
{
	for (int ms = 0; atomic_load(&ticks) < 2 && !atomic_load(&over) && ms < 3000; ms++)
		sleep_us(1000);
	read_until(*(int *)client, got, sizeof got, 3000);
	return NULL;
}

/* A long head and its body are written where there is little room. A signal with SA_RESTART must not end the write;
 * SO_SNDTIMEO must end it with EAGAIN. */
static void interrupted(void)
{
	struct sigaction restart = { .sa_handler = tick, .sa_flags = SA_RESTART };
	struct itimerval often = { { 0, 100000 }, { 0, 100000 } }, never = { { 0, 0 }, { 0, 0 } };
	struct timeval patience = { 0, 200000 };
	int client[2], fd, error = 0;
	static char head[LONG_HEAD];
	sigset_t alarms;
	pthread_t reader;
	ssize_t r = 0;

	accept(LISTENER_FD, NULL, NULL);
	size_t room = fill_narrow(accept_another(&client[0], NARROW), LARGE);
	fd = accept_another(&client[1], NARROW);
	fill_narrow(fd, room - ROOM - 1000);
	memset(head, 'x', sizeof head);
	memcpy(head, "HTTP/1.1 200 OK\r\nContent-Length: 1048576\r\nX: ", 45);
	memcpy(head + sizeof head - 4, "\r\n\r\n", 4);

	sigemptyset(&alarms);
	sigaddset(&alarms, SIGALRM);
	pthread_sigmask(SIG_BLOCK, &alarms, NULL);
	pthread_create(&reader, NULL, read_when_ticked, &client[1]);
	pthread_sigmask(SIG_UNBLOCK, &alarms, NULL);
	sigaction(SIGALRM, &restart, NULL);
	if (is_how("timeout"))
		setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	else
		setitimer(ITIMER_REAL, &often, NULL);
	for (size_t at = 0; at < sizeof head && r >= 0; at += r > 0 ? (size_t)r : 0)
		r = write(fd, head + at, sizeof head - at);
	for (size_t at = 0; at < 1 << 20 && r >= 0; at += r > 0 ? (size_t)r : 0)
		r = write(fd, large, (1 << 20) - at);
	error = errno;
	setitimer(ITIMER_REAL, &never, NULL);
	report("refused: %s\n", r >= 0 ? "never" : strerrorname_np(error));
	atomic_store(&over, true);
	close(fd);
	pthread_join(reader, NULL);
}

/* The peer has reset the connection, and the program has already learned of it. The next head must get the error that
 * the kernel would give. */
static void reset_seen(void)
{
	struct linger none = { 1, 0 };
	int client, fd = accept_own(&client), error = 0;
	socklen_t size = sizeof error;
	struct pollfd p = { fd, POLLIN, 0 };

	signal(SIGPIPE, SIG_IGN);
	if (is_how("again")) {
		write_head(fd);
		write_body(fd);
	}
	setsockopt(client, SOL_SOCKET, SO_LINGER, &none, sizeof none);
	close(client);
	must(poll(&p, 1, 5000) == 1 && p.revents & POLLERR, "seeing the reset");
	if (is_how("asked"))
		must(getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &size) == 0, "SO_ERROR");
	else
		error = read(fd, &none, sizeof none) < 0 ? errno : 0;
	report("seen: %s, ", strerrorname_np(error));
	report("head: %s\n", write(fd, HEAD, HEAD_SIZE) < 0 ? strerrorname_np(errno) : "taken");
}

const struct life blocked_lives[] = {
	{ "cancelled", cancelled },     { "jumps", jumps },           { "dontwait", dontwait },
	{ "interrupted", interrupted }, { "reset-seen", reset_seen }, { NULL },
};
