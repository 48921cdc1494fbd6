/* What /proc says of a process. */
#ifndef ONEWRITE_JUDGE_PROCESS_H
#define ONEWRITE_JUDGE_PROCESS_H

#include <stdbool.h>

struct process {
	char *file;     /* the path that its program had when it was started */
	char *path;     /* a path by which the program can be read */
	char **command; /* the words by which it was started; the first one is `path` */
	char *loaded;   /* the library's path, if it is loaded; else NULL */
	bool replaced;  /* that file is no longer there, or another one */
	bool sandboxed; /* it has more filters of system calls (seccomp) than we have */
	char *tls;      /* the libraries for TLS that it has loaded; empty: none */
	char *http;     /* its program and libraries that have the text of an HTTP/1 head; empty: none */
	char *traffic;  /* what its sockets say (traffic_of) */
};

/* Reads it. Returns NULL; or why it cannot be read and what to do, as a sentence. */
char *process_read(struct process *p, const char *pid);

/* Is this the number of a process that runs? */
bool process_runs(const char *word);

#endif
