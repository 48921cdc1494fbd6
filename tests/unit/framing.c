/* Proves that the framing knows how much of a message is still to come, however its bytes are split into writes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "framing.h"
#include "page.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define NEXT     "HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\n"

static const char *const verdicts[] = { "INSIDE", "END", "LOST" };

static const struct message {
	const char *name;
	struct http_head head;
	const char *bytes;
	uint64_t counted;
	enum framing_verdict want; /* FRAMING_END: just behind the bytes; FRAMING_LOST: somewhere in them */
} messages[] = {
	{ "five bytes", { .body = BODY_LENGTH, .length = 5 }, "hello", 5, FRAMING_END },
	{ "bytes that look like a head",
	  { .body = BODY_LENGTH, .length = 18 },
	  "GET / HTTP/1.1\r\n\r\n",
	  18,
	  FRAMING_END },
	{ "one chunk", { .body = BODY_CHUNKED }, "5\r\nhello\r\n0\r\n\r\n", 5, FRAMING_END },
	{ "no chunk", { .body = BODY_CHUNKED }, "0\r\n\r\n", 0, FRAMING_END },
	{ "several chunks",
	  { .body = BODY_CHUNKED },
	  "5\r\nhello\r\n1\r\n \r\nB\r\nworld\r\n\r\n\r\n\r\n0\r\n\r\n",
	  17,
	  FRAMING_END },
	{ "sizes in both cases, leading zeros",
	  { .body = BODY_CHUNKED },
	  "00a\r\n0123456789\r\n0000000000000000000000B\r\nabcdefghijk\r\n000\r\n\r\n",
	  21,
	  FRAMING_END },
	{ "extensions",
	  { .body = BODY_CHUNKED },
	  "5;a=b\r\nhello\r\n1 ; x=\"\r;\"\r\n!\r\n0;last\r\n\r\n",
	  6,
	  FRAMING_END },
	{ "padded sizes", { .body = BODY_CHUNKED }, "5   \r\nhello\r\n0  \r\n\r\n", 5, FRAMING_END },
	{ "trailers",
	  { .body = BODY_CHUNKED },
	  "5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-More: 2\r\n 0\r\n\r\n",
	  5,
	  FRAMING_END },
	{ "bare LF", { .body = BODY_CHUNKED }, "5\nhello\n0\nX-Sum: 1\n\n", 5, FRAMING_END },
	{ "mixed line ends", { .body = BODY_CHUNKED }, "5;x\nhello\r\n0\r\nX: 1\n\r\n", 5, FRAMING_END },
	{ "trailer line that starts with CR", { .body = BODY_CHUNKED }, "0\r\n\rX\r\n\r\r\n\r\n", 0, FRAMING_END },

	{ "size without digits", { .body = BODY_CHUNKED }, "\r\nhello", 0, FRAMING_LOST },
	{ "extension without size", { .body = BODY_CHUNKED }, ";x\r\n", 0, FRAMING_LOST },
	{ "size of letters", { .body = BODY_CHUNKED }, "5g\r\n", 0, FRAMING_LOST },
	{ "negative size", { .body = BODY_CHUNKED }, "-5\r\nhello", 0, FRAMING_LOST },
	{ "CR alone behind a size", { .body = BODY_CHUNKED }, "5\rhello", 0, FRAMING_LOST },
	{ "digit behind a CR", { .body = BODY_CHUNKED }, "5\r5\r\nhello", 0, FRAMING_LOST },
	{ "size over 64 bits", { .body = BODY_CHUNKED }, "10000000000000000\r\n", 0, FRAMING_LOST },
	{ "chunk longer than its size", { .body = BODY_CHUNKED }, "5\r\nhello!\r\n", 5, FRAMING_LOST },
	{ "CR alone behind a chunk", { .body = BODY_CHUNKED }, "5\r\nhello\r0\r\n\r\n", 5, FRAMING_LOST },
	{ "two CR behind a chunk", { .body = BODY_CHUNKED }, "5\r\nhello\r\r\n", 5, FRAMING_LOST },
};

/* Feeds bytes[from..to) as one write; *at moves by what was taken. */
static enum framing_verdict feed(struct framing *f, const char *bytes, size_t from, size_t to, size_t *at)
{
	size_t taken = SIZE_MAX;
	enum framing_verdict verdict = framing_follow(f, page_place(bytes + from, to - from), to - from, &taken);

	cr_expect(verdict == FRAMING_END ? taken <= to - from : taken == to - from,
	          "write [%zu, %zu): %zu bytes taken with %s", from, to, taken, verdicts[verdict]);
	*at = from + taken;
	return verdict;
}

