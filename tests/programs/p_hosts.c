/* Programs that live unusually: p_hosts NAME [HOW]. Most are their own peer, because they look at what came while they go on. */
#include "p_common.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stddef.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/sendfile.h>
#include <sys/time.h>
#include <sys/wait.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* rows say what they need and leave out the rest */

enum { HEAD_SIZE = sizeof HEAD - 1, BODY_SIZE = 200, LARGE = 8 << 20 }; /* more than fits where nobody reads */

static const char *how;
static char large[LARGE], got[2 * LARGE];

static bool is_how(const char *word)
{
	return strstr(how, word) != NULL;
}

static void write_head(int fd)
{
	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
}

static void write_body(int fd)
{
	must(write(fd, large, BODY_SIZE) == BODY_SIZE, "writing a body");
}

/* What comes before the end, `room`, or so much silence. */
static size_t read_until(int fd, char *p, size_t room, int silence_ms)
{
	size_t n = 0;
	ssize_t r;

	while (n < room && poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, silence_ms) == 1 &&
		(r = recv(fd, p + n, room - n, 0)) > 0)
		n += (size_t)r;
	return n;
}

/* n bytes come: so long after `since`; at the latest after a second of silence. */
static int arrival_ms(int fd, size_t n, int64_t since)
{
	read_until(fd, got, n, 1000);
	return (int)((now_ns() - since) / 1000000);
}

/* Somebody writes and nobody reads: until no byte more comes, and so the writer is blocked. */
static void wait_until_blocked(int client)
{
	int before = 0, now = 0;

	for (int i = 0; i < 100; i++, before = now) {
		sleep_us(30000);
		must(ioctl(client, FIONREAD, &now) == 0, "FIONREAD");
		if (now > 0 && now == before)
			return;
	}
	report("the writer does not block\n");
}

static void *write_large(void *argument)
{
	int fd = *(int *)argument;
	char head[100];

	int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LARGE);
	(void)!write(fd, head, (size_t)n);
	(void)!write(fd, large, LARGE);
	return NULL;
}

/* Threads that never come back are left behind. */
static bool ends_soon(pthread_t thread)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 2;
	return pthread_timedjoin_np(thread, NULL, &limit) == 0;
}

/* A connection within this process, by way of the peer's listener: many are made soon. buffer: the client's, 0: as it comes. */
static int accept_another(int *client, int buffer)
{
	struct sockaddr_in at;
	socklen_t size = sizeof at;

	getsockname(LISTENER_FD, (struct sockaddr *)&at, &size);
	*client = socket(AF_INET, SOCK_STREAM, 0);
	if (buffer != 0)
		set_int(*client, SOL_SOCKET, SO_RCVBUF, buffer);
	must(connect(*client, (struct sockaddr *)&at, size) == 0, "connect");
	int fd = accept(LISTENER_FD, NULL, NULL);
	must(fd >= 0, "accept");
	return fd;
}

/* --- a close at the moment when the head falls due ------------------------------------------------------------- */

enum { DUE_US = 5000, STEP_US = 20000, QUESTIONS = 8, ROUNDS = 40, CROWD = 100 };

/* Each of the helper's questions takes one step (the test sees to that): the close comes in the middle of every one. */
static void closed_step_by_step(void)
{
	int client, missing = 0;

	for (int i = 0; i < QUESTIONS; i++) {
		int fd = accept_own(&client);
		write_head(fd);
		sleep_us(DUE_US + STEP_US / 2 + i * STEP_US);
		close(fd);
		missing += read_until(client, got, sizeof got, 2000) != HEAD_SIZE;
		close(client);
	}
	report("heads missing: %d\n", missing);
}

