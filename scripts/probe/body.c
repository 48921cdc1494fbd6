#include <ctype.h>

#include "body.h"
#include "heads.h"

struct body body_of_request(const char *head, size_t size)
{
	if (head_field_is(head, size, "Transfer-Encoding", "chunked"))
		return (struct body){ .framing = BODY_IN_CHUNKS };
	return (struct body){ .left = head_number(head, size, "Content-Length") };
}

struct body body_of_response(const char *head, size_t size, unsigned status, const char *method)
{
	/* Behind 101, and behind the answer to CONNECT, the connection is no longer HTTP. */
	if (status == 101 || status == 204 || status == 304 || !strcmp(method, "HEAD") || !strcmp(method, "CONNECT"))
		return (struct body){ .left = 0 };
	if (head_field_is(head, size, "Transfer-Encoding", "chunked") || head_field(head, size, "Content-Length"))
		return body_of_request(head, size);
	return (struct body){ .framing = BODY_TO_CLOSE, .left = UINT64_MAX };
}

/* One byte of the chunked coding that is not data. */
static void read_framing(struct body *b, char byte)
{
	bool ends = byte == '\n' && b->last == '\r';

	if (b->at == CHUNK_SIZE) {
		if (isxdigit((unsigned char)byte) && b->digits == b->line) {
			b->left = b->left * 16 + (uint64_t)(byte <= '9' ? byte - '0' : (byte | 32) - 'a' + 10);
			b->digits++;
		} else if (b->digits == 0) {
			b->fault = "a chunk has no size";
		}
		if (ends)
			b->at = b->left > 0 ? CHUNK_DATA : TRAILERS;
	} else if (b->at == CHUNK_END) {
		if (b->line == 0 ? byte != '\r' : !ends)
			b->fault = "a chunk is longer than it said";
		if (ends)
			b->at = CHUNK_SIZE;
		b->digits = 0;
	} else if (ends) {
		b->at = b->line == 1 ? CHUNKS_READ : TRAILERS;
		b->has_trailers = b->has_trailers || b->line > 1;
	}
	b->last = byte;
	b->line = ends ? 0 : b->line + 1;
}

size_t body_read(struct body *b, const char *p, size_t n, size_t *data)
{
	bool in_chunks = b->framing == BODY_IN_CHUNKS;
	size_t framing = 0;

	while (in_chunks && framing < n && b->at != CHUNK_DATA && b->at != CHUNKS_READ && !b->fault) {
		read_framing(b, p[framing]);
		framing += b->fault == NULL;
	}
	*data = in_chunks && b->at != CHUNK_DATA ? 0 : n - framing;
	if (*data > b->left)
		*data = (size_t)b->left;
	b->left -= *data;
	if (b->at == CHUNK_DATA && b->left == 0)
		b->at = CHUNK_END;
	return framing;
}

bool body_is_whole(const struct body *b)
{
	return b->framing == BODY_IN_CHUNKS ? b->at == CHUNKS_READ : b->left == 0;
}
