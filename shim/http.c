#include "http.h"

#include <string.h>
#ifdef __SSE2__
#include <emmintrin.h>
#endif

/* A message that is badly framed is read in the way in which the library does least: a response lasts until the
 * connection is closed, a request is unclear and sent at once. Peers read such messages differently, and nothing here
 * depends on which of them is right. */

/* Not inline, so that rare code does not cost the common path registers. */
#define BESIDE __attribute__((noinline))

/* What the fields of a head have said so far. */
struct facts {
	uint64_t length;
	enum { LENGTH_ABSENT, LENGTH_GIVEN, LENGTH_BAD } length_is;
	enum { CODING_ABSENT, CODING_CHUNKED, CODING_OTHER } coding; /* the last one named, which frames the body */
	bool expect;
	bool upgrade;
	bool stream;
};

static inline bool digit(char c)
{
	return (unsigned char)(c - '0') < 10;
}

static inline bool letter(char c)
{
	return (unsigned char)((c | 0x20) - 'a') < 26;
}

/* A line end within a folded value (RFC 9112 section 5.2) counts as a blank. */
static inline bool blank(char c)
{
	return (unsigned char)c <= ' ' && (c == ' ' || c == '\t' || c == '\r' || c == '\n');
}

static inline const char *skip_blanks(const char *p, const char *end)
{
	while (p < end && blank(*p))
		p++;
	return p;
}

/* Do eight bytes equal the eight of `word`, whatever the case of their letters? `word` has only lower-case letters, '-'
 * and '/'. The two cases of a letter differ in the bit 0x20; of the bytes of `word` only letters have the bit 0x40. */
static inline bool same_eight(const char *p, const char *word)
{
	uint64_t a, b;

	memcpy(&a, p, 8);
	memcpy(&b, word, 8);
	return ((a ^ b) & ~((b & 0x4040404040404040) >> 1)) == 0;
}

/* The same for n bytes. strncasecmp() would ask the locale, and names are what costs most in a head. */
static inline bool same(const char *p, const char *word, size_t n)
{
	size_t i;

	if (n < 8) {
		for (i = 0; i < n && ((p[i] ^ word[i]) & ~((word[i] & 0x40) >> 1)) == 0; i++)
			;
		return i == n;
	}
	for (i = 0; i + 8 < n; i += 8) {
		if (!same_eight(p + i, word + i))
			return false;
	}
	return same_eight(p + (n - 8), word + (n - 8));
}

/* Is the value that begins at p this word, parameters aside? */
static inline bool starts(const char *p, const char *end, const char *word, size_t n)
{
	return (size_t)(end - p) >= n && same(p, word, n) && (p + n == end || p[n] == ';' || blank(p[n]));
}

#define STARTS(value, end, word) starts(value, end, word, sizeof(word) - 1)

/* Content-Type: is it one of a stream, that is of events, or of the pictures of a camera? */
static BESIDE void note_type(struct facts *facts, const char *p, const char *end)
{
	p = skip_blanks(p, end);
	if (STARTS(p, end, "text/event-stream") || STARTS(p, end, "multipart/x-mixed-replace"))
		facts->stream = true;
}

/* Content-Length in any form. RFC 9112 section 6.3: a list that repeats one valid number counts as that number. */
static BESIDE void note_lengths(struct facts *facts, const char *p, const char *end)
{
	do {
		const char *first = p = skip_blanks(p, end);
		uint64_t length = 0;
		bool good = facts->length_is != LENGTH_BAD;

		for (; p < end && digit(*p); p++) {
			good &= !__builtin_mul_overflow(length, 10, &length) &&
			        !__builtin_add_overflow(length, (uint64_t)(*p - '0'), &length);
		}
		good = good && p > first && (facts->length_is == LENGTH_ABSENT || facts->length == length);
		p = skip_blanks(p, end);
		if (!good || (p < end && *p != ',')) {
			facts->length_is = LENGTH_BAD;
			return;
		}
		facts->length_is = LENGTH_GIVEN;
		facts->length = length;
	} while (p++ < end);
}

/* Content-Length: nearly always one number, behind a blank. */
static BESIDE void note_length(struct facts *facts, const char *value, const char *end)
{
	enum { SURELY_FIT = 19 }; /* digits: 10^19 < 2^64 */
	const char *p = value + (*value == ' '), *first = p;
	uint64_t length = 0;

	while (p < end && digit(*p))
		length = length * 10 + (unsigned char)(*p++ - '0');
	if (p < end || p == first || p - first > SURELY_FIT || facts->length_is != LENGTH_ABSENT) {
		note_lengths(facts, value, end);
		return;
	}
	facts->length_is = LENGTH_GIVEN;
	facts->length = length;
}

