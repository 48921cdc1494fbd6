/* Lives of p_hosts in which one number means two descriptors: in a child of vfork and its parent, or in threads that do
 * not share their descriptors. */
#include "hosts.h"

#include <sched.h>
#include <sys/wait.h>

/* --- children of vfork ------------------------------------------------------------------------ */

static atomic_int closing;

/* The child runs in the parent's memory but has descriptors of its own: closing one there does not close the parent's
 * connection, so the library must keep what it knows about that connection. */
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

/* The kernel holds the head and a part of the body. If the library forgot the connection at the child's close, they
 * would stay there for 200 ms. */
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

/* Another thread writes the body while the child closes the number. The test makes a send by the child slow, so that
 * the body would overtake a head sent there. */
static void vfork_order(void)
{
	int fd = accept_peer();
	pthread_t thread;

	write_head(fd);
	pthread_create(&thread, NULL, write_body_meanwhile, &fd);
	vfork_and_close(fd);
	pthread_join(thread, NULL);
}

/* The child's close must leave the parent's connection known: all three messages are joined. */
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

/* --- threads with descriptors of their own ---------------------------------------------------- */

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

/* The main thread writes a head, the other thread writes on its own connection of the same number, and the main thread
 * writes the body. The thread unshares while no thread is in a call, because the recorder has its log open during each
 * call. */
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

const struct life descriptor_lives[] = {
	{ "vfork-late", vfork_late },
	{ "vfork-order", vfork_order },
	{ "vfork-after", vfork_after },
	{ "unshared", unshared },
	{ NULL },
};
