/* The other end of every connection, and the runner of one side: bare, or behind the shim in one of its modes. */
#ifndef FUZZ_PEER_H
#define FUZZ_PEER_H

#include <sys/types.h>

#include "program.h"

struct stream {
	int fd; /* -1: not open now */
	bool opened, ended;
	int error; /* how it ended: 0 with a FIN, else an errno */
	char *bytes;
	size_t n, room;
	uint64_t next;        /* a slow reader reads again then */
	uint64_t sent;        /* to the program */
	uint64_t stop_until;  /* it does not read before; 0: it does */
	uint64_t end_due;     /* the program is done: its end must have come by then; 0: it is not */
	uint32_t asked;       /* the READ whose bytes are to be sent; NOBODY: none ... */
	uint64_t asked_after; /* ... once so many bytes have come */
};

struct side {
	const char *name;    /* for people */
	const char *preload; /* NULL: bare */
	const char *join, *hold;
	const char *trace; /* a file, or NULL */
	uint32_t timeout;  /* ONEWRITE_TIMEOUT, microseconds */
	/* the rest is peer.c's */
	struct board *board;
	int board_fd, control, listeners[CONNS];
	int window[CONNS]; /* its listeners give this receive buffer; 0: whatever the kernel gives */
	pid_t runner;
	struct stream streams[CONNS];
	bool exited, hung;
	int status;
};

/* A run that takes longer never ends. */
extern uint64_t peer_patience_ns;

void side_start(struct side *s);
void side_stop(struct side *s);
/* Run the program on all these sides at the same time. Results are on their boards, bytes in their streams. */
void sides_run(struct side **sides, int n, const struct program *p);

/* stream.c: connection c of a side */
_Noreturn void die(const char *what);
void stream_listen(struct side *s, int c);
void stream_prepare(struct side *s, int c, const struct program *p);
void stream_connect(struct side *s, int c); /* to where the program listens */
void stream_accept(struct side *s, int c);
void stream_ask(struct side *s, int c, const struct message *m);
void stream_expect_end(struct side *s, int c, uint64_t now);
void stream_look_for_end(struct side *s, int c, uint64_t now);
void stream_stop(struct side *s, int c, uint64_t until);
void stream_go(struct side *s, int c, bool told);
void stream_receive(struct side *s, int c, uint64_t now);
void stream_drop(struct stream *st);

#endif
