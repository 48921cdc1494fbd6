/* onewrite --compare: a command's answers, bare and with the library. */
#ifndef ONEWRITE_PROBE_COMPARE_H
#define ONEWRITE_PROBE_COMPARE_H

#include <stdbool.h>

struct comparison {
	const char *url;
	bool head;
	const char *post, *picture; /* files, or NULL */
	const char *wrapper;        /* the script that runs a command with the library */
	bool force;
	char **settings; /* variables for the run with the library */
	char **command;
	unsigned count;    /* requests in a look */
	const char *title; /* NULL: there is one from the command; else rows only, as for one of several tables */
	const char *notes; /* a file that gets the words "stalled" and "uncounted", where this is so */
};

int compare(const struct comparison *c);

/* Prints a port of loopback that is free. */
int free_port(void);

/* One line: writes and segments per response, the median time in us, and a checksum of the response. The command is
 * started as it is. */
int measure(const struct comparison *c);

#endif