/* Transfer-Encoding: the last coding counts, for codings are applied in the order named. "identity" is an old word for
 * none. */
static BESIDE void note_coding(struct facts *facts, const char *p, const char *end)
{
	while (p < end) {
		const char *comma = memchr(p, ',', (size_t)(end - p));
		const char *stop = comma ? comma : end;

		p = skip_blanks(p, stop);
		if (p < stop && !STARTS(p, stop, "identity")) {
			while (blank(stop[-1]))
				stop--;
			facts->coding = stop - p == 7 && same(p, "chunked", 7) ? CODING_CHUNKED : CODING_OTHER;
		}
		p = comma ? comma + 1 : end;
	}
}

/* The value of this line's field, if the field has this name; else NULL. */
static inline const char *value_of(const char *line, const char *end, const char *name, size_t n)
{
	const char *p = line + n;

	if (p >= end || !same(line, name, n))
		return NULL;
	if (*p == ':')
		return p + 1;
	while (*p == ' ' || *p == '\t') /* some old servers pad the name */
		p++;
	return *p == ':' ? p + 1 : NULL;
}

/* What a line can be, by its first byte: the empty line, a field whose value matters here (by its letter), or any
 * other. */
enum line { LINE_OTHER, LINE_EMPTY, LINE_C, LINE_E, LINE_T, LINE_U, LINE_X };

static const uint8_t line_of[256] = {
	['\r'] = LINE_EMPTY, ['\n'] = LINE_EMPTY, ['c'] = LINE_C, ['e'] = LINE_E, ['t'] = LINE_T, ['u'] = LINE_U,
	['x'] = LINE_X,      ['C'] = LINE_C,      ['E'] = LINE_E, ['T'] = LINE_T, ['U'] = LINE_U, ['X'] = LINE_X,
};

/* Can this line be such a field, by its first four bytes? */
static inline bool may_be_known(enum line kind, const char *line)
{
	static const char first[][8] = {
		[LINE_C] = "cont", [LINE_E] = "expe", [LINE_T] = "tran", [LINE_U] = "upgr", [LINE_X] = "x-ac"
	};
	uint32_t a, b;

	memcpy(&a, line, 4);
	memcpy(&b, first[kind], 4);
	return (a | 0x20202020) == b;
}

/* Note a field whose value may matter: its line, and the lines that continue it, up to the LF at `end`. */
static BESIDE void note_field(struct facts *facts, const char *line, const char *end)
{
	const enum line kind = line_of[(unsigned char)*line];
	const char *value;

	end -= end[-1] == '\r';
#define NAMED(name) (value = value_of(line, end, name, sizeof(name) - 1))
	if (kind == LINE_C) {
		if (NAMED("content-length"))
			note_length(facts, value, end);
		else if (NAMED("content-type"))
			note_type(facts, value, end);
	} else if (kind == LINE_T) {
		if (NAMED("transfer-encoding"))
			note_coding(facts, value, end);
	} else if (kind == LINE_E) {
		/* whatever is expected (only 100-continue is defined), the peer answers before the body */
		facts->expect |= NAMED("expect") != NULL;
	} else if (kind == LINE_U) {
		facts->upgrade |= NAMED("upgrade") != NULL;
	} else if (kind == LINE_X) {
		if (NAMED("x-accel-buffering"))
			facts->stream |= STARTS(skip_blanks(value, end), end, "no");
	}
#undef NAMED
}

/* RFC 9110 section 5.6.2 */
static inline bool token(char c)
{
	return letter(c) || digit(c) || memchr("!#$%&'*+-.^_`|~", c, 15);
}

/* The end of "METHOD SP target SP" at p, or NULL. */
static const char *behind_target(const char *p, const char *end)
{
	enum { METHOD_MAX = 32 };
	const char *first = p;

	while (p < end && p - first <= METHOD_MAX && token(*p))
		p++;
	if (p == end || p - first > METHOD_MAX || *p != ' ')
		return NULL;
	first = ++p;
	while (p < end && (unsigned char)*p > ' ' && *p != 0x7f)
		p++;
	return p > first && p < end && *p == ' ' ? p + 1 : NULL;
}

static inline bool names_version(const char *p, const char *end)
{
	return end - p >= 7 && memcmp(p, "HTTP/1.", 7) == 0;
}

/* The end of "HTTP/1." in the start line of a request, or NULL. */
static BESIDE const char *behind_request_version(const char *p, const char *end)
{
	if (!http_may_open(p, (size_t)(end - p)))
		return NULL;
	p = behind_target(p, end);
	return p && names_version(p, end) ? p + 7 : NULL;
}

