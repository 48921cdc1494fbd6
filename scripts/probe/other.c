#include "other.h"
#include "heads.h"
#include "say.h"
#include "sockets.h"

#include <ctype.h>

#define TLS    "the server speaks TLS, and a head is encrypted before it is written"
#define HTTP_2 "the server speaks HTTP/2, and not HTTP/1.x"

/* The beginning of a conversation in TLS 1.2, with a few suites of ciphers that everyone knows. */
static const unsigned char client_hello[] = {
	0x16, 0x03, 0x01, 0x00, 0x2f, 0x01, 0x00, 0x00, 0x2b, 0x03, 0x03, 'o',  'n',  'e',  'w',  'r',  'i', 't',
	'e',  ' ',  'a',  's',  'k',  's',  ':',  ' ',  'i',  's',  ' ',  'i',  't',  ' ',  'T',  'L',  'S', '?',
	'?',  '?',  '?',  '?',  '?',  '?',  '?',  0x00, 0x00, 0x04, 0xc0, 0x2f, 0x00, 0x2f, 0x01, 0x00,
};

/* A record of TLS, which is an alert or a handshake. */
static bool is_record(const char *bytes, size_t n)
{
	return n >= 3 && (bytes[0] == 0x15 || bytes[0] == 0x16) && bytes[1] == 3;
}

/* A server of HTTP/2 begins with a frame of settings (RFC 9113, 3.4): a length of 24 bits, type 4, stream 0. */
static bool is_settings(const char *bytes, size_t n)
{
	return n >= 9 && bytes[0] == 0 && bytes[3] == 4 && memcmp(bytes + 5, "\0\0\0\0", 4) == 0;
}

/* Does it answer as TLS does, if it is greeted so? */
static bool answers_in_tls(struct asker *a)
{
	char bytes[16];
	asker_hang_up(a);
	if (!asker_connect(a) || !send_all(a->client.fd, (const char *)client_hello, sizeof client_hello))
		return false;
	ssize_t n = recv(a->client.fd, bytes, sizeof bytes, MSG_WAITALL);
	return n > 0 && is_record(bytes, (size_t)n);
}

/* Some servers of TLS answer a plain request by a plain response that says so. The last bytes that came are looked
 * through: they have the body of such a response. */
static bool asks_for_tls(const struct client *c)
{
	return memmem(c->bytes, c->have, "HTTPS", 5) != NULL || memmem(c->bytes, c->have, "SSL-enabled", 11) != NULL;
}

const char *other_protocol(struct asker *a, const struct answer *answer)
{
	const struct client *c = &a->client;
	size_t n = c->have - c->used;
	if (answer->response.failure == NULL && answer->response.status == 400)
		return asks_for_tls(c) ? TLS : NULL;
	if (answer->response.status != 0)
		return NULL;
	if (is_record(c->bytes + c->used, n))
		return TLS;
	if (is_settings(c->bytes + c->used, n))
		return HTTP_2;
	return n == 0 && answer->response.failure == NULL && answers_in_tls(a) ? TLS : NULL;
}

char *first_bytes(const struct asker *a)
{
	const struct client *c = &a->client;
	char *text = format("%.*s", (int)(c->have - c->used < 24 ? c->have - c->used : 24), c->bytes + c->used);
	for (char *p = text; *p != '\0'; p++)
		if (!isprint((unsigned char)*p))
			*p = '.';
	return text;
}
