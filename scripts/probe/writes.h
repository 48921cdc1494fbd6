/* Counts what a program writes to sockets, by ptrace(2): it sees what really reaches the kernel. */
#ifndef ONEWRITE_PROBE_WRITES_H
#define ONEWRITE_PROBE_WRITES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <sys/types.h>

/* In memory that the counting process shares with the one that asks. */
struct writes {
	atomic_int pid;          /* of the program; 0: not started yet */
	atomic_bool counting;    /* set by the one that asks, while its requests are answered */
	atomic_ulong count;      /* write-type calls on sockets */
	atomic_bool forbidden;   /* the program cannot be traced */
	atomic_bool other_calls; /* it has system calls of another word size, whose numbers are others */
};

/* In the program's own process: lets its parent trace it. */
void writes_let_count(void);

/* In a process of its own, whose child the program is: follows it, its threads and its children until all have ended.
 * Returns the wait status of the program. */
int writes_count(pid_t program, struct writes *w);

#endif