/* The end of "HTTP/1." in the start line that these bytes begin with, or NULL. The bytes may end there. */
static inline const char *behind_version(const char *p, size_t n)
{
	const char *end = p + n;

	if (n < 8)
		return NULL;
	p = names_version(p, end) ? p + 7 : behind_request_version(p, end);
	return p && (p == end || digit(*p)) ? p : NULL;
}

bool http_opens(const char *p, size_t n)
{
	return behind_version(p, n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX) != NULL;
}

size_t http_ends(const char *p, size_t n, size_t seen)
{
	const char *end = p + n;
	const char *newline = p + (seen > 2 ? seen : 2);

	while (newline < end && (newline = memchr(newline, '\n', (size_t)(end - newline)))) {
		if (newline[-1] == '\n' || (newline[-1] == '\r' && newline[-2] == '\n'))
			return (size_t)(newline + 1 - p);
		newline++;
	}
	return 0;
}

/* The status code in " 200" and a blank at p: three digits, 100 or more. 0: anything else is there. */
static inline uint16_t status_of(const char *p)
{
	if (p[0] != ' ' || !digit(p[1]) || p[1] == '0' || !digit(p[2]) || !digit(p[3]) || !blank(p[4]))
		return 0;
	return (uint16_t)((p[1] - '0') * 100 + (p[2] - '0') * 10 + (p[3] - '0'));
}

static enum http_body body_of(const struct facts *facts, enum http_body unframed)
{
	if (facts->coding == CODING_CHUNKED)
		return BODY_CHUNKED;
	if (facts->coding == CODING_OTHER || facts->length_is == LENGTH_BAD)
		return BODY_UNTIL_CLOSE;
	if (facts->length_is == LENGTH_ABSENT)
		return unframed;
	return facts->length > 0 ? BODY_LENGTH : BODY_NONE;
}

static void announce_request(struct http_head *head, const struct facts *facts)
{
	head->body = head->method == METHOD_CONNECT ? BODY_NONE : body_of(facts, BODY_NONE);
	if (head->method == METHOD_CONNECT)
		head->at_once = AT_ONCE_TUNNEL;
	else if (facts->upgrade)
		head->at_once = AT_ONCE_UPGRADE;
	else if (facts->expect)
		head->at_once = AT_ONCE_EXPECT;
	else if (head->body == BODY_NONE)
		head->at_once = AT_ONCE_NO_BODY;
	else if (head->body == BODY_UNTIL_CLOSE)
		head->at_once = AT_ONCE_UNCLEAR;
}

/* An Upgrade field in a response without 101 only advertises (Apache sends one with every 200), so it is ignored. */
static void announce_response(struct http_head *head, const struct facts *facts)
{
	bool tunnel = head->status == 101 ||
	              (head->method == METHOD_CONNECT && head->status >= 200 && head->status <= 299);
	bool bare = head->status < 200 || head->status == 204 || head->status == 304 || head->method == METHOD_HEAD;

	head->body = tunnel || bare ? BODY_NONE : body_of(facts, BODY_UNTIL_CLOSE);
	if (tunnel)
		head->at_once = AT_ONCE_TUNNEL;
	else if (head->body == BODY_NONE)
		head->at_once = AT_ONCE_NO_BODY;
	else if (facts->stream)
		head->at_once = AT_ONCE_STREAM;
}

/* Lines are found in windows of this many bytes, with one bit for each byte: does a line start there? */
enum { WINDOW = 64 };

#if defined(__SSE2__) && !defined(HTTP_PORTABLE)

static inline unsigned ends_in_16(const __m128i *p)
{
	return (unsigned)_mm_movemask_epi8(_mm_cmpeq_epi8(_mm_loadu_si128(p), _mm_set1_epi8('\n')));
}

static inline uint64_t ends_in_window(const char *start)
{
	const __m128i *p = (const void *)start;

	return (ends_in_16(p) | ends_in_16(p + 1) << 16) | (uint64_t)(ends_in_16(p + 2) | ends_in_16(p + 3) << 16)
	                                                           << 32;
}

/* The line starts in the window at p, with start < p < end. Only bytes from `start` to `end` are read. */
static inline uint64_t line_starts(const char *start, const char *p, const char *end)
{
	ptrdiff_t beyond = WINDOW - (end - p);
	uint64_t starts = 0;

	if (beyond <= 0)
		return ends_in_window(p - 1);
	if (p - 1 - start >= beyond)
		return ends_in_window(p - 1 - beyond) >> beyond;
	for (size_t i = 0; p + i < end; i++)
		starts |= (uint64_t)((p - 1)[i] == '\n') << i;
	return starts;
}

