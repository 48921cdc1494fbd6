/* p_interrupted has a signal handler or a cancellation interrupt a call, for tests/preload/interrupted.c:
 *
 *	p_interrupted cancel|async|jump now|later CALL
 *
 * A head is held; the call sends it (`now`) or meets the helper (`later`), and the test makes that slow. Meanwhile the
 * call's thread is cancelled (`async`: at any instruction), or a handler jumps away. Then a thread that is left writes
 * a message.
 *
 *	p_interrupted full
 *
 * A handler jumps out of a write that took all it was given, which was nearly all that there was room for.
 *
 *	p_interrupted first
 *
 * A handler jumps out of a connection's first write, for which the library allocates what it needs; then another thread
 * writes on another connection.
 *
 *	p_interrupted ignored-signal
 *
 * A signal comes that the program ignores, while the library starts its helper and another thread waits in a long
 * write.
 *
 *	p_interrupted blocked|blocked-later
 *
 * The program blocks a signal in each thread that it knows of, after a head was held; or later, after it has come. The
 * helper must not take the signal.
 *
 *	p_interrupted close MS
 *
 * MS after the beginning of a write its thread's handler closes the descriptor. */
#include "p_pairs.h"
#include "number.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/sendfile.h>
#include <sys/time.h>

/* The rows of the table name only the fields that they need. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

enum { CALL_AFTER_US = 60000, INTERRUPT_AFTER_MS = 40, ALL_OVER_US = 200000 };

static char body[BODY_SIZE];
static int fd;

/* --- calls ------------------------------------------------------------------------------------ */

static void write_body(void)
{
	(void)!write(fd, body, BODY_SIZE);
}

static void send_file(void)
{
	int file = memfd_create("body", MFD_CLOEXEC);

	must(pwrite(file, body, BODY_SIZE, 0) == BODY_SIZE, "pwrite");
	(void)!sendfile(fd, file, NULL, BODY_SIZE);
}

static void receive(void)
{
	char byte;

	recv(fd, &byte, 1, MSG_DONTWAIT);
}

static void duplicate(void)
{
	(void)!dup(fd);
}

static void shut_down(void)
{
	shutdown(fd, SHUT_WR);
}

static void close_it(void)
{
	close(fd);
}

static void set_option(int level, int name)
{
	int on = 1;

	setsockopt(fd, level, name, &on, sizeof on);
}

static void set_nodelay(void)
{
	set_option(IPPROTO_TCP, TCP_NODELAY);
}

static void set_cork(void)
{
	set_option(IPPROTO_TCP, TCP_CORK);
	set_int(fd, IPPROTO_TCP, TCP_CORK, 0);
}

static void set_keepalive(void)
{
	set_option(SOL_SOCKET, SO_KEEPALIVE);
}

static const struct call {
	const char *name;
	void (*make)(void);
	bool ends; /* nothing can be written after this call */
} calls[] = {
	{ "body", write_body },         { "sendfile", send_file },       { "recv", receive },
	{ "dup", duplicate },           { "shutdown", shut_down, true }, { "close", close_it, true },
	{ "TCP_NODELAY", set_nodelay }, { "TCP_CORK", set_cork },        { "SO_KEEPALIVE", set_keepalive },
};

static const struct call *find(const char *name)
{
	for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
		if (strcmp(calls[i].name, name) == 0)
			return &calls[i];
	errx(2, "there is no call '%s'", name);
}

/* --- interruptions ---------------------------------------------------------------------------- */

static bool at_any_instruction;

static void *call_and_stay(void *call)
{
	if (at_any_instruction)
		pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	((const struct call *)call)->make();
	for (;;)
		pause();
	return NULL;
}