/* Feeds the message and the start of the next one in three writes, which end at a, at b, and at the end of both. */
static void expect_end(const struct message *m, const char *bytes, size_t n, size_t a, size_t b)
{
	const size_t ends[] = { a, b, n };
	enum framing_verdict verdict;
	struct framing f;
	size_t at = 0, size = strlen(m->bytes);

	verdict = framing_begin(&f, &m->head);
	cr_expect(verdict == FRAMING_INSIDE, "%s: %s at its start", m->name, verdicts[verdict]);
	for (size_t i = 0; i < COUNT(ends) && verdict == FRAMING_INSIDE; i++)
		verdict = feed(&f, bytes, at, ends[i], &at);
	cr_expect(verdict == m->want, "%s, cut at %zu and %zu: %s, want %s", m->name, a, b, verdicts[verdict],
	          verdicts[m->want]);
	if (m->want == FRAMING_END)
		cr_expect(at == size, "%s, cut at %zu and %zu: ends at %zu, want %zu", m->name, a, b, at, size);
	cr_expect(f.counted == m->counted, "%s, cut at %zu and %zu: %llu bytes of body, want %llu", m->name, a, b,
	          (unsigned long long)f.counted, (unsigned long long)m->counted);
}

Test(framing, a_message_ends_at_its_last_byte_however_it_is_split)
{
	for (const struct message *m = messages; m < messages + COUNT(messages); m++) {
		char bytes[256];
		size_t n = (size_t)snprintf(bytes, sizeof(bytes), "%s" NEXT, m->bytes);

		for (size_t a = 0; a <= n; a++) {
			for (size_t b = a; b <= n; b++)
				expect_end(m, bytes, n, a, b);
		}
	}
}

/* From every place in a message on, for every number of bytes: bytes that are said to be data are skipped with the same
 * result as if they had been followed. */
Test(framing, data_is_skipped_as_it_is_followed)
{
	size_t skips = 0;

	for (const struct message *m = messages; m < messages + COUNT(messages); m++) {
		size_t n = strlen(m->bytes), at;

		for (size_t from = 0; from < n; from++) {
			for (size_t to = from + 1; to <= n; to++) {
				struct framing followed, skipped;
				enum framing_verdict verdict;

				framing_begin(&followed, &m->head);
				if (feed(&followed, m->bytes, 0, from, &at) != FRAMING_INSIDE ||
				    !framing_is_data(&followed, to - from))
					continue;
				skips++;
				skipped = followed;
				verdict = feed(&followed, m->bytes, from, to, &at);
				cr_expect(at == to && framing_skip(&skipped, to - from) == verdict &&
				                  skipped.left == followed.left && skipped.phase == followed.phase &&
				                  skipped.counted == followed.counted,
				          "%s: bytes %zu to %zu are said to be data", m->name, from, to);
			}
		}
	}
	cr_expect(skips > 100, "%zu times data, that is too few", skips);
}

Test(framing, a_message_is_not_over_before_its_last_byte)
{
	for (const struct message *m = messages; m < messages + COUNT(messages); m++) {
		struct framing f;
		size_t at;

		for (size_t n = 0; m->want == FRAMING_END && n < strlen(m->bytes); n++) {
			framing_begin(&f, &m->head);
			cr_expect(feed(&f, m->bytes, 0, n, &at) == FRAMING_INSIDE, "%s: over after %zu bytes", m->name,
			          n);
		}
	}
}

Test(framing, a_lost_message_stays_lost)
{
	for (const struct message *m = messages; m < messages + COUNT(messages); m++) {
		struct framing f;
		size_t at;

		if (m->want != FRAMING_LOST)
			continue;
		framing_begin(&f, &m->head);
		feed(&f, m->bytes, 0, strlen(m->bytes), &at);
		cr_expect(feed(&f, "0\r\n\r\n", 0, 5, &at) == FRAMING_LOST, "%s: found again", m->name);
		cr_expect(framing_skip(&f, 5) == FRAMING_LOST, "%s: found again by a skip", m->name);
	}
}

Test(framing, two_messages_in_one_write_end_one_after_the_other)
{
	static const char bytes[] = "5\r\nhello\r\n0\r\n\r\n"
				    "3\r\nabc\r\n0\r\n\r\n";
	const struct http_head chunked = { .body = BODY_CHUNKED };
	struct framing f;
	size_t at = 0;

	framing_begin(&f, &chunked);
	cr_expect(feed(&f, bytes, 0, sizeof(bytes) - 1, &at) == FRAMING_END, "the first message does not end");
	cr_expect(at == 15, "the first message ends at %zu, want 15", at);
	cr_expect(feed(&f, bytes, at, sizeof(bytes) - 1, &at) == FRAMING_END, "an ended message goes on");
	cr_expect(at == 15, "an ended message takes more: up to %zu", at);
	framing_begin(&f, &chunked);
	cr_expect(feed(&f, bytes, at, sizeof(bytes) - 1, &at) == FRAMING_END, "the second message does not end");
	cr_expect(at == sizeof(bytes) - 1, "the second message ends at %zu, want %zu", at, sizeof(bytes) - 1);
}

Test(framing, a_head_without_a_body_is_the_whole_message)
{
	const struct http_head head = { .body = BODY_NONE, .at_once = AT_ONCE_NO_BODY };
	struct framing f;

	cr_expect(framing_begin(&f, &head) == FRAMING_END, "more is awaited behind a head without a body");
}

