/* Waiting for other threads of the process to come out of the library's code.
 *
 * A thread finds the library at work, and then makes calls of the library's own: questions about the socket, or the
 * program's write under another name (with MSG_MORE). Where that ends for all threads at once, those on their way
 * between the two have to be waited for. */
#ifndef ONEWRITE_PASSAGE_H
#define ONEWRITE_PASSAGE_H

/* Waits until each other thread has slept in a system call, or has had 0.2 ms of CPU time, since the call; 1 s at most.
 * Needs /proc; without it, waits for 10 ms. Takes a descriptor for moments. Changes errno. */
void passage_wait(void);

#endif