/* And as it comes: a hundred heads fall due while their connections close. */
static void closed_in_a_crowd(void)
{
	static const struct linger reset = { 1, 0 }; /* nothing waits in TIME_WAIT */
	int fd[CROWD], client[CROWD], missing = 0;

	accept(LISTENER_FD, NULL, NULL);
	for (int round = 0; round < ROUNDS; round++) {
		for (int i = 0; i < CROWD; i++)
			fd[i] = accept_another(&client[i], 0);
		int64_t until = now_ns() + 1000 * (DUE_US - 1000 + 1000 * round / ROUNDS);
		for (int i = 0; i < CROWD; i++)
			write_head(fd[i]);
		while (now_ns() < until)
			;
		for (int i = 0; i < CROWD; i++)
			close(fd[i]);
		for (int i = 0; i < CROWD; i++) {
			missing += read_until(client[i], got, sizeof got, 2000) != HEAD_SIZE;
			setsockopt(client[i], SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
			close(client[i]);
		}
	}
	report("heads missing: %d\n", missing);
}

/* --- more heads than may wait ----------------------------------------------------------------------------------- */

/* after: each connection's second message. */
static void many_heads(void)
{
	enum { MOST = 128, MORE = 12 };
	int fd[MOST + MORE], client[MOST + MORE], at_once = 0;

	accept(LISTENER_FD, NULL, NULL);
	for (int i = 0; i < MOST + MORE; i++) {
		fd[i] = accept_another(&client[i], 0);
		if (is_how("after")) {
			write_head(fd[i]);
			write_body(fd[i]);
			must(read_until(client[i], got, HEAD_SIZE + BODY_SIZE, 2000) == HEAD_SIZE + BODY_SIZE, "reading a message");
		}
	}
	for (int i = 0; i < MOST + MORE; i++)
		write_head(fd[i]);
	for (int i = 0; i < MOST + MORE; i++)
		at_once += poll(&(struct pollfd){ client[i], POLLIN, 0 }, 1, 10 * (i >= MOST));
	for (int i = 0; i < MOST + MORE; i++)
		write_body(fd[i]);
	for (int i = 0; i < MOST + MORE; i++)
		must(read_until(client[i], got, HEAD_SIZE + BODY_SIZE, 2000) == HEAD_SIZE + BODY_SIZE, "reading a message");
	report("heads that go at once: %s\n", at_once >= MORE ? "enough" : "too few");
}

/* --- bodies that no hook sees, on two connections at once ------------------------------------------------------- */

#define POST_HEAD "POST / HTTP/1.1\r\nContent-Length: 200\r\n\r\n"
enum { POSTS = 2000 };

static void *post_heads(void *fd)
{
	for (int i = 0; i < POSTS; i++)
		must(write(*(int *)fd, POST_HEAD, sizeof POST_HEAD - 1) == sizeof POST_HEAD - 1, "writing a request");
	return NULL;
}

static void bodies_missed(void)
{
	pthread_t thread[2];
	int fd[2], client[2], ends = 0;
	size_t came = 0;

	accept(LISTENER_FD, NULL, NULL);
	for (int i = 0; i < 2; i++)
		fd[i] = accept_another(&client[i], 0);
	for (int i = 0; i < 2; i++)
		pthread_create(&thread[i], NULL, post_heads, &client[i]);
	for (int i = 0; i < 2; i++)
		came += read_until(fd[i], got, POSTS * (sizeof POST_HEAD - 1), 2000);
	for (int i = 0; i < 2; i++)
		ends += ends_soon(thread[i]);
	report("%d threads end, requests: %zu\n", ends, came / (sizeof POST_HEAD - 1));
}

/* --- writes that are left -------------------------------------------------------------------------------------- */

static void *write_small(void *argument)
{
	write_head(*(int *)argument);
	if (is_how("pending"))
		pthread_cancel(pthread_self());
	write_body(*(int *)argument);
	return NULL;
}

/* while it waits; or `pending`, before it calls; or `late`, when the bytes are out and the call has not come back */
static void cancelled(void)
{
	int client, fd = accept_own(&client), heads = 0;
	pthread_t thread;
	void *result;
	size_t n;

	pthread_create(&thread, NULL, is_how("late") || is_how("pending") ? write_small : write_large, &fd);
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
static int left[2]; /* a pipe */

static void jump(int signal_number)
{
	(void)signal_number;
	siglongjmp(out, 1);
}

/* What the abandoned calls had on the stack is written over. */
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

/* --- a write behind another that blocks ------------------------------------------------------------------------ */

static atomic_int honest;

static void *send_without_waiting(void *argument)
{
	ssize_t r = send(*(int *)argument, "x", 1, MSG_DONTWAIT);

	atomic_store(&honest, r == 1 || (r == -1 && errno == EAGAIN)); /* there may be room for one */
	return NULL;
}

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

/* --- children of vfork ----------------------------------------------------------------------------------------- */

static atomic_int closing;

/* The child has our memory but descriptors of its own: these are the parent's connections only in name. */
static void __attribute__((noinline)) vfork_and_close(int fd)
{
	pid_t pid = vfork();

	if (pid == 0) {
		atomic_store(&closing, 1);
		if (is_how("dup2"))
			dup2(REPORT_FD, fd);
		else if (is_how("SYS_close"))
			syscall(SYS_close, fd);
		else if (is_how("close_range"))
			close_range((unsigned)fd, (unsigned)fd, 0);
		else
			close(fd);
		_exit(0);
	}
	must(pid > 0 && waitpid(pid, NULL, 0) == pid, "vfork");
}

/* The kernel holds head and part: it would do so for 200 ms. */
static void vfork_late(void)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 5000\r\n\r\n";
	int client, fd = accept_own(&client);
	int64_t since;

	set_int(fd, IPPROTO_TCP, TCP_NODELAY, is_how("nodelay"));
	must(write(fd, head, sizeof head - 1) > 0 && write(fd, large, 500) == 500, "writing");
	since = now_ns();
	vfork_and_close(fd);
	report("late: %d\n", arrival_ms(client, sizeof head - 1 + 500, since) >= 100);
}

static void *write_body_meanwhile(void *argument)
{
	while (!atomic_load(&closing))
		sched_yield();
	sleep_us(30000);
	write_body(*(int *)argument);
	return NULL;
}

/* A body is written while the child is closing, which takes its time if it sends (the test sees to that). */
static void vfork_order(void)
{
	int fd = accept_peer();
	pthread_t thread;

	write_head(fd);
	pthread_create(&thread, NULL, write_body_meanwhile, &fd);
	vfork_and_close(fd);
	pthread_join(thread, NULL);
}

static void vfork_after(void)
{
	int fd = accept_peer();

	for (int i = 0; i < 3; i++) {
		write_head(fd);
		write_body(fd);
		if (i == 0)
			vfork_and_close(fd);
	}
}

/* --- threads with descriptors of their own --------------------------------------------------------------------- */

static pthread_barrier_t turn;
static int numbers[2];
static bool its_own;

static void *unshared_thread(void *argument)
{
	const char *written = is_how("head") ? CHUNKED_HEAD : "neither a head nor a body";
	char its[HEAD_SIZE];
	int client;

	pthread_barrier_wait(&turn);
	must(unshare(CLONE_FILES) == 0, "unshare");
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	numbers[1] = accept_own(&client);
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	must(write(numbers[1], written, strlen(written)) == (ssize_t)strlen(written), "writing");
	pthread_barrier_wait(&turn);
	size_t n = read_until(client, its, strlen(written), 1000);
	its_own = n == strlen(written) && memcmp(its, written, n) == 0;
	return argument;
}

/* Main writes a head, the thread writes on its connection of that number, main writes the body. It unshares when nobody is in
 * a call: the recorder has its log open in each. */
static void unshared(void)
{
	static char mine[400];
	int client;
	pthread_t thread;

	pthread_barrier_init(&turn, NULL, 2);
	pthread_create(&thread, NULL, unshared_thread, NULL);
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	numbers[0] = accept_own(&client);
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	write_head(numbers[0]);
	pthread_barrier_wait(&turn);
	pthread_barrier_wait(&turn);
	write_body(numbers[0]);
	size_t n = read_until(client, mine, HEAD_SIZE + BODY_SIZE, 1000);
	bool all = n == HEAD_SIZE + BODY_SIZE && memcmp(mine, HEAD, HEAD_SIZE) == 0;
	pthread_join(thread, NULL);
	report("one number: %d\nmain's bytes arrived: %d\nthe thread's: %d\n", numbers[0] == numbers[1], all, its_own);
}

/* --- a message that is longer than a segment ------------------------------------------------------------------- */

static const char long_head[] = "HTTP/1.1 200 OK\r\nContent-Length: 500000\r\n\r\n";
static const char short_message[] = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok";

/* Head and part of the body in one write that is refused (the test sees to that): the program answers something else. */
static void refusalswhole(int fd, int client)
{
	static char first[100000];

	memset(first, 'b', sizeof first);
	memcpy(first, long_head, sizeof long_head - 1);
	(void)!write(fd, first, sizeof first);
	read_until(client, got, sizeof got, 30);
}

/* The first body write is refused, and the head goes when its time has come. */
static void refusalsbody(int fd, int client)
{
	ssize_t n, done = 0;

	must(write(fd, long_head, sizeof long_head - 1) == sizeof long_head - 1, "writing a head");
	n = write(fd, large, 100000);
	done += n > 0 ? n : 0;
	must(poll(&(struct pollfd){ client, POLLIN, 0 }, 1, 2000) == 1, "seeing the head");
	while (done < 500000) {
		n = write(fd, large, 500000 - done < 100000 ? (size_t)(500000 - done) : 100000);
		must(n > 0 || errno == EAGAIN, "writing the body");
		done += n > 0 ? n : 0;
		read_until(client, got, sizeof got, 5);
	}
}

static void refused(void)
{
	int client, fd = accept_own(&client), late = 0, cork = 0;
	socklen_t size = sizeof cork;

	set_int(fd, IPPROTO_TCP, TCP_NODELAY, is_how("nodelay"));
	fcntl(fd, F_SETFL, O_NONBLOCK);
	if (is_how("whole"))
		refusalswhole(fd, client);
	else
		refusalsbody(fd, client);
	unseen(SYS_getsockopt, fd, IPPROTO_TCP, TCP_CORK, (long)&cork, (long)&size, 0);
	for (int i = 0; i < 4; i++) {
		(void)!write(client, "GET / HTTP/1.1\r\n\r\n", 18);
		read_until(fd, got, 18, 1000);
		int64_t since = now_ns();
		must(write(fd, short_message, sizeof short_message - 1) > 0, "writing a message");
		late += arrival_ms(client, sizeof short_message - 1, since) >= 100;
	}
	report("TCP_CORK: %d, late: %d\n", cork, late);
}

/* Nothing of a message is held any more when its next pieces come, by sendfile. */
static void pieces(void)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 900000\r\n\r\n";
	int client, fd = accept_own(&client), file = memfd_create("body", 0), mss = 0, late = 0;
	socklen_t size = sizeof mss;
	off_t at = 0;
	size_t first = 500;

	must(ftruncate(file, 900000) == 0, "memfd");
	set_int(client, IPPROTO_TCP, TCP_QUICKACK, 0);
	set_int(fd, IPPROTO_TCP, TCP_NODELAY, is_how("nodelay"));
	if (is_how("exact")) { /* what was written fills its segments */
		getsockopt(fd, IPPROTO_TCP, TCP_MAXSEG, &mss, &size);
		first = 2 * (size_t)mss - (sizeof head - 1);
		(void)!write(fd, head, sizeof head - 1);
		must(sendfile(fd, file, &at, first) == (ssize_t)first, "sendfile");
	} else { /* the peer's next request acknowledges the message before, and so pushes this one */
		(void)!write(client, "GET /1 HTTP/1.1\r\n\r\nGET /2 HTTP/1.1\r\n\r\n", 38);
		read_until(fd, got, 38, 1000);
		(void)!write(fd, short_message, sizeof short_message - 1);
		read_until(client, got, sizeof short_message - 1, 1000);
		(void)!write(fd, head, sizeof head - 1);
		(void)!write(fd, large, first);
		(void)!write(client, "GET /3 HTTP/1.1\r\n\r\n", 19);
	}
	must(read_until(client, got, first + sizeof head - 1, 1000) == first + sizeof head - 1, "reading the first part");
	for (int i = 0; i < 3; i++) {
		sleep_us(30000);
		at = 0;
		int64_t since = now_ns();
		must(sendfile(fd, file, &at, 3000) == 3000, "sendfile");
		late += arrival_ms(client, 3000, since) >= 55;
	}
	report("late: %d\n", late);
}

