/* A life that p_hosts can lead, and what the lives have in common (common.c). */
#ifndef HOSTS_H
#define HOSTS_H

#include "../p_common.h"

#include <pthread.h>

#pragma GCC diagnostic ignored "-Wmissing-field-initializers" /* rows say what they need and leave out the rest */

enum { HEAD_SIZE = sizeof HEAD - 1, BODY_SIZE = 200, LARGE = 8 << 20 }; /* more than fits where nobody reads */

struct life {
	const char *name;
	void (*run)(void);
	bool alone; /* without the recorder */
};

/* Each ends with a life that has no name. */
extern const struct life closing_lives[], crowd_lives[], blocked_lives[], descriptor_lives[], full_lives[],
	memory_lives[], sandbox_lives[], moment_lives[];

extern const char *how;
extern char large[LARGE], got[2 * LARGE];

bool is_how(const char *word);

void write_head(int fd);
void write_body(int fd);

/* A thread's whole life: it writes a message with `large` as its body on this connection (int *). */
void *write_large(void *fd);

/* What comes before the end, `room`, or so much silence. */
size_t read_until(int fd, char *p, size_t room, int silence_ms);

/* n bytes come: so long after `since`; at the latest after a second of silence. */
int arrival_ms(int fd, size_t n, int64_t since);

/* Somebody writes and nobody reads: until no byte more comes, and so the writer is blocked. */
void wait_until_blocked(int client);

/* Threads that never come back are left behind. */
bool ends_soon(pthread_t thread);

/* A connection within this process, by way of the peer's listener: many are made soon. buffer: the client's, 0: as it
 * comes. */
int accept_another(int *client, int buffer);

#endif
