/* Linked to another libc (musl): one request on a connection of its own, head and body by themselves, while a thread
 * waits for the answer. Says what came. */
#include <arpa/inet.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

static void *answer(void *listener)
{
	int fd = accept(*(int *)listener, NULL, NULL);
	char got[200];
	size_t n = 0;
	ssize_t r;

	while (n < 52 && (r = read(fd, got + n, sizeof got - n)) > 0)
		n += (size_t)r;
	printf("%zu bytes: %.17s...%.5s\n", n, got, got + 47);
	close(fd);
	return NULL;
}

int main(void)
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
	if (write(fd, head, strlen(head)) < 0 || write(fd, "hello", 5) < 0)
		return 1;
	pthread_join(thread, NULL);
	if ((pid = fork()) == 0)
		_exit(7);
	waitpid(pid, &status, 0);
	printf("a child: %d\n", WEXITSTATUS(status));
	return 0;
}
