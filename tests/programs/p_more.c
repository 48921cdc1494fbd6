/* Bytes that the kernel was told have more to come, and nothing comes: p_more head|part|cancelled. (The test sees to it that the call
 * begins late, or takes long on its way back.) How long do they stay? */
#include "p_common.h"

#include <linux/sockios.h>
#include <pthread.h>

enum { LARGE = 1 << 20, END = 200, SOON_MS = 100 }; /* the kernel itself gives them up after 200 ms */

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

/* A head and so much of its body that it fills two segments, then the body's end, whose thread goes when the kernel has it. */
static void cancelled(void)
{
	int segment = 0;
	socklen_t size = sizeof segment;
	pthread_t thread;

	unseen(SYS_getsockopt, fd, IPPROTO_TCP, TCP_MAXSEG, (long)&segment, (long)&size, 0);
	snprintf(bytes, sizeof bytes, "HTTP/1.1 200 OK\r\nContent-Length: %8d\r\n\r\n", 2 * segment - 45 + END);
	bytes[strlen(bytes)] = 'b';
	put(bytes, 2 * (size_t)segment);
	sleep_us(50000);
	pthread_create(&thread, NULL, put_end, NULL);
	sleep_us(50000);
	pthread_cancel(thread);
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
	} else
		cancelled();
	left_soon();
	return 0;
}
