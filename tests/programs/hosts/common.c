/* What the lives of p_hosts have in common: they write messages, and play the peer themselves. */
#include "hosts.h"

#include <poll.h>
#include <sys/ioctl.h>

char large[LARGE], got[2 * LARGE];

bool is_how(const char *word)
{
	return strstr(how, word) != NULL;
}

void write_head(int fd)
{
	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
}

void write_body(int fd)
{
	must(write(fd, large, BODY_SIZE) == BODY_SIZE, "writing a body");
}

size_t read_until(int fd, char *p, size_t room, int silence_ms)
{
	size_t n = 0;
	ssize_t r;

	while (n < room && poll(&(struct pollfd){ fd, POLLIN, 0 }, 1, silence_ms) == 1 &&
	       (r = recv(fd, p + n, room - n, 0)) > 0)
		n += (size_t)r;
	return n;
}

int arrival_ms(int fd, size_t n, int64_t since)
{
	read_until(fd, got, n, 1000);
	return (int)((now_ns() - since) / 1000000);
}

void wait_until_blocked(int client)
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

void *write_large(void *argument)
{
	int fd = *(int *)argument;
	char head[100];

	int n = snprintf(head, sizeof head, "HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n", LARGE);
	(void)!write(fd, head, (size_t)n);
	(void)!write(fd, large, LARGE);
	return NULL;
}

bool thread_is(pid_t tid, char state)
{
	char path[64], found = 0;

	snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
	FILE *f = fopen(path, "r");
	bool known = f != NULL && fscanf(f, "%*d (%*[^)]) %c", &found) == 1;
	if (f != NULL)
		fclose(f);
	return known && found == state;
}

bool ends_soon(pthread_t thread)
{
	struct timespec limit;

	clock_gettime(CLOCK_REALTIME, &limit);
	limit.tv_sec += 2;
	return pthread_timedjoin_np(thread, NULL, &limit) == 0;
}

int accept_another(int *client, int buffer)
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