Test(framing, a_message_until_close_never_ends)
{
	const struct http_head head = { .body = BODY_UNTIL_CLOSE };
	struct framing f;
	size_t at;

	cr_expect(framing_begin(&f, &head) == FRAMING_INSIDE);
	cr_expect(feed(&f, "0\r\n\r\n", 0, 5, &at) == FRAMING_INSIDE, "ended by the bytes of a last chunk");
	cr_expect(framing_skip(&f, 1 << 20) == FRAMING_INSIDE, "ended by a skip");
	cr_expect(feed(&f, NEXT, 0, sizeof(NEXT) - 1, &at) == FRAMING_INSIDE, "ended by the bytes of a head");
	cr_expect(f.counted == 5 + (1 << 20) + sizeof(NEXT) - 1, "%llu bytes counted", (unsigned long long)f.counted);
}

/* The data lie where no read is possible: looking at one byte of them would end this test by a signal. */
Test(framing, data_bytes_are_never_looked_at)
{
	static const struct http_head heads[] = {
		{ .body = BODY_LENGTH, .length = 1000 },
		{ .body = BODY_UNTIL_CLOSE },
	};
	const struct http_head chunked = { .body = BODY_CHUNKED };
	struct framing f;
	size_t taken;

	for (size_t i = 0; i < COUNT(heads); i++) {
		framing_begin(&f, &heads[i]);
		cr_expect(framing_follow(&f, page_place("", 0), 999, &taken) == FRAMING_INSIDE);
		cr_expect(f.counted == 999, "%llu bytes counted, want 999", (unsigned long long)f.counted);
	}
	framing_begin(&f, &chunked);
	cr_expect(framing_follow(&f, page_place("3E8\r\n", 5), 5 + 999, &taken) == FRAMING_INSIDE);
	cr_expect(f.counted == 999 && f.left == 1, "%llu bytes counted and %llu left, want 999 and 1",
	          (unsigned long long)f.counted, (unsigned long long)f.left);
}

Test(framing, a_chunk_size_may_fill_64_bits)
{
	const struct http_head chunked = { .body = BODY_CHUNKED };
	struct framing f;
	size_t at;

	framing_begin(&f, &chunked);
	cr_expect(feed(&f, "0FfffFFFFFFFFFFFF\r\n", 0, 19, &at) == FRAMING_INSIDE, "the largest chunk size is refused");
	cr_expect(f.left == UINT64_MAX, "%llu bytes awaited", (unsigned long long)f.left);
}

Test(framing, bytes_sent_unseen_count_as_data)
{
	const struct http_head counted = { .body = BODY_LENGTH, .length = 10 };
	const struct http_head chunked = { .body = BODY_CHUNKED };
	struct framing f;
	size_t at;

	framing_begin(&f, &counted);
	cr_expect(framing_skip(&f, 0) == FRAMING_INSIDE, "a skip of nothing ends the body");
	cr_expect(framing_skip(&f, 4) == FRAMING_INSIDE, "4 of 10 bytes end the body");
	cr_expect(feed(&f, "hello" NEXT, 0, 5, &at) == FRAMING_INSIDE, "9 of 10 bytes end the body");
	cr_expect(framing_skip(&f, 1) == FRAMING_END, "10 of 10 bytes do not end the body");

	framing_begin(&f, &chunked);
	feed(&f, "a\r\n", 0, 3, &at);
	cr_expect(framing_skip(&f, 10) == FRAMING_INSIDE, "a chunk sent unseen loses the message");
	cr_expect(feed(&f, "\r\n0\r\n\r\n", 0, 7, &at) == FRAMING_END, "no end behind a chunk sent unseen");
}

Test(framing, unseen_bytes_where_lines_belong_lose_the_message)
{
	const struct http_head counted = { .body = BODY_LENGTH, .length = 10 };
	const struct http_head chunked = { .body = BODY_CHUNKED };
	struct framing f;
	size_t at;

	framing_begin(&f, &counted);
	cr_expect(framing_skip(&f, 11) == FRAMING_LOST, "11 unseen bytes fit a body of 10");
	framing_begin(&f, &chunked);
	cr_expect(framing_skip(&f, 1) == FRAMING_LOST, "an unseen byte fits a chunk size");
	framing_begin(&f, &chunked);
	feed(&f, "a\r\n", 0, 3, &at);
	cr_expect(framing_skip(&f, 11) == FRAMING_LOST, "11 unseen bytes fit a chunk of 10");
}

Test(framing, size_lines_come_before_the_body)
{
	const struct http_head chunked = { .body = BODY_CHUNKED };
	struct framing f;
	size_t at;

	framing_begin(&f, &chunked);
	cr_expect(framing_before_body(&f), "a body byte before any write");
	feed(&f, "5;x=y", 0, 5, &at);
	cr_expect(framing_before_body(&f), "half a size line counts as body");
	feed(&f, "\r\n", 0, 2, &at);
	cr_expect(framing_before_body(&f), "a size line counts as body");
	feed(&f, "h", 0, 1, &at);
	cr_expect(!framing_before_body(&f), "a data byte does not count as body");
}
