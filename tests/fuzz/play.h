/* What the files of the player share: the player carries out the actors' operations. */
#ifndef FUZZ_PLAY_H
#define FUZZ_PLAY_H

#include "program.h"

#include <errno.h>
#include <linux/futex.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

enum { STALL_MS = 3000 };

extern struct board *board;
extern const struct program *program;

/* The descriptors in an actor's table; -1: none. */
static inline int *fds(int actor)
{
	return board->fds[board->table[actor]];
}

static inline int *watches(int actor)
{
	return board->watches[board->table[actor]];
}

/* play.c */

/* Carries out the actor's operations from number `from` on, and then waits for every task that it began. */
void act(int actor, uint32_t from);
/* Unblocks or blocks the timer's signal in this thread, if the program has a timer. */
void open_to_ticks(bool open);
void changed(void); /* wakes all tasks that wait in WAIT_UNTIL */
int64_t now_us(void);
void pause_us(int64_t us);
/* Waits until the peer has all that was accepted so far, without any call that a library could see. */
void await_peer(int conn);
/* Sends a message to the peer. */
void tell_peer(enum telling what, int conn, int op, int32_t value);

#define WAIT_UNTIL(condition)                                                              \
	do {                                                                               \
		struct timespec t_ = { 0, 20000000 };                                      \
		uint32_t seen_ = atomic_load(&board->turn);                                \
		if (condition)                                                             \
			break;                                                             \
		atomic_fetch_add(&board->waiting, 1);                                      \
		if (!(condition))                                                          \
			syscall(SYS_futex, &board->turn, FUTEX_WAIT, seen_, &t_, NULL, 0); \
		atomic_fetch_sub(&board->waiting, 1);                                      \
	} while (1)

/* play_write.c */
bool is_nonblocking(int fd);
void write_piece(const struct op *o, int fd, int watch, struct result *r);
/* Makes one call through this door. */
ssize_t through(int door, int fd, const char *p, size_t n, int flags, struct chance *c);
/* Writes the operation's bytes through this door, to the last one: waits for room where a non-blocking socket has
 * none, by the epoll descriptor `watch` or, if that is -1, by poll. */
void write_through(const struct op *o, int door, int fd, int watch, struct result *r);
/* Writes the operation's bytes through the handle's FILE, which it makes if need be. */
void print_piece(const struct op *o, int fd, struct result *r);
/* Returns fflush()'s result; SKIPPED: there is no FILE. */
int flush_file(int h);
/* Writes out what the handle's FILE holds, and forgets the FILE without closing it: the descriptor stays open. */
void forget_file(int h);
/* Closes the handle's FILE and returns fclose()'s result; 1: there is no FILE. */
int close_file(int h);

/* play_read.c */
void read_piece(const struct op *o, int fd, struct result *r);
void look(const struct op *o, int fd);

/* play_fd.c */
void open_connection(const struct op *o, struct result *r);
void duplicate(const struct op *o, int fd, struct result *r);
void pass(int fd, struct result *r);
void take(const struct op *o, struct result *r);
void close_one(const struct op *o, int fd, struct result *r);
void close_all(const struct op *o, struct result *r);

/* play_leave.c */
void leave_at_deadline(const struct op *o, int fd, int watched, struct result *r);

/* play_option.c */
void set_option(const struct op *o, int fd, struct result *r);
void get_option(const struct op *o, int fd, struct result *r);

/* play_clone.c */
void begin_clone(const struct op *o, struct result *r);
void unshare_table(const struct op *o, struct result *r);

/* play_full.c, play_rival.c */
void write_to_full(const struct op *o, int fd, struct result *r);
void write_beside_rival(const struct op *o, int fd, struct result *r);

/* play_process.c */
void copy_table(int actor, int to);
void move_to_table(int actor, int to); /* a copy of the actor's table */
/* Starts the thread that makes a clone and waits for its end. */
void begin_carrier(const struct op *o, void *(*carry)(void *));
void begin_thread(const struct op *o, struct result *r);
void begin_process(const struct op *o, struct result *r);
void spawn_piece(const struct op *o, int fd, struct result *r);
void go_on_in_new_image(const struct op *o, struct result *r);
void fail_to_exec(const struct op *o, struct result *r);
void wait_for(pid_t pid, int *status);
/* Waits for every task that this actor began. */
void reap(int actor);
/* Ends the process in the way that the program has for this actor. */
_Noreturn void end_process(int actor);

#endif
