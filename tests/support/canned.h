/* A server that answers each request by the same calls. */
#ifndef ONEWRITE_TESTS_CANNED_H
#define ONEWRITE_TESTS_CANNED_H

#include <stdbool.h>
#include <sys/socket.h>

/* Each piece is one write; %XX is a byte in it. Other pieces are orders:
 *	.50	a pause of 50 ms
 *	=5000	a write of so many bytes
 *	*	bytes without end
 *	close	ends the connection */
struct canned {
	const char *pieces[8];
	bool nodelay;         /* Nagle's algorithm is off */
	int family;           /* 0: AF_INET */
	const char *greeting; /* is sent before any request */
};

/* Starts it on loopback, in a process that ends with the test's. Returns its port, or 0 if there is no such family. */
unsigned canned_serve(const struct canned *c);

#endif
