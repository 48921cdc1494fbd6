/* A full socket, and who writes to it. */
#ifndef FUZZ_PLAY_FULL_H
#define FUZZ_PLAY_FULL_H

#include <pthread.h>

#include "play.h"

/* The peer reads no more, until it is told, or until its patience is at an end (board->forced). */
void stop_peer(int conn, int ms);
void let_peer_go(int conn);

enum filling {
	FILL_TO_END,  /* there is room for nothing */
	FILL_TO_EDGE, /* ... for what the last buffer still takes */
	FILL_NEARLY,  /* ... for one or two buffers */
	FILLINGS
};
uint32_t fill(int fd, enum filling filling, uint32_t salt);

/* Who looks at it runs beside it, or after it was cancelled, or jumped away from. */
struct writer {
	int fd, door;
	const char *p;
	uint32_t size, head, salt;
	volatile uint32_t known; /* so many bytes were accepted by calls that returned */
	volatile int error, tid;
	volatile bool in_body, over;
	pthread_t thread;
};

void write_on(struct writer *w);
/* A thread writes: it is blocked now (`in_body`: in the body), or over; else the result is false. */
bool start_writer(struct writer *w, bool in_body);

#endif
