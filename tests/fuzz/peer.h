/* The runner of one side (bare, or with the library in one of its modes), and the peer at the other end of every
 * connection. */
#ifndef FUZZ_PEER_H
#define FUZZ_PEER_H

#include <sys/types.h>

#include "program.h"

struct stream {
	int fd; /* -1: not open now */
	bool opened, ended;
	int error; /* how the stream ended: 0 with a FIN, else an errno */
	char *bytes;
	size_t n, room;
	uint64_t next;        /* when a slow reader reads again */
	uint64_t sent;        /* how many bytes were sent to the program */
	uint64_t stop_until;  /* the peer does not read before this moment; 0: it reads */
	uint64_t end_due;     /* the program has ended the connection, and the end must come by then; 0: it has not */
	uint32_t asked;       /* the READ whose bytes are to be sent once `asked_after` bytes have come; NOBODY: none */
	uint64_t asked_after; /* a count of bytes received */
};

struct side {
	const char *name;        /* as the reports call it */
	const char *preload;     /* the library's file; NULL: bare */
	const char *join, *hold; /* ONEWRITE_JOIN, ONEWRITE_HOLD; a hold of "observe" is ONEWRITE_OBSERVE */
	const char *trace;       /* the file for the library's trace, or NULL */
	uint32_t timeout;        /* ONEWRITE_TIMEOUT in microseconds */
	/* all fields below are peer.c's own */
	struct board *board;
	int board_fd, control, listeners[CONNS];
	int window[CONNS]; /* the receive buffer that each listener's connections get; 0: the kernel's default */
	pid_t runner;
	struct stream streams[CONNS];
	bool exited, hung;
	int status;
};

/* A run that takes longer than this is taken for one that never ends. */
extern uint64_t peer_patience_ns;

/* Starts the runner of a side, and the listeners of its peer. */
void side_start(struct side *s);
/* Ends the runner, and closes everything of the side. */
void side_stop(struct side *s);
/* Runs the program on all these sides at the same time. Afterwards the results are on their boards and the bytes in
 * their streams. */
void sides_run(struct side **sides, int n, const struct program *p);

/* stream.c: what the peer does with connection c of a side. */

void stream_listen(struct side *s, int c);
/* Resets the connection's state before a run of p. */
void stream_prepare(struct side *s, int c, const struct program *p);
void stream_connect(struct side *s, int c); /* connects to where the program listens */
void stream_accept(struct side *s, int c);
/* The program has come to a READ that asks: sends its bytes, now or once the peer has what was accepted. */
void stream_ask(struct side *s, int c, const struct message *m);
/* The program has ended the connection: its end must come within 30 ms. */
void stream_expect_end(struct side *s, int c, uint64_t now);
/* That time is over: sets board->late if the end has not come. */
void stream_look_for_end(struct side *s, int c, uint64_t now);
/* The peer stops reading; at `until` (ns) it goes on without being told. */
void stream_stop(struct side *s, int c, uint64_t until);
/* The peer reads again. told: the program has asked for that. */
void stream_go(struct side *s, int c, bool told);
void stream_receive(struct side *s, int c, uint64_t now);
/* Closes the peer's end with a reset. */
void stream_drop(struct stream *st);

#endif