/* --- a send buffer that sendfile has filled -------------------------------------------------------------------- */

/* A response that is a file. */
static size_t send_file(int fd, int file, size_t size)
{
	char head[100];
	int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %08zu\r\n\r\n", size);
	size_t done = 0;
	off_t at = 0;
	ssize_t r;

	must(ftruncate(file, (off_t)size) == 0, "memfd");
	fcntl(fd, F_SETFL, O_NONBLOCK);
	(void)!write(fd, head, (size_t)n);
	while (done < size && (r = sendfile(fd, file, &at, 65536)) > 0)
		done += (size_t)r;
	return done;
}

/* Response 1 is over just when the buffer is full: how much that takes is tried out on another connection. Then the head of
 * response 2, and the end. There may be room for the head after all; then it must arrive. */
static void full(void)
{
	int client[2], trial = accept_own(&client[0]), fd = accept_own(&client[1]), file = memfd_create("body", 0);
	size_t n = send_file(trial, file, 16 << 20);

	report("fd=%d", fd);
	send_file(fd, file, n);
	ssize_t r = write(fd, HEAD, HEAD_SIZE);
	int64_t since = now_ns();
	close(fd);
	bool waited = now_ns() - since > 100000000;
	n = read_until(client[1], got, sizeof got, 2000);
	bool lost = r > 0 && (n < HEAD_SIZE || memcmp(got + n - HEAD_SIZE, HEAD, HEAD_SIZE) != 0);
	report("close waited: %d, a head that was taken is lost: %d\n", waited, lost);
}

