/* p_more head|part|cancelled|nested|retired|stalled|released tests how long the kernel keeps bytes that it was told are
 * followed by more (MSG_MORE or a cork) when nothing follows, for tests/preload/more.c. The test makes the call begin
 * late, or return late. */
#include "p_pairs.h"

#include <linux/sockios.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <sys/time.h>

enum { LARGE = 1 << 20, END = 200, SOON_MS = 100 }; /* SOON_MS: the kernel waits 200 ms */

static int fd;
static char bytes[LARGE];

static void put(const char *p, size_t n)
{
	must(write(fd, p, n) == (ssize_t)n, "writing");
}

static void left_soon(void)
{
	int64_t until = now_ns() + SOON_MS * INT64_C(1000000);
	int unsent = 1;

	while (unsent > 0 && now_ns() < until) {
		unseen(SYS_ioctl, fd, SIOCOUTQNSD, (long)&unsent, 0, 0, 0);
		sleep_us(1000);
	}
	report("left soon: %d\n", unsent == 0);
}

static void *put_end(void *unused)
{
	put(bytes, END);
	return unused;
}

/* Writes a head and so much of its body that both fill two segments, then at once, before the deadline makes a stream
 * of the message, the end of the body in another thread. Returns that thread. */
static pthread_t put_all_and_end(void)
{
	int segment = 0;
	socklen_t size = sizeof segment;
	pthread_t thread;

	unseen(SYS_getsockopt, fd, IPPROTO_TCP, TCP_MAXSEG, (long)&segment, (long)&size, 0);
	snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Length: %8d\r\n\r\n", 2 * segment - 45 + END);
	bytes[strlen(bytes)] = 'b';
	put(bytes, 2 * (size_t)segment);
	pthread_create(&thread, NULL, put_end, NULL);
	sleep_us(50000);
	return thread;
}

/* The thread is cancelled after the kernel has taken the end of the body. */
static void cancelled(void)
{
	pthread_t thread = put_all_and_end();

	pthread_cancel(thread);
	pthread_join(thread, NULL);
}

/* unshare(CLONE_FILES) makes the library retire while that write is under way: it does nothing any more, and must leave
 * no cork of its own behind. */
static void retired(void)
{
	int cork = -1;
	socklen_t size = sizeof cork;

	put_all_and_end();
	must(unshare(CLONE_FILES) == 0, "unshare");
	unseen(SYS_getsockopt, fd, IPPROTO_TCP, TCP_CORK, (long)&cork, (long)&size, 0);
	report("TCP_CORK is %d\n", cork);
}

/* A handler interrupts the call, writes a head to another connection, and jumps out of both calls. */
static sigjmp_buf out;
static struct pair other;

static void write_and_jump(int signal_number)
{
	(void)signal_number;
	write_head(other.fd);
	siglongjmp(out, 1);
}

static void nested(void)
{
	struct sigaction action = { .sa_handler = write_and_jump };
	struct itimerval soon = { .it_value = { 0, 50000 } };

	other = pair_of(listen_here(), 0);
	sigaction(SIGALRM, &action, NULL);
	setitimer(ITIMER_REAL, &soon, NULL);
	if (sigsetjmp(out, 1) == 0)
		put(HEAD, HEAD_SIZE);
}

/* A long body waits for a peer that has read a little of it and then stops. The helper must not look at that connection
 * all the time. */
static void *put_long(void *unused)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 8388608\r\n\r\n";

	write_whole(other.fd, head, sizeof head - 1);
	for (int i = 0; i < 8; i++)
		write_whole(other.fd, bytes, sizeof bytes);
	return unused;
}

static void stalled(void)
{
	static char got[300000];
	struct rusage before, after;
	pthread_t thread;

	other = pair_of(listen_here(), 4096);
	pthread_create(&thread, NULL, put_long, NULL);
	while (poll(&(struct pollfd){ other.fd, POLLOUT, 0 }, 1, 0) == 1)
		sleep_us(1000);
	report("read: %zu\n", take(other.client, got, sizeof got, now_ns() + 2000 * MS));
	sleep_us(200000);
	getrusage(RUSAGE_SELF, &before);
	sleep_us(500000); /* 100 times the timeout */
	getrusage(RUSAGE_SELF, &after);
	report("threads woke up seldom: %d\n", after.ru_nvcsw - before.ru_nvcsw < 30);
	unseen(SYS_exit_group, 0, 0, 0, 0, 0, 0);
}

/* A body waits for room beyond its deadline. Then the peer reads all of it, and the body goes on. */
static void *put_body(void *unused)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 1048976\r\n\r\n";

	write_whole(other.fd, head, sizeof head - 1);
	write_whole(other.fd, bytes, LARGE);
	for (int i = 0; i < 2; i++)
		write_whole(other.fd, bytes, END);
	return unused;
}

static bool is_corked(void)
{
	int cork = -1;
	socklen_t size = sizeof cork;

	unseen(SYS_getsockopt, other.fd, IPPROTO_TCP, TCP_CORK, (long)&cork, (long)&size, 0);
	return cork != 0;
}

static void released(void)
{
	char got[4096];
	int64_t until = now_ns() + 2000 * MS;
	pthread_t thread;

	other = pair_of(listen_with_segments(), 65536);
	report("fd=%d", other.fd);
	set_int(other.fd, SOL_SOCKET, SO_SNDBUF, 16384);
	pthread_create(&thread, NULL, put_body, NULL);
	while (poll(&(struct pollfd){ other.fd, POLLOUT, 0 }, 1, 0) == 1)
		sleep_us(1000);
	while (is_corked() && now_ns() < until)
		sleep_us(1000);
	report("corked for long: %d\n", is_corked());
	/* Slowly, so that the kernel has more than a segment unsent when the end is written: it comes after no pause.
	 */
	size_t n = 0, wanted = LARGE + 2 * END + 44;
	for (ssize_t r; n < wanted && (r = read(other.client, got, 4096)) > 0; sleep_us(200))
		n += (size_t)r;
	report("read: %zu\n", n);
	pthread_join(thread, NULL);
}

int main(int argc, char **argv)
{
	if (argc != 2)
		return 2;
	shared = shared_map(SHARED_FD);
	memset(bytes, 'b', sizeof bytes);
	fd = accept_peer();
	if (strcmp(argv[1], "head") == 0)
		put(HEAD, sizeof HEAD - 1);
	else if (strcmp(argv[1], "part") == 0) {
		memcpy(bytes, HEAD, sizeof HEAD - 1);
		put(bytes, sizeof HEAD - 1 + 100);
	} else if (strcmp(argv[1], "nested") == 0)
		nested();
	else if (strcmp(argv[1], "retired") == 0) {
		retired();
		return 0;
	} else if (strcmp(argv[1], "stalled") == 0)
		stalled();
	else if (strcmp(argv[1], "released") == 0)
		released();
	else
		cancelled();
	left_soon();
	return 0;
}
