/* p_whole number|signal writes a body that is longer than there is room for, for tests/preload/whole.c: it must be one
 * call, the program's own.
 *
 * number: while a thread waits in the body's write another one closes the descriptor, and the next connection gets the
 * number. signal: a handler with SA_RESTART interrupts the write. */
#include "p_pairs.h"

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>

enum { ROUNDS = 20, LONG_BODY = 4 << 20 };

static char body[LONG_BODY];
static struct pair at;

static void write_long_head(int fd)
{
	static const char head[] = "HTTP/1.1 200 OK\r\nContent-Length: 4194304\r\n\r\n";

	write_whole(fd, head, sizeof head - 1);
}

static void *write_body(void *argument)
{
	write_long_head(at.fd);
	*(ssize_t *)argument = write(at.fd, body, LONG_BODY);
	return NULL;
}

/* True: the first connection's peer got everything, and the connection that got its number got nothing. */
static bool changes_owner(int listener)
{
	static char got[LONG_BODY + 100];
	struct pair next;
	pthread_t writer;
	ssize_t taken = 0;
	size_t n;
	bool same, alone;

	at = pair_of(listener, 16384);
	must(pthread_create(&writer, NULL, write_body, &taken) == 0, "a thread");
	n = take(at.client, got, 60000, now_ns() + 5000 * MS);
	next.client = dial(listener, 0);
	close(at.fd);
	next.fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
	same = next.fd == at.fd;
	n += take(at.client, got, sizeof got, now_ns() + 5000 * MS);
	pthread_join(writer, NULL);
	alone = take(next.client, got, 1, now_ns() + 5 * MS) == 0;
	close(next.fd);
	close(next.client);
	close(at.client);
	return same && alone && taken == LONG_BODY && n > LONG_BODY;
}

static void come_back(int signal_number)
{
	(void)signal_number;
}

static void interrupt(int listener)
{
	struct sigaction action = { .sa_handler = come_back, .sa_flags = SA_RESTART };
	struct itimerval soon = { .it_value = { 0, 200000 } };
	struct pair p = pair_of(listener, 4096);
	ssize_t taken;

	sigaction(SIGALRM, &action, NULL);
	write_long_head(p.fd);
	setitimer(ITIMER_REAL, &soon, NULL);
	taken = write(p.fd, body, LONG_BODY);
	report("the write came back with a part: %d\n", taken > 0 && taken < LONG_BODY);
}

int main(int argc, char **argv)
{
	int listener, right = 0;

	shared = shared_map(SHARED_FD);
	memset(body, 'b', sizeof body);
	listener = listen_here();
	if (argc > 1 && strcmp(argv[1], "signal") == 0) {
		interrupt(listener);
		return 0;
	}
	for (int i = 0; i < ROUNDS; i++)
		right += changes_owner(listener);
	report("rounds in which all bytes came where they belong: %d\n", right);
	return 0;
}
