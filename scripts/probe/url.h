/* The URL of a server, and the addresses that its host has. */
#ifndef ONEWRITE_PROBE_URL_H
#define ONEWRITE_PROBE_URL_H

#include <netdb.h>
#include <stdbool.h>

struct url {
	const char *text; /* as it was given */
	char *host;       /* without brackets */
	char *authority;  /* for the Host field */
	char *port;
	char *target; /* path and query */
	bool secure;  /* https */
};

/* Refuses what is no URL of a web server. */
struct url url_read(const char *text);

/* The host's addresses. If it has none, refuses where nothing was started before, and fails otherwise. */
struct addrinfo *url_find(const struct url *u, bool is_first);

#endif
