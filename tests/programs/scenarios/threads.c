/* Scenarios of p_scenarios for threads that share connections, read meanwhile, fork, or are cancelled. */
#include "scenarios.h"

#include <pthread.h>
#include <sys/wait.h>

struct relay {
	pthread_barrier_t head_written, body_written;
	int fd;
	unsigned first; /* where this connection's bodies begin in the endless body */
};

enum { RELAYED = 300, MESSAGES = 2000 };

static void *write_bodies(void *argument)
{
	struct relay *r = argument;
	char body[BODY_SIZE];

	for (unsigned i = 0; i < RELAYED; i++) {
		for (unsigned k = 0; k < BODY_SIZE; k++)
			body[k] = body_byte(r->first + i * BODY_SIZE + k);
		pthread_barrier_wait(&r->head_written);
		must(write(r->fd, body, BODY_SIZE) == BODY_SIZE, "writing a body");
		pthread_barrier_wait(&r->body_written);
	}
	return NULL;
}

static void *write_heads(void *argument)
{
	struct relay *r = argument;

	for (int i = 0; i < RELAYED; i++) {
		must(write(r->fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
		pthread_barrier_wait(&r->head_written);
		pthread_barrier_wait(&r->body_written);
	}
	return NULL;
}

/* Four connections; on each, one thread writes the heads and another one the bodies. */
static void relays(void)
{
	static struct relay relay[4];
	pthread_t heads[4], bodies[4];

	for (unsigned i = 0; i < 4; i++) {
		relay[i] = (struct relay){ .fd = accept_peer(), .first = i * 1000003 };
		pthread_barrier_init(&relay[i].head_written, NULL, 2);
		pthread_barrier_init(&relay[i].body_written, NULL, 2);
	}
	for (int i = 0; i < 4; i++) {
		pthread_create(&heads[i], NULL, write_heads, &relay[i]);
		pthread_create(&bodies[i], NULL, write_bodies, &relay[i]);
	}
	for (int i = 0; i < 4; i++) {
		pthread_join(heads[i], NULL);
		pthread_join(bodies[i], NULL);
	}
}

static void *read_to_end(void *argument)
{
	int fd = *(int *)argument;
	char piece[512];

	while (recv(fd, piece, sizeof piece, 0) > 0)
		;
	return NULL;
}

/* Another thread waits in recv() on the socket, or on a dup of it, all the while. */
static void reader(void)
{
	int fd = accept_peer(), reads = strcmp(how, "dup") == 0 ? dup(fd) : fd;
	pthread_t thread;

	pthread_create(&thread, NULL, read_to_end, &reads);
	sleep_us(2000);
	for (int i = 0; i < RELAYED; i++) {
		write_head(fd);
		write_body(fd);
	}
	report("all at the peer: %d\n", peer_has_all());
	shutdown(fd, SHUT_RDWR);
	pthread_join(thread, NULL);
}

static atomic_bool stop;

static void *write_messages(void *argument)
{
	int fd = *(int *)argument;
	char body[BODY_SIZE];

	memset(body, 'b', sizeof body);
	for (int i = 0; i < MESSAGES; i++) {
		must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
		must(write(fd, body, BODY_SIZE) == BODY_SIZE, "writing a body");
	}
	atomic_store(&stop, true);
	return NULL;
}

/* One thread forks while another one writes. */
static void forks(void)
{
	int fd = accept_peer(), failed = 0;
	pthread_t thread;

	pthread_create(&thread, NULL, write_messages, &fd);
	while (!atomic_load(&stop)) {
		pid_t pid = fork();
		int status = -1;
		if (pid == 0)
			_exit(0);
		failed += waitpid(pid, &status, 0) != pid || status != 0;
	}
	pthread_join(thread, NULL);
	report("children that failed: %d\n", failed);
}

/* A thread is cancelled somewhere in its writes. The connection can still be closed, and the next one works. */
static void cancelled(void)
{
	for (int i = 0; i < 4; i++) {
		int fd = accept_peer();
		pthread_t thread;
		void *result;
		atomic_store(&stop, false);
		pthread_create(&thread, NULL, write_messages, &fd);
		sleep_us(300 * i);
		pthread_cancel(thread);
		pthread_join(thread, &result);
		close(fd);
	}
	report("done\n");
}

const struct scenario thread_scenarios[] = {
	{ "relays", relays }, { "reader", reader }, { "forks", forks }, { "cancelled", cancelled }, { NULL, NULL },
};
