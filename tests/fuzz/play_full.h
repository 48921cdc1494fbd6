/* Writes to a full socket: how it is filled, and the writer that waits there. */
#ifndef FUZZ_PLAY_FULL_H
#define FUZZ_PLAY_FULL_H

#include <pthread.h>

#include "play.h"

/* Has the peer stop reading until it is told to go on, or until `ms` have passed (then board->forced is set). */
void stop_peer(int conn, int ms);
void let_peer_go(int conn);

enum filling {
	FILL_TO_END,  /* no room for any byte */
	FILL_TO_EDGE, /* room only for what the last buffer still takes */
	FILL_NEARLY,  /* room for one or two buffers */
	FILLINGS
};
uint32_t fill(int fd, enum filling filling, uint32_t salt);

/* The state of a writer. It is looked at by another thread meanwhile, or after the writer was cancelled or jumped away
 * from. */
struct writer {
	int fd, door;
	const char *p;
	uint32_t size, head, salt;
	volatile uint32_t known; /* how many bytes were accepted by calls that returned */
	volatile int error, tid;
	volatile bool in_body, over;
	pthread_t thread;
};

void write_on(struct writer *w);
/* Starts a thread that writes. True: it is now blocked (`in_body`: while it writes the body) or has finished. False: it
 * is neither after 60 ms. */
bool start_writer(struct writer *w, bool in_body);

#endif
