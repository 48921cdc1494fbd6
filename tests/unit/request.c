/* Proves that the method which the next response answers is known, however the request comes in. */
#include <criterion/criterion.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

#include "page.h"
#include "request.h"

#define COUNT(a) (sizeof(a) / sizeof(*(a)))
#define REST     " / HTTP/1.1\r\nHost: here\r\n\r\n"

static const char *const methods[] = { "OTHER", "HEAD", "CONNECT" };

enum { CANARY = 0x5a, AROUND = 16, PAGE = 4096 };

/* The struct between canaries, so that a write beside it is noticed. */
struct guarded {
	unsigned char before[AROUND];
	struct request r;
	unsigned char behind[AROUND];
};

static struct guarded *guarded(void)
{
	static struct guarded g;

	memset(&g, CANARY, sizeof(g));
	request_end(&g.r);
	return &g;
}

static void expect_unhurt(const struct guarded *g, const char *name)
{
	for (size_t i = 0; i < AROUND; i++)
		cr_assert(g->before[i] == CANARY && g->behind[i] == CANARY, "%s: wrote beside the struct", name);
}

/* Feeds bytes[from..to) as one read, twice: with nothing readable before them, and with nothing readable behind. */
static void feed(struct request *r, const char *bytes, size_t from, size_t to)
{
	size_t n = to - from;
	struct request again;

	atomic_init(&again.word, atomic_load(&r->word));
	request_follow(&again, page_place_behind(bytes + from, n), n);
	request_follow(r, page_place(bytes + from, n), n);
	cr_expect(atomic_load(&again.word) == atomic_load(&r->word), "'%.*s': what lies beside it matters", (int)n,
	          bytes + from);
}

/* Rows say what they need and leave out the rest. */
#pragma GCC diagnostic ignored "-Wmissing-field-initializers"

struct want {
	enum http_method method;
	bool certain, awaited;
};

static void expect(const struct request *r, const struct want *want, const char *name, const char *where)
{
	enum http_method method = request_method(r);
	bool certain = request_is_certain(r, method);

	cr_expect(method == want->method && certain == want->certain && request_awaited(r) == want->awaited,
	          "%s, %s: method %s%s%s, want %s%s%s", name, where, methods[method], certain ? ", certain" : "",
	          request_awaited(r) ? ", awaited" : "", methods[want->method], want->certain ? ", certain" : "",
	          want->awaited ? ", awaited" : "");
	for (enum http_method other = METHOD_OTHER; other <= METHOD_CONNECT; other++)
		cr_expect(other == method || !request_is_certain(r, other), "%s, %s: two are certain", name, where);
}