static void cancel(const struct call *call)
{
	pthread_t thread;

	must(pthread_create(&thread, NULL, call_and_stay, (void *)call) == 0, "a thread");
	sleep_us(INTERRUPT_AFTER_MS * 1000);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

static void handle_soon(void (*handler)(int), int ms)
{
	struct sigaction action = { .sa_handler = handler };
	struct itimerval soon = { .it_value = { 0, ms * 1000 } };

	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
}

static sigjmp_buf out;

static void leave(int signal_number)
{
	(void)signal_number;
	siglongjmp(out, 1);
}

static void jump(const struct call *call)
{
	int state;

	if (sigsetjmp(out, 1) == 0) {
		handle_soon(leave, INTERRUPT_AFTER_MS);
		call->make();
		for (;;)
			pause();
	}
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &state);
	must(state == PTHREAD_CANCEL_ENABLE, "being cancelled, after the jump,");
}

static void interrupt(const char *how, const char *when, const struct call *call)
{
	at_any_instruction = strcmp(how, "async") == 0;
	fd = accept_peer();
	write_head(fd);
	if (strcmp(when, "later") == 0)
		sleep_us(CALL_AFTER_US);
	(strcmp(how, "jump") == 0 ? jump : cancel)(call);
	if (!call->ends) {
		write_head(fd);
		write_whole(fd, body, BODY_SIZE);
	}
	sleep_us(ALL_OVER_US);
	report("done\n");
}

/* --- a nearly full buffer --------------------------------------------------------------------- */

enum { BUFFER = 131072, FREE = 40 << 10, PIECE = 2000, LONG_BODY = 16000 };

static size_t room_of(int socket)
{
	uint32_t info[9]; /* linux/sock_diag.h: [3] is the buffer's size in bytes, [5] what is queued */
	int size = sizeof info;

	must(unseen(SYS_getsockopt, socket, SOL_SOCKET, SO_MEMINFO, (long)info, (long)&size, 0) == 0, "SO_MEMINFO");
	return info[3] > info[5] ? info[3] - info[5] : 0;
}

static void write_much(void)
{
	static char filler[PIECE], much[LONG_BODY], got[4 * BUFFER];
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 16000\r\n\r\n";
	struct pair p = pair_of(listen_here(), 4096);
	size_t n;
	int heads = 0;

	set_int(p.fd, SOL_SOCKET, SO_SNDBUF, BUFFER);
	while (room_of(p.fd) > FREE && send(p.fd, filler, PIECE, MSG_DONTWAIT) > 0)
		sleep_us(200);
	sleep_us(50000);
	write_whole(p.fd, head, sizeof head - 1);
	if (sigsetjmp(out, 1) == 0) {
		handle_soon(leave, INTERRUPT_AFTER_MS);
		(void)!write(p.fd, much, LONG_BODY);
		for (;;)
			pause();
	}
	close(p.fd);
	n = take(p.client, got, sizeof got, now_ns() + 1000 * MS);
	for (size_t i = 0; i + 4 <= n; i++)
		heads += memcmp(got + i, "HTTP", 4) == 0;
	report("heads: %d\n", heads);
}

/* --- the library's memory --------------------------------------------------------------------- */

static void *write_message(void *argument)
{
	int other = *(int *)argument;

	write_head(other);
	write_whole(other, body, BODY_SIZE);
	return NULL;
}

/* A handler leaves the connection's first write while the library allocates what it needs. A lock that is left then
 * would stop the writes of another thread. */
