/* A life is one unusual way for a program to run, which p_hosts can be told to carry out. This is what the lives have
 * in common (common.c). */
#ifndef HOSTS_H
#define HOSTS_H

#include "../p_common.h"

#include <pthread.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* rows name only what they need */

enum { HEAD_SIZE = sizeof HEAD - 1, BODY_SIZE = 200, LARGE = 8 << 20 }; /* LARGE: more than a connection buffers */

struct life {
	const char *name;
	void (*run)(void);
	bool alone; /* runs without the recorder */
};

/* Each table ends with a life that has no name. */
extern const struct life closing_lives[], crowd_lives[], blocked_lives[], descriptor_lives[], full_lives[],
	memory_lives[], sandbox_lives[], moment_lives[];

extern const char *how;
extern char large[LARGE], got[2 * LARGE];

bool is_how(const char *word);

void write_head(int fd);
void write_body(int fd);

/* The start routine of a thread that writes a message with `large` as its body. `fd` points to the descriptor. */
void *write_large(void *fd);

/* Reads until the end of the stream, until `room` bytes have come, or until nothing has come for `silence_ms`. Returns
 * the count. */
size_t read_until(int fd, char *p, size_t room, int silence_ms);

/* Reads n bytes and returns how many ms after `since` (now_ns) they had come. Gives up after a second of silence. */
int arrival_ms(int fd, size_t n, int64_t since);

/* Waits until the count of unread bytes at `client` stops growing. As nobody reads, the writer is then blocked. */
void wait_until_blocked(int client);

/* Is this thread of the process in this state, as proc(5) calls it (S: it sleeps, Z: it has ended)? */
bool thread_is(pid_t tid, char state);

/* Joins a thread. False: it did not end within two seconds; it is left running. */
bool ends_soon(pthread_t thread);

/* Makes a connection within this process by way of the peer's listener, which is faster than accept_own() if many are
 * made. `buffer` is the client's SO_RCVBUF in bytes, 0 for the default. */
int accept_another(int *client, int buffer);

#endif
