#include "url.h"
#include "say.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>

#define LIKE "write it like http://localhost:8000/ or http://[::1]:8000/index.html"

enum { URL_MAX = 8000 };

/* The characters that a URL may have are the printable ones of ASCII without the blank. */
static bool is_plain(const char *text)
{
	for (; *text != '\0'; text++)
		if (*text <= ' ' || *text > '~')
			return false;
	return true;
}

static char *port_of(const char *text, const char *digits, size_t n)
{
	char *port = format("%.*s", (int)n, digits);
	if (n == 0 || n > 5 || strspn(port, "0123456789") != n || atoi(port) < 1 || atoi(port) > 65535)
		refuse("'%s' has no port from 1 to 65535 behind its colon: " LIKE, text);
	return port;
}

struct url url_read(const char *text)
{
	struct url u = { .text = text };
	const char *at = text;
	if (strncasecmp(text, "http://", 7) == 0)
		at += 7;
	else if (strncasecmp(text, "https://", 8) == 0)
		at += 8, u.secure = true;
	else
		refuse("'%s' does not begin with http://: " LIKE, text);
	if (strlen(text) > URL_MAX || !is_plain(text))
		refuse("the URL is longer than %d characters, or has blanks or others that no URL has: write them as "
		       "%%20 and the like",
		       URL_MAX);
	size_t length = strcspn(at, "/?#"), host;
	if (memchr(at, '@', length) != NULL)
		refuse("'%s' names a user, which is not supported: leave out what stands before the @", text);
	if (*at == '[') {
		const char *end = memchr(at, ']', length);
		if (end == NULL)
			refuse("'%s' has no ] behind its address: " LIKE, text);
		host = (size_t)(end + 1 - at);
		u.host = format("%.*s", (int)(host - 2), at + 1);
	} else {
		host = strcspn(at, ":/?#");
		u.host = format("%.*s", (int)host, at);
	}
	if (*u.host == '\0')
		refuse("'%s' names no host: " LIKE, text);
	if (host < length && at[host] != ':')
		refuse("'%s' has something else than a port behind its address: " LIKE, text);
	u.authority = format("%.*s", (int)length, at);
	u.port = host < length ? port_of(text, at + host + 1, length - host - 1) : u.secure ? "443" : "80";
	at += length;
	u.target = format("%s%.*s", *at == '/' ? "" : "/", (int)strcspn(at, "#"), at);
	return u;
}

struct addrinfo *url_find(const struct url *u, bool is_first)
{
	struct addrinfo hints = { .ai_socktype = SOCK_STREAM, .ai_flags = AI_NUMERICSERV }, *found;
	int failure = getaddrinfo(u->host, u->port, &hints, &found);
	if (failure != 0)
		(is_first ? refuse : fail)("the host '%s' is not found (%s): check its name", u->host,
		                           gai_strerror(failure));
	return found;
}
