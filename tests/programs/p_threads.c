/* p_threads NAME [HOW] interrupts writes by other threads, forks, cancellation and signal handlers that jump away, for
 * tests/preload/threads.c. */
#include "p_named.h"

#include <poll.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

enum { HEAD_SIZE = sizeof HEAD - 1, BODY_SIZE = 200, FORKERS = 4, WRITERS = 4, MESSAGES = 1000, JUMPS = 20 };

/* Writes n bytes in one call: a blocking socket takes all of them. */
static void write_piece(int fd, const char *p, ssize_t n)
{
	ssize_t r = write(fd, p, (size_t)n);

	if (r == n)
		return;
	report("write of %zd = %zd, errno %s\n", n, r, strerrorname_np(errno));
	exit(3);
}

static void write_message(int fd)
{
	char body[BODY_SIZE];

	memset(body, 'b', sizeof body);
	write_piece(fd, HEAD, HEAD_SIZE);
	write_piece(fd, body, BODY_SIZE);
}

/* A head's deadline passes, and the call by which the helper sends it takes long. What does the program have to wait
 * for? */
static void mid_emission(void)
{
	int fd = accept_peer(), next, null = open("/dev/null", O_RDWR);
	char body[BODY_SIZE] = { 0 }, byte;
	int64_t before;

	memset(body, 'b', sizeof body);
	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
	sleep_us(60000);
	before = now_ns();
	if (strcmp(how, "write") == 0)
		must(write(fd, body, BODY_SIZE) == BODY_SIZE, "writing a body");
	else if (strcmp(how, "recv") == 0)
		recv(fd, &byte, 1, MSG_DONTWAIT);
	else if (strncmp(how, "close", 5) == 0 && how[5] != '_')
		close(fd);
	else if (strcmp(how, "dup2") == 0)
		dup2(null, fd);
	else if (strcmp(how, "close_range") == 0)
		close_range((unsigned)fd, (unsigned)fd, 0);
	else {
		close(fd);
		next = accept_peer();
		must(next == fd, "the number coming around");
		write_message(next);
	}
	report("waited: %d\n", now_ns() - before > 50000000);
	if (strcmp(how, "close, exec") == 0)
		execl("/bin/true", "true", (char *)NULL);
	if (strcmp(how, "close, _exit") == 0)
		_exit(0);
	if (strcmp(how, "close, exit") != 0)
		sleep_us(200000);
}

/* --- forks ------------------------------------------------------------------------------------ */

static atomic_int writing = WRITERS;
static atomic_int failed;

static void *write_messages(void *argument)
{
	for (int i = 0; i < MESSAGES; i++)
		write_message(*(int *)argument);
	atomic_fetch_sub(&writing, 1);
	return NULL;
}

static void *fork_on(void *argument)
{
	(void)argument;
	while (atomic_load(&writing) > 0) {
		int status = -1;
		pid_t pid = fork();
		if (pid == 0)
			_exit(0);
		atomic_fetch_add(&failed, waitpid(pid, &status, 0) != pid || status != 0);
	}
	return NULL;
}

/* Four threads fork as often as they can while four others write messages. No child may hang or fail. */
static void forks(void)
{
	pthread_t writer[WRITERS], forker[FORKERS];
	int fd[WRITERS];

	for (int i = 0; i < WRITERS; i++)
		fd[i] = accept_peer();
	for (int i = 0; i < WRITERS; i++)
		pthread_create(&writer[i], NULL, write_messages, &fd[i]);
	for (int i = 0; i < FORKERS; i++)
		pthread_create(&forker[i], NULL, fork_on, NULL);
	for (int i = 0; i < WRITERS; i++)
		pthread_join(writer[i], NULL);
	for (int i = 0; i < FORKERS; i++)
		pthread_join(forker[i], NULL);
	report("children that failed: %d\n", atomic_load(&failed));
}

/* --- writes that are left in the middle ------------------------------------------------------- */

enum { LARGE = 4 << 20 }; /* more than any send buffer takes at once */

static char large[LARGE];

static void *write_large(void *argument)
{
	int fd = *(int *)argument;

	(void)!write(fd, HEAD, HEAD_SIZE);
	(void)!write(fd, large, LARGE);
	return NULL;
}

/* A thread is cancelled in a write that blocks; another one goes on writing on that socket. */
static void cancelled(void)
{
	int fd = accept_peer();
	pthread_t thread;

	pthread_create(&thread, NULL, write_large, &fd);
	sleep_us(30000);
	pthread_cancel(thread);
	pthread_join(thread, NULL);
	write_message(fd);
	write_message(fd);
	report("done\n");
}

static sigjmp_buf out;

static void jump(int signal_number)
{
	(void)signal_number;
	siglongjmp(out, 1);
}

/* A timer's handler jumps out of whatever the thread is doing: with `blocked` a write that blocks, otherwise any of
 * many writes that do not. */
static void jumps(void)
{
	struct sigaction leave = { .sa_handler = jump, .sa_flags = SA_NODEFER };
	int first = accept_peer(), second = accept_peer();
	volatile int i;

	sigaction(SIGALRM, &leave, NULL);
	for (i = 0; i < JUMPS; i++) {
		struct itimerval soon = { .it_value = { 0, strcmp(how, "blocked") == 0 ? 20000 : 300 + 137 * i } },
				 never = { { 0, 0 }, { 0, 0 } };
		if (sigsetjmp(out, 1) == 0) {
			setitimer(ITIMER_REAL, &soon, NULL);
			if (strcmp(how, "blocked") == 0)
				write_large(&first);
			else
				for (;;)
					write_message(first);
		}
		setitimer(ITIMER_REAL, &never, NULL);
		write_message(first);
		write_message(second);
	}
	report("done\n");
}

int main(int argc, char **argv)
{
	static const struct named scenarios[] = {
		{ "mid-emission", mid_emission },
		{ "forks", forks },
		{ "cancelled", cancelled },
		{ "jumps", jumps },
	};

	named_begin(argc, argv);
	memset(large, 'l', sizeof large);
	return named_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