#else

static inline uint64_t line_starts(const char *start, const char *p, const char *end)
{
	uint64_t starts = 0;
	const char *q = p - 1, *last = end - p < WINDOW ? end - 1 : q + WINDOW;

	(void)start;
	for (; (q = memchr(q, '\n', (size_t)(last - q))); q++)
		starts |= UINT64_C(1) << (q + 1 - p);
	return starts;
}

#endif

/* Note the fields in the lines that start at p or later. Returns the end of the empty line, or NULL while that is still
 * to come. Nothing before `start` is read. */
static BESIDE const char *note_fields(struct facts *facts, const char *start, const char *p, const char *end)
{
	const char *field = NULL; /* the line before, if it is a field whose value may matter */

	for (; p < end; p += WINDOW) {
		for (uint64_t starts = line_starts(start, p, end); starts != 0; starts &= starts - 1) {
			const char *line = p + __builtin_ctzll(starts);
			enum line kind;

			if (field) {
				if (*line == ' ' || *line == '\t') /* RFC 9112 section 5.2: the value goes on */
					continue;
				note_field(facts, field, line - 1);
				field = NULL;
			}
			kind = line_of[(unsigned char)*line];
			if (kind == LINE_OTHER)
				continue;
			if (kind != LINE_EMPTY) {
				if (end - line > 4 && may_be_known(kind, line))
					field = line;
			} else if (*line == '\n') {
				return line + 1;
			} else if (end - line > 1 && line[1] == '\n') {
				return line + 2;
			}
		}
	}
	return NULL;
}

enum http_verdict http_head(const char *p, size_t n, size_t seen, enum http_method answers, struct http_head *out)
{
	size_t most = n < HTTP_HEAD_MAX ? n : HTTP_HEAD_MAX;
	enum http_verdict without_end = n < HTTP_HEAD_MAX ? HTTP_MORE : HTTP_NO;
	struct facts facts = { .length = 0 };
	const char *end = p + most;
	const char *minor = behind_version(p, most);
	const char *lines, *behind;
	uint16_t status = 0;

	if (!minor)
		return HTTP_NO;
	if (minor > p + 7) { /* a request */
		const char *newline = memchr(minor, '\n', (size_t)(end - minor));

		if (!newline)
			return without_end;
		if (newline != minor + 1 && !(newline == minor + 2 && minor[1] == '\r'))
			return HTTP_NO;
		http_request_method(p, most, &answers);
		lines = newline + 1;
	} else {
		if (end - minor < 6)
			return memchr(minor, '\n', (size_t)(end - minor)) ? HTTP_NO : without_end;
		status = status_of(minor + 1);
		if (status == 0)
			return HTTP_NO;
		lines = minor + 1; /* within the status line: the next line that starts is the one behind it */
	}

	if (seen > 0 && http_ends(p, most, seen) == 0)
		return without_end;
	behind = note_fields(&facts, p, lines, end);
	if (!behind)
		return without_end;

	*out = (struct http_head){
		.size = (size_t)(behind - p), .request = minor > p + 7, .status = status, .method = answers
	};
	if (out->request)
		announce_request(out, &facts);
	else
		announce_response(out, &facts);
	if (out->body == BODY_LENGTH)
		out->length = facts.length;
	return HTTP_HEAD;
}

enum http_verdict http_request_method(const char *p, size_t n, enum http_method *method)
{
	static const struct {
		const char *word;
		size_t n;
		enum http_method method;
	} known[] = {
		{ "HEAD ", 5, METHOD_HEAD },
		{ "CONNECT ", 8, METHOD_CONNECT },
	};

	for (; n > 0 && (*p == '\r' || *p == '\n'); p++, n--) /* empty lines before a request: RFC 9112 section 2.2 */
		;
	*method = METHOD_OTHER;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++) {
		if (memcmp(p, known[i].word, n < known[i].n ? n : known[i].n) != 0)
			continue;
		if (n < known[i].n)
			return HTTP_MORE;
		*method = known[i].method;
	}
	return HTTP_HEAD;
}

const char *http_at_once_name(enum http_at_once why)
{
	switch (why) {
	case AT_ONCE_NO: return "no";
	case AT_ONCE_NO_BODY: return "no-body";
	case AT_ONCE_EXPECT: return "expect";
	case AT_ONCE_UPGRADE: return "upgrade";
	case AT_ONCE_TUNNEL: return "tunnel";
	case AT_ONCE_STREAM: return "stream";
	case AT_ONCE_UNCLEAR: return "unclear";
	}
	return "unknown";
}