static void write_first(void)
{
	struct timespec limit;
	pthread_t thread;
	static int other;

	fd = accept_peer();
	other = accept_peer();
	if (sigsetjmp(out, 1) == 0) {
		handle_soon(leave, INTERRUPT_AFTER_MS);
		(void)!write(fd, HEAD, HEAD_SIZE);
		for (;;)
			pause();
	}
	must(pthread_create(&thread, NULL, write_message, &other) == 0, "a thread");
	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 2;
	report("another thread's writes came back: %d\n", pthread_timedjoin_np(thread, NULL, &limit) == 0);
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/* --- a handler that closes -------------------------------------------------------------------- */

static void close_in_handler(int signal_number)
{
	(void)signal_number;
	close(fd);
}

static void close_soon(int ms)
{
	ssize_t r;

	fd = accept_peer();
	handle_soon(close_in_handler, ms);
	r = write(fd, HEAD, HEAD_SIZE);
	atomic_fetch_add(&shared->written, r > 0 ? (uint64_t)r : 0);
	sleep_us(ALL_OVER_US);
}

/* --- a signal that is ignored ----------------------------------------------------------------- */

enum { LONG_WRITE = 16 << 20, SIGNAL_AFTER_US = 60000 };

static struct pair slow;

static void *write_long(void *argument)
{
	char *bytes = calloc(1, LONG_WRITE);

	*(ssize_t *)argument = write(slow.fd, bytes, LONG_WRITE);
	free(bytes);
	return NULL;
}

/* This thread blocks all signals, so that the kernel does not choose it to be interrupted by the signal. */
static void *send_ignored(void *unused)
{
	sigset_t all;

	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, NULL);
	sleep_us(SIGNAL_AFTER_US);
	kill(getpid(), SIGCHLD);
	sleep_us(ALL_OVER_US);
	return unused;
}

/* The test makes the start of the helper take longer than the signal does. If a handler were installed meanwhile, the
 * signal would end the long write early. */
static void ignore_a_signal(void)
{
	static char got[LONG_WRITE];
	pthread_t writer, sender;
	ssize_t taken = 0;
	size_t n;

	fd = accept_peer();
	slow = pair_of(listen_here(), 4096);
	must(pthread_create(&writer, NULL, write_long, &taken) == 0, "a thread");
	while (poll(&(struct pollfd){ slow.fd, POLLOUT, 0 }, 1, 0) == 1)
		sleep_us(1000);
	must(pthread_create(&sender, NULL, send_ignored, NULL) == 0, "a thread");
	write_head(fd);
	pthread_join(sender, NULL);
	n = take(slow.client, got, sizeof got, now_ns() + 10000 * MS);
	shutdown(slow.client, SHUT_RD);
	pthread_join(writer, NULL);
	report("the write took all: %d, all came: %d\n", taken == LONG_WRITE, n == LONG_WRITE);
}

static atomic_int handled;

static void count(int signal_number)
{
	(void)signal_number;
	atomic_fetch_add(&handled, 1);
}

static void block_a_signal(bool later)
{
	struct sigaction action = { .sa_handler = count };
	const int signal_number = later ? SIGUSR2 : SIGUSR1;
	sigset_t one;

	fd = accept_peer();
	write_head(fd);
	for (int64_t until = now_ns() + 5000 * MS; later && atomic_load(&shared->received) < HEAD_SIZE;) {
		must(now_ns() < until, "the head's arrival");
		sleep_us(1000);
	}
	sigemptyset(&one);
	sigaddset(&one, signal_number);
	sigaction(signal_number, &action, NULL);
	pthread_sigmask(SIG_BLOCK, &one, NULL);
	kill(getpid(), signal_number);
	sleep_us(50000);
	sigpending(&one);
	report("handled: %d, pending: %d\n", atomic_load(&handled), sigismember(&one, signal_number));
}

int main(int argc, char **argv)
{
	shared = shared_map(SHARED_FD);
	memset(body, 'b', sizeof body);
	if (argc == 4)
		interrupt(argv[1], argv[2], find(argv[3]));
	else if (argc == 3)
		close_soon(natural("the moment", argv[2]));
	else if (argc == 2 && strcmp(argv[1], "first") == 0)
		write_first();
	else if (argc == 2 && strcmp(argv[1], "ignored-signal") == 0)
		ignore_a_signal();
	else if (argc == 2 && strncmp(argv[1], "blocked", 7) == 0)
		block_a_signal(argv[1][7] != '\0');
	else
		write_much();
	return 0;
}