/* --- a buffer with some room, a head that is larger, and a call that may block --------------------------------- */

enum { NARROW = 8192, SNDBUF = 65536, ROOM = 6000, LONG_HEAD = 15904 };

static atomic_int ticks;

static void tick(int signal_number)
{
	(void)signal_number;
	atomic_fetch_add(&ticks, 1);
}

/* Takes as much as it may in 1000s; returns how much that was. */
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

/* Reads when the writer has been interrupted twice, or is done. */
static void *read_when_ticked(void *client)
{
	for (int ms = 0; atomic_load(&ticks) < 2 && !atomic_load(&over) && ms < 3000; ms++)
		sleep_us(1000);
	read_until(*(int *)client, got, sizeof got, 3000);
	return NULL;
}

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

/* --- memory that is not there ---------------------------------------------------------------------------------- */

enum { PAGE = 4096, MESSAGES_MAX = 1024 /* UIO_MAXIOV: the kernel looks at no more */ };

/* n readable bytes that end where nothing is. */
static char *edge(size_t n)
{
	size_t pages = (n + PAGE - 1) / PAGE * PAGE;
	char *p = mmap(NULL, pages + PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	must(p != MAP_FAILED && mprotect(p + pages, PAGE, PROT_NONE) == 0, "mmap");
	return p + pages - n;
}

/* To a pipe, as programs ask whether memory is there. And what is there is taken, to its last byte. */
static void unreadable(void)
{
	static const size_t sizes[] = { 1, 7, 8, 9, 12, 15, 16, 64 };
	const char *nothing = edge(0);
	int client, ends[2], fd = accept_own(&client), refusals = 0, taken = 0;

	must(pipe(ends) == 0, "pipe");
	for (size_t i = 0; i < sizeof sizes / sizeof *sizes; i++) {
		if (sizes[i] < 16)
			refusals += write(ends[1], nothing, sizes[i]) == -1 && errno == EFAULT;
		taken += write(ends[1], edge(sizes[i]), sizes[i]) == (ssize_t)sizes[i];
		taken += write(fd, edge(sizes[i]), sizes[i]) == (ssize_t)sizes[i];
	}
	report("EFAULT: %d of 6, taken: %d of 16\n", refusals, taken);
}

static void many_messages(void)
{
	struct mmsghdr *m = (struct mmsghdr *)(void *)edge(MESSAGES_MAX * sizeof *m);
	struct iovec one = { large, 1 };
	int client, fd = accept_own(&client);

	for (int i = 0; i < MESSAGES_MAX; i++)
		m[i].msg_hdr = (struct msghdr){ .msg_iov = &one, .msg_iovlen = 1 };
	report("sent: %d\n", sendmmsg(fd, m, 1 << 20, 0));
}

/* --- sandboxes ------------------------------------------------------------------------------------------------- */

#define NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ON(number, verdict) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, verdict)
#define ELSE(verdict) BPF_STMT(BPF_RET | BPF_K, verdict)

static void lock_in(void)
{
	struct sock_filter few[] = { NUMBER, ON(SYS_read, SECCOMP_RET_ALLOW), ON(SYS_write, SECCOMP_RET_ALLOW),
		ON(SYS_exit, SECCOMP_RET_ALLOW), ON(SYS_exit_group, SECCOMP_RET_ALLOW), ELSE(SECCOMP_RET_KILL_PROCESS) };
	struct sock_filter most[] = { NUMBER, ON(SYS_sendto, SECCOMP_RET_ERRNO | EPERM), ELSE(SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { sizeof few / sizeof *few, few };

	if (is_how("no sendto"))
		program = (struct sock_fprog){ sizeof most / sizeof *most, most };
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
	if (is_how("strict"))
		must((is_how("syscall") ? syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL)
			: prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) == 0, "strict mode");
	else
		must((is_how("syscall") ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)
			: prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) == 0, "a filter");
}

static void __attribute__((noreturn)) live_in_a_sandbox(int fd)
{
	bool head = is_how("held");
	ssize_t r[2] = { HEAD_SIZE, -1 };

	if (head)
		write_head(fd);
	lock_in();
	if (!head)
		r[0] = write(fd, HEAD, HEAD_SIZE);
	if (is_how("slow"))
		sleep_us(30000);
	r[1] = write(fd, large, BODY_SIZE);
	report("written: %zd and %zd\n", r[0], r[1]);
	syscall(SYS_exit, 0);
	abort();
}

/* By itself, or a worker of a server that has forked. */
static void sandbox(void)
{
	int fd = accept_peer(), status = 0;

	if (!is_how("worker"))
		live_in_a_sandbox(fd);
	pid_t pid = fork();
	if (pid == 0)
		live_in_a_sandbox(fd);
	must(pid > 0 && waitpid(pid, &status, 0) == pid, "fork");
	report("the worker's end: %#x\n", (unsigned)status);
}

/* --- before all constructors, and after main ------------------------------------------------------------------- */

enum { HIGH = 900 };

static struct { int close_range, closefrom, fork, execveat; } early;

static __attribute__((no_sanitize("address", "thread"))) void run_early(int argc, char **argv, char **environment)
{
	static char *const none[] = { NULL };
	int status = 0;
	pid_t pid;

	(void)environment;
	if (argc < 2 || strcmp(argv[1], "early") != 0)
		return;
	dup2(SHARED_FD, HIGH);
	early.close_range = close_range(HIGH, HIGH, 0) == 0 && fcntl(HIGH, F_GETFD) == -1;
	dup2(SHARED_FD, HIGH);
	closefrom(HIGH);
	early.closefrom = fcntl(HIGH, F_GETFD) == -1;
	pid = _Fork();
	if (pid == 0)
		_exit(7);
	early.fork = pid > 0 && waitpid(pid, &status, 0) == pid && WIFEXITED(status) && WEXITSTATUS(status) == 7;
	early.execveat = execveat(AT_FDCWD, "/nowhere/to/be/found", none, none, 0) == -1 && errno == ENOENT;
}

__attribute__((section(".preinit_array"), used)) static void (*const run_before_all)(int, char **, char **) = run_early;

static void report_early(void)
{
	int fd = accept_peer();

	report("close_range %d, closefrom %d, _Fork %d, execveat %d\n", early.close_range, early.closefrom, early.fork,
		early.execveat);
	write_head(fd);
	write_body(fd);
}

static int64_t ended;

static void at_exit(void)
{
	if (ended != 0)
		report("late: %d\n", now_ns() - ended >= 500000000);
}

static void *answer_once(void *argument)
{
	int client, fd = accept_own(&client);

	write_head(fd);
	write_body(fd);
	ended = now_ns();
	return argument;
}

/* The process ends with its last thread. */
static void last_thread(void)
{
	pthread_t thread;

	atexit(at_exit);
	pthread_create(&thread, NULL, answer_once, NULL);
	pthread_exit(NULL);
}

/* The recorder asks and writes what a sandbox does not allow, follows pointers, and takes its time: begin again without it.
 * It is the last of the preloads. */
static void leave_the_recorder(char **argv)
{
	char *preload = getenv("LD_PRELOAD"), *last = preload == NULL ? NULL : strrchr(preload, ':');

	if (getenv("RECORDER_LOG") == NULL)
		return;
	unsetenv("RECORDER_LOG");
	if (last != NULL)
		*last = '\0';
	else
		unsetenv("LD_PRELOAD");
	execv("/proc/self/exe", argv);
	must(false, "execv");
}

int main(int argc, char **argv)
{
	static const struct { const char *name; void (*run)(void); bool alone; } scenarios[] = {
		{ "closed-step-by-step", closed_step_by_step }, { "closed-in-a-crowd", closed_in_a_crowd, true },
		{ "many-heads", many_heads, true }, { "bodies-missed", bodies_missed, true },
		{ "cancelled", cancelled }, { "jumps", jumps }, { "dontwait", dontwait }, { "vfork-late", vfork_late },
		{ "vfork-order", vfork_order }, { "vfork-after", vfork_after }, { "unshared", unshared }, { "refused", refused },
		{ "pieces", pieces }, { "full", full }, { "interrupted", interrupted }, { "unreadable", unreadable, true },
		{ "many-messages", many_messages, true },
		{ "sandbox", sandbox, true }, { "early", report_early }, { "last-thread", last_thread },
	};

	how = argc > 2 ? argv[2] : "";
	shared = shared_map(SHARED_FD);
	memset(large, 'b', sizeof large);
	for (size_t i = 0; argc > 1 && i < sizeof scenarios / sizeof *scenarios; i++)
		if (strcmp(scenarios[i].name, argv[1]) == 0) {
			if (scenarios[i].alone)
				leave_the_recorder(argv);
			scenarios[i].run();
			return 0;
		}
	return 2;
}
