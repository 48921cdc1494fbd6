/* Linked with musl, for tests/preload/names.c and tests/preload/conf.c: writes a request's head and body separately on
 * a connection of its own, while a thread waits for them, and prints what came. With `sendmsg` the body is sent with a
 * message header whose lengths are ints and whose padding is filled. With `dup3` another file takes the connection's
 * number after the head, by a call with a flag that glibc refuses. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *answer(void *listener)
{
	int fd = accept(*(int *)listener, NULL, NULL);
	char got[200] = "";
	size_t n = 0;
	ssize_t r;

	while (n < 52 && (r = read(fd, got + n, sizeof got - n)) > 0)
		n += (size_t)r;
	printf("%zu bytes: %.17s...%.5s\n", n, got, got + 47);
	close(fd);
	return NULL;
}

static ssize_t send_message(int fd, const char *bytes, size_t n)
{
	struct iovec iov = { (void *)bytes, n };
	struct msghdr header;

	memset(&header, 0xff, sizeof header);
	header.msg_name = NULL, header.msg_namelen = 0;
	header.msg_iov = &iov, header.msg_iovlen = 1;
	header.msg_control = NULL, header.msg_controllen = 0;
	return sendmsg(fd, &header, 0);
}

int main(int argc, char **argv)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	const char *head = "POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\n";
	int listener = socket(AF_INET, SOCK_STREAM, 0), fd = socket(AF_INET, SOCK_STREAM, 0), status;
	socklen_t size = sizeof at;
	pthread_t thread;
	pid_t pid;

	bind(listener, (struct sockaddr *)&at, size);
	listen(listener, 1);
	getsockname(listener, (struct sockaddr *)&at, &size);
	pthread_create(&thread, NULL, answer, &listener);
	if (connect(fd, (struct sockaddr *)&at, size) != 0)
		return 1;
	const char *how = argc > 1 ? argv[1] : "";
	if (write(fd, head, strlen(head)) < 0)
		return 1;
	if (strcmp(how, "dup3") == 0 && dup3(open("/dev/null", O_WRONLY), fd, 1) != fd)
		return 1;
	if ((strcmp(how, "sendmsg") == 0 ? send_message(fd, "hello", 5) : write(fd, "hello", 5)) < 0)
		return 1;
	pthread_join(thread, NULL);
	if ((pid = fork()) == 0)
		_exit(7);
	waitpid(pid, &status, 0);
	printf("a child: %d\n", WEXITSTATUS(status));
	return 0;
}
