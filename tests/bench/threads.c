/* What a message costs while other threads send messages on other connections.
 *
 *	threads COUNT MESSAGES     so many threads, each with a connection and a core of its own, so many messages each
 *	                           -> ns of the process's CPU time per message
 *
 * Both ends of a connection are in the same thread, so the threads have nothing in common but what the kernel and the
 * library share. Even one thread is a second one, for libc has other ways where there is only one. */
#include "message.h"

#include <limits.h>
#include <pthread.h>
#include <sched.h>

enum { MOST = 64, WARM = 200 };

static pthread_barrier_t warm, done;
static long messages;

struct worker {
	pthread_t thread;
	struct connection c;
	int core;
};

static void *work(void *argument)
{
	struct worker *w = argument;
	cpu_set_t own;
	CPU_ZERO(&own);
	CPU_SET(w->core, &own);
	sched_setaffinity(0, sizeof own, &own); /* with fewer cores than threads they share them */
	for (int i = 0; i < WARM; i++)
		exchange(&w->c);
	pthread_barrier_wait(&warm);
	for (long i = 0; i < messages; i++)
		exchange(&w->c);
	pthread_barrier_wait(&done);
	return NULL;
}

int main(int argc, char **argv)
{
	static struct worker workers[MOST];
	uint16_t port = 0;
	if (argc != 3)
		errx(2, "usage: threads COUNT MESSAGES");
	unsigned count = (unsigned)number("COUNT", argv[1], 1, MOST);
	messages = (long)number("MESSAGES", argv[2], 1, INT_MAX);
	int listener = server_listen(INADDR_LOOPBACK, &port, 0, 0), cores = (int)sysconf(_SC_NPROCESSORS_ONLN);
	pthread_barrier_init(&warm, NULL, count + 1);
	pthread_barrier_init(&done, NULL, count + 1);
	for (unsigned i = 0; i < count; i++) {
		workers[i].c = connection_make(listener, port);
		workers[i].core = (int)i % cores;
		if (pthread_create(&workers[i].thread, NULL, work, &workers[i]) != 0)
			err(1, "pthread_create");
	}
	pthread_barrier_wait(&warm);
	uint64_t before = now_ns(CLOCK_PROCESS_CPUTIME_ID);
	pthread_barrier_wait(&done);
	printf("%.1f\n", (double)(now_ns(CLOCK_PROCESS_CPUTIME_ID) - before) / (double)messages / count);
	for (unsigned i = 0; i < count; i++)
		pthread_join(workers[i].thread, NULL);
	return 0;
}
