#include "framing.h"

#include <string.h>

enum phase {                  /* what comes next */
	     PHASE_COUNTED,   /* data of a body of known length */
	     PHASE_CLOSE,     /* data until the connection ends */
	     PHASE_SIZE,      /* the digits of a chunk size, then the end of their line */
	     PHASE_EXTENSION, /* the rest of a chunk-size line */
	     PHASE_CHUNK,     /* data of a chunk */
	     PHASE_CHUNK_END, /* the line end behind a chunk's data */
	     PHASE_TRAILER,   /* trailer lines; the empty one ends the message */
	     PHASE_ENDED,     /* nothing: the message is complete */
	     PHASE_LOST,      /* unknown */
};

enum line {
	LINE_START,
	LINE_BEGUN, /* some of its bytes were seen */
	LINE_CR,    /* chunk-size line and chunk's end: only LF may follow; trailer: only a CR was seen so far */
};

static enum framing_verdict verdict(const struct framing *f)
{
	return f->phase == PHASE_ENDED ? FRAMING_END : f->phase == PHASE_LOST ? FRAMING_LOST : FRAMING_INSIDE;
}

static void await(struct framing *f, enum phase phase)
{
	f->phase = (uint8_t)phase;
	f->line = LINE_START;
}

enum framing_verdict framing_begin(struct framing *f, const struct http_head *head)
{
	*f = (struct framing){ .left = 0 };
	switch (head->body) {
	case BODY_NONE: await(f, PHASE_ENDED); break;
	case BODY_LENGTH:
		f->left = head->length;
		await(f, PHASE_COUNTED);
		break;
	case BODY_CHUNKED: await(f, PHASE_SIZE); break;
	case BODY_UNTIL_CLOSE: await(f, PHASE_CLOSE); break;
	}
	return verdict(f);
}

/* The value of a hexadecimal digit, or -1. */
static inline int hex(char c)
{
	unsigned char letter = (unsigned char)((c | 0x20) - 'a');
	unsigned char digit = (unsigned char)(c - '0');

	return digit < 10 ? digit : letter < 6 ? letter + 10 : -1;
}

static void size_line_ended(struct framing *f)
{
	await(f, f->left > 0 ? PHASE_CHUNK : PHASE_TRAILER);
}

/* One byte of a chunk-size line, up to its extensions. Some servers pad the size with blanks behind it. */
static void size_byte(struct framing *f, char c)
{
	int value = hex(c);

	if (f->line == LINE_CR ? c != '\n' : f->line == LINE_START && value < 0)
		await(f, PHASE_LOST);
	else if (c == '\n')
		size_line_ended(f);
	else if (c == '\r')
		f->line = LINE_CR;
	else if (c == ';' || c == ' ' || c == '\t')
		await(f, PHASE_EXTENSION);
	else if (value < 0 || f->left >> 60)
		await(f, PHASE_LOST);
	else {
		f->left = f->left << 4 | (unsigned)value;
		f->line = LINE_BEGUN;
	}
}

static void chunk_end_byte(struct framing *f, char c)
{
	if (c == '\n')
		await(f, PHASE_SIZE);
	else if (c == '\r' && f->line == LINE_START)
		f->line = LINE_CR;
	else
		await(f, PHASE_LOST);
}

/* Take the bytes of one trailer line, as far as they are here. Returns where they end. */
static const char *trailer(struct framing *f, const char *p, const char *end)
{
	const char *newline;

	if (f->line != LINE_BEGUN) {
		if (*p == '\n')
			await(f, PHASE_ENDED);
		else
			f->line = *p == '\r' && f->line == LINE_START ? LINE_CR : LINE_BEGUN;
		return p + 1;
	}
	newline = memchr(p, '\n', (size_t)(end - p));
	if (!newline)
		return end;
	f->line = LINE_START;
	return newline + 1;
}

/* Count n bytes of data, but no more than are left; if none are left afterwards, `next` follows. Returns how many were
 * counted. */
static size_t pass(struct framing *f, uint64_t n, enum phase next)
{
	if (n > f->left)
		n = f->left;
	f->left -= n;
	f->counted += n;
	if (f->left == 0)
		await(f, next);
	return n;
}

enum framing_verdict framing_follow(struct framing *f, const char *p, size_t n, size_t *consumed)
{
	const char *const start = p, *const end = p + n;
	const char *newline;

	while (p < end && verdict(f) == FRAMING_INSIDE) {
		switch ((enum phase)f->phase) {
		case PHASE_COUNTED: p += pass(f, (uint64_t)(end - p), PHASE_ENDED); break;
		case PHASE_CLOSE:
			f->counted += (uint64_t)(end - p);
			p = end;
			break;
		case PHASE_SIZE: size_byte(f, *p++); break;
		case PHASE_EXTENSION:
			newline = memchr(p, '\n', (size_t)(end - p));
			if (newline)
				size_line_ended(f);
			p = newline ? newline + 1 : end;
			break;
		case PHASE_CHUNK: p += pass(f, (uint64_t)(end - p), PHASE_CHUNK_END); break;
		case PHASE_CHUNK_END: chunk_end_byte(f, *p++); break;
		case PHASE_TRAILER: p = trailer(f, p, end); break;
		case PHASE_ENDED:
		case PHASE_LOST: break;
		}
	}
	*consumed = verdict(f) == FRAMING_END ? (size_t)(p - start) : n;
	return verdict(f);
}

bool framing_is_data(const struct framing *f, uint64_t n)
{
	return f->phase == PHASE_CLOSE || ((f->phase == PHASE_COUNTED || f->phase == PHASE_CHUNK) && n <= f->left);
}

bool framing_is_rest(const struct framing *f, uint64_t n)
{
	return f->phase == PHASE_COUNTED && n == f->left;
}

enum framing_verdict framing_skip(struct framing *f, uint64_t n)
{
	if (n == 0)
		return verdict(f);
	if (f->phase == PHASE_CLOSE)
		f->counted += n;
	else if (f->phase == PHASE_COUNTED && n <= f->left)
		pass(f, n, PHASE_ENDED);
	else if (f->phase == PHASE_CHUNK && n <= f->left)
		pass(f, n, PHASE_CHUNK_END);
	else
		await(f, PHASE_LOST); /* chunk-size lines were among them, or the start of another message */
	return verdict(f);
}