/* What is known from the first bytes of a connection. */
static const struct input {
	const char *name, *bytes;
	struct want want;
} inputs[] = {
	{ "GET", "GET" REST, { METHOD_OTHER, true } },
	{ "HEAD", "HEAD" REST, { METHOD_HEAD, true } },
	{ "CONNECT", "CONNECT" REST, { METHOD_CONNECT, true } },
	{ "POST", "POST" REST, { METHOD_OTHER, true } },
	{ "PUT", "PUT" REST, { METHOD_OTHER, true } },
	{ "PATCH", "PATCH" REST, { METHOD_OTHER, true } },
	{ "DELETE", "DELETE" REST, { METHOD_OTHER, true } },
	{ "OPTIONS", "OPTIONS" REST, { METHOD_OTHER, true } },
	{ "empty lines before it", "\r\n\n\r\r\n\n\n\n\n\n\n\n\n\n\n\n\r\nHEAD" REST, { METHOD_HEAD, true } },
	{ "two pipelined: the first one counts", "GET" REST "HEAD" REST, { METHOD_OTHER, true } },
	{ "two pipelined the other way round", "HEAD" REST "GET" REST, { METHOD_HEAD, true } },
	{ "nothing", "", { METHOD_OTHER, false, true } },
	{ "empty lines only", "\r\n\r\n", { METHOD_OTHER, false, true } },
	{ "no space yet", "HEAD", { METHOD_OTHER, false, true } },
	{ "no space yet, the longest", "CONNECT", { METHOD_OTHER, false, true } },

	{ "another method", "PROPFIND" REST, { METHOD_OTHER } },
	{ "what only begins like HEAD", "HEADER" REST, { METHOD_OTHER } },
	{ "small letters", "head" REST, { METHOD_OTHER } },
	{ "a space first", " HEAD" REST, { METHOD_OTHER } },
	{ "a line end within", "HEA\r\nD" REST, { METHOD_OTHER } },
	{ "a tab behind", "HEAD\t/", { METHOD_OTHER } },
	{ "one word runs into another", "GEAD ", { METHOD_OTHER } },
	{ "one word runs into another, late", "PATCT ", { METHOD_OTHER } },
	{ "a proxy's line before it", "PROXY TCP4 127.0.0.1 127.0.0.1 1 2\r\nHEAD" REST, { METHOD_OTHER } },
	{ "mail", "HELO there\r\n", { METHOD_OTHER } },
	{ "HTTP/2", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", { METHOD_OTHER } },
	{ "TLS", "\x16\x03\x01\x02" REST, { METHOD_OTHER } },
	{ "bytes over 127", "\xff\xfe\xfd", { METHOD_OTHER } },
	{ "letters without end", "GETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGETGET ", { METHOD_OTHER } },
	{ "As without end", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA ", { METHOD_OTHER } },
};

Test(request, method_is_told_however_the_request_is_cut)
{
	for (const struct input *in = inputs; in < inputs + COUNT(inputs); in++) {
		size_t n = strlen(in->bytes);

		for (size_t a = 0; a <= n; a++) {
			for (size_t b = a; b <= n; b++) {
				struct guarded *g = guarded();
				char where[64];

				snprintf(where, sizeof(where), "cut at %zu and %zu", a, b);
				request_begin(&g->r, true);
				feed(&g->r, in->bytes, 0, a);
				feed(&g->r, in->bytes, a, b);
				feed(&g->r, in->bytes, b, n);
				expect(&g->r, &in->want, in->name, where);
				expect_unhurt(g, in->name);
			}
		}
	}
}

Test(request, method_is_told_byte_by_byte)
{
	for (const struct input *in = inputs; in < inputs + COUNT(inputs); in++) {
		struct guarded *g = guarded();

		request_begin(&g->r, true);
		for (size_t i = 0; i < strlen(in->bytes); i++)
			feed(&g->r, in->bytes, i, i + 1);
		expect(&g->r, &in->want, in->name, "byte by byte");
		expect_unhurt(g, in->name);
	}
}

/* Until the last byte that matters nothing is known, and more is awaited. */
Test(request, nothing_is_told_before_the_space)
{
	static const char *const words[] = { "GET ",   "HEAD ",   "CONNECT ", "POST ",        "PUT ",
		                             "PATCH ", "DELETE ", "OPTIONS ", "\r\n\n\rHEAD " };
	static const struct want nothing = { METHOD_OTHER, false, true };

	for (size_t i = 0; i < COUNT(words); i++) {
		for (size_t n = 0; n < strlen(words[i]); n++) {
			struct guarded *g = guarded();

			request_begin(&g->r, true);
			feed(&g->r, words[i], 0, n);
			expect(&g->r, &nothing, words[i], "not to its end");
		}
	}
}

/* Behind a response may come the rest of a body that was answered early: it may look like a request, but nothing of it
 * is certain. */
Test(request, what_is_read_behind_a_response_is_never_certain)
{
	for (const struct input *in = inputs; in < inputs + COUNT(inputs); in++) {
		struct guarded *g = guarded();
		struct want want = in->want;

		want.certain = false;
		request_begin(&g->r, true);
		feed(&g->r, "POST" REST, 0, 4 + strlen(REST));
		request_begin(&g->r, false);
		feed(&g->r, in->bytes, 0, strlen(in->bytes));
		expect(&g->r, &want, in->name, "behind a response");
	}
}

/* A response may be written before the request was read whole: then what was read of it counts for nothing. */
Test(request, begun_again_nothing_is_left_of_what_was_read)
{
	for (const struct input *in = inputs; in < inputs + COUNT(inputs); in++) {
		for (size_t n = 0; n <= strlen(in->bytes); n++) {
			static const struct want nothing = { METHOD_OTHER, false, true }, head = { METHOD_HEAD };
			struct guarded *g = guarded();

			request_begin(&g->r, true);
			feed(&g->r, in->bytes, 0, n);
			request_begin(&g->r, false);
			expect(&g->r, &nothing, in->name, "begun again");
			feed(&g->r, "HEAD ", 0, 5);
			expect(&g->r, &head, in->name, "begun again");
		}
	}
}

/* An interim response only asks to hear the peer, and leaves the request as it is: what is read next is the rest of the
 * request, and may look like anything. */
Test(request, an_interim_response_changes_nothing_however_many_there_are)
{
	for (const struct input *in = inputs; in < inputs + COUNT(inputs); in++) {
		size_t n = strlen(in->bytes);

		for (size_t cut = 0; cut <= n; cut++) {
			struct guarded *g = guarded();

			request_begin(&g->r, true);
			feed(&g->r, in->bytes, 0, cut);
			for (int i = 0; i < 40; i++)
				request_hear(&g->r);
			cr_expect(request_awaited(&g->r), "%s: after %zu bytes the peer is not heard", in->name, cut);
			feed(&g->r, in->bytes, cut, n);
			if (cut < n)
				expect(&g->r, &in->want, in->name, "interim");
			expect_unhurt(g, in->name);
		}
	}
}

Test(request, what_comes_between_interim_responses_is_no_request)
{
	static const struct want head = { METHOD_HEAD, true }, get = { METHOD_OTHER, true };

	for (int which = 0; which < 2; which++) {
		struct guarded *g = guarded();

		request_begin(&g->r, true);
		feed(&g->r, which ? "HEAD" REST : "GET" REST, 0, 4);
		feed(&g->r, " ", 0, 1);
		for (int i = 0; i < 300; i++) {
			request_hear(&g->r);
			feed(&g->r, &"GET CONNECT HEAD A"[i % 18], 0, 1);
			expect(&g->r, which ? &head : &get, "a body", "between interim responses");
			expect_unhurt(g, "a body");
		}
	}
}

Test(request, the_peer_is_heard_once)
{
	static const struct want quiet = { METHOD_OTHER };
	struct guarded *g = guarded();

	request_hear(&g->r);
	cr_expect(request_awaited(&g->r), "the peer is not awaited");
	feed(&g->r, "", 0, 0);
	cr_expect(request_awaited(&g->r), "nothing was read, and the peer was heard");
	feed(&g->r, "HEAD" REST, 0, 20);
	expect(&g->r, &quiet, "a client", "the answer was read");
}

Test(request, what_is_not_awaited_is_not_looked_at)
{
	static const struct want quiet = { METHOD_OTHER };
	struct guarded *g = guarded();

	request_begin(&g->r, true);
	request_end(&g->r);
	request_follow(&g->r, page_place("", 0), 1000);
	expect(&g->r, &quiet, "a tunnel", "nothing is awaited");
	request_begin(&g->r, true);
	request_follow(&g->r, page_place("GET ", 4), 1000);
	cr_expect(request_is_certain(&g->r, METHOD_OTHER), "GET is not known");
	request_follow(&g->r, page_place("", 0), 1000);
	request_hear(&g->r);
	request_follow(&g->r, page_place("", 0), 1000);
	cr_expect(request_is_certain(&g->r, METHOD_OTHER), "GET is not known any more");
}

Test(request, nothing_read_changes_nothing)
{
	struct guarded *g = guarded();

	request_begin(&g->r, true);
	for (size_t n = 0; n < 5; n++) {
		for (int i = 0; i < 100; i++)
			request_follow(&g->r, NULL, 0);
		feed(&g->r, "HEAD ", n, n + 1);
	}
	cr_expect(request_is_certain(&g->r, METHOD_HEAD), "HEAD is not seen");
}

/* Bytes of all kinds, begun and ended at any time, in pieces of all sizes. */
Test(request, it_is_bounded_whatever_the_peer_sends)
{
	static const char letters[] = "HEADCONTGPUSLIR \r\n/x";
	struct guarded *g = guarded();
	unsigned seed = 1;

	for (long i = 0; i < 1000000; i++) {
		char bytes[16];
		size_t n = (seed = seed * 1103515245u + 12345u) >> 16 & 15;

		for (size_t k = 0; k < n; k++)
			bytes[k] = letters[((seed = seed * 1103515245u + 12345u) >> 16) % (sizeof(letters) - 1)];
		switch ((seed >> 8) % 16) {
		case 0: request_begin(&g->r, seed & 0x10000); break;
		case 1: request_end(&g->r); break;
		case 2: request_hear(&g->r); break;
		default: request_follow(&g->r, bytes, n);
		}
		cr_assert(request_method(&g->r) <= METHOD_CONNECT, "method %d", request_method(&g->r));
		expect_unhurt(g, "garbage");
	}
}

Test(request, empty_lines_are_skipped_however_many)
{
	static char lines[PAGE_ROOM];
	struct guarded *g = guarded();

	for (size_t i = 0; i < sizeof(lines); i++)
		lines[i] = i % 3 ? '\n' : '\r';
	request_begin(&g->r, true);
	for (int i = 0; i < 16; i++)
		feed(&g->r, lines, 0, sizeof(lines));
	cr_expect(request_awaited(&g->r), "given up");
	feed(&g->r, "HEAD ", 0, 5);
	cr_expect(request_is_certain(&g->r, METHOD_HEAD), "HEAD is not seen behind a million empty lines");
}

/* The bytes that are read lie in a page that cannot be read at first. The handler of that fault begins the response of
 * another thread, between two steps of the reader. */
static struct request shared;
static char *unreadable;

static void begin_response(int signal_number)
{
	(void)signal_number;
	request_begin(&shared, false);
	cr_assert(mprotect(unreadable, PAGE, PROT_READ) == 0);
}

Test(request, a_step_from_before_the_response_is_dropped)
{
	struct sigaction at_the_page = { .sa_handler = begin_response };

	unreadable = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	cr_assert(unreadable != MAP_FAILED);
	memcpy(unreadable, "HEAD ", 5);
	cr_assert(mprotect(unreadable, PAGE, PROT_NONE) == 0 && sigaction(SIGSEGV, &at_the_page, NULL) == 0);
	request_begin(&shared, true);
	request_follow(&shared, unreadable, 5);
	cr_expect(!request_is_certain(&shared, METHOD_HEAD), "certain behind a response");
	cr_expect(request_awaited(&shared), "the next request is not awaited");
}

Test(request, what_another_name_tells_is_never_certain)
{
	struct guarded *g = guarded();
	struct request other;

	request_begin(&other, true);
	request_follow(&other, "HE", 2);
	request_tell(&other, &g->r);
	expect_unhurt(g, "told in the middle");
	cr_expect(request_awaited(&g->r), "what is awaited is not told");
	request_follow(&g->r, "AD ", 3);
	cr_expect(request_method(&g->r) == METHOD_HEAD && !request_is_certain(&g->r, METHOD_HEAD), "HEAD in halves");
	request_follow(&other, "AD ", 3);
	cr_expect(request_is_certain(&other, METHOD_HEAD), "who tells knows");
	request_tell(&other, &g->r);
	cr_expect(request_method(&g->r) == METHOD_HEAD && !request_is_certain(&g->r, METHOD_HEAD),
	          "HEAD as it was told");
	request_end(&other);
	request_tell(&other, &g->r);
	cr_expect(request_method(&g->r) == METHOD_OTHER && !request_awaited(&g->r),
	          "nothing is known or awaited any more");
}
