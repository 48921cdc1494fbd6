/* Proves that the library gets along with its host program: with threads, signals, forks and reused descriptor numbers,
 * and in what it needs and exports. */
#include "doors.h"
#include "harness.h"
#include "library.h"

#include <stdio.h>
#include <stdlib.h>

static const struct {
	const char *what, *how;
	int clients;
	const char *results;
} scenarios[] = {
	{ "no-hold", NULL, 1, "threads: 1\n" },
	{ "idle", NULL, 1, "threads: 1\nall at the peer: 1\n" },
#ifndef UNDER_TSAN /* TSan has a thread of its own */
	{ "alone", NULL, 1, "refused: 0\n" },
#endif
	{ "reader", "same", 1, "all at the peer: 1\n" },
	{ "reader", "dup", 1, "all at the peer: 1\n" },
	{ "forks", NULL, 1, "children that failed: 0\n" },
	{ "relays", NULL, 4, "" },
};

EACH_TEST(lifecycle, scenarios, ROWS(scenarios), 60)
{
	struct setup setup = { .args = { SCENARIOS, scenarios[*i].what, scenarios[*i].how },
		               .timeout = "100ms",
		               .clients = scenarios[*i].clients };
	struct run *r = check_same(scenarios[*i].what, &setup);

	cr_expect(strcmp(r->results.p, scenarios[*i].results) == 0, "%s %s: reported \"%s\", wanted \"%s\"",
	          scenarios[*i].what, scenarios[*i].how == NULL ? "" : scenarios[*i].how, r->results.p,
	          scenarios[*i].results);
	run_free(r);
}

/* Messages that are written while the very first head starts the helper are not joined. That lasts a moment, and longer
 * on a busy machine. */
Test(lifecycle, head_and_body_of_two_threads_are_joined, .timeout = 60)
{
	struct setup setup = { .args = { SCENARIOS, "relays" }, .clients = 4 };
	struct run *r = check_same("relays", &setup);
	int joined = calls_like(r, "writev iov=2 bytes=300 = 300");

	cr_expect(joined >= 4 * 300 * 9 / 10 && joined <= 4 * 300, "only %d of 1200 messages were joined", joined);
	run_free(r);
}

Test(lifecycle, helper_exists_only_from_the_first_hold_on, .timeout = 30)
{
	struct setup without = { .args = { SCENARIOS, "no-hold" } };
	struct setup with = { .args = { SCENARIOS, "idle" }, .timeout = "100ms" }; /* well below `soon` */
	struct run *r = check_same("nothing held", &without);

	cr_expect(calls_like(r, "pthread_create*") == 0, "a thread was made for nothing:\n%s", r->calls.p);
	run_free(r);
	r = check_same("held, then idle", &with);
	cr_expect(calls_like(r, "writev iov=2 bytes=300 = 300") == 10, "want ten joined messages:\n%s", r->calls.p);
	run_free(r);
}

/* In "unseen" and "replaced" the program closes the descriptor by a system call of its own, as fclose() does inside
 * libc. */
Test(lifecycle, held_head_never_reaches_the_next_owner_of_its_number, .timeout = 30)
{
	static const char *const ways[] = { "seen", "unseen", "replaced" };

	for (size_t i = 0; i < ROWS(ways); i++) {
		struct setup setup = { .args = { SCENARIOS, "reused", ways[i] }, .timeout = "5ms" };
		struct run *r = check_same(ways[i], &setup);
		cr_expect(strstr(r->results.p, "the number is reused: 1\nbytes on the new connection: -1 and -1\nits "
		                               "own bytes: 200\n") != NULL,
		          "closed %s: reported %s", ways[i], r->results.p);
		run_free(r);
	}
}

Test(lifecycle, file_that_has_its_number_next_keeps_its_locks, .timeout = 30)
{
	struct setup setup = { .args = { SCENARIOS, "locked" }, .timeout = "5ms" };
	struct run *r = check_same("a file with the number of a closed connection", &setup);

	cr_expect(strcmp(r->results.p, "locked: 1\n") == 0, "reported %s", r->results.p);
	run_free(r);
}

#ifndef __SANITIZE_ADDRESS__ /* ASan does not unwind a cancelled thread's stack and reports what is left there */
Test(lifecycle, cancelled_writer_leaves_no_lock, .timeout = 30)
{
	struct setup setup = { .args = { SCENARIOS, "cancelled" }, .clients = 4 };
	struct run *r = run(&setup, SHIM);

	cr_expect(strcmp(r->results.p, "done\n") == 0 && r->status == 0,
	          "wait status %#x, reported \"%s\", said \"%s\"", (unsigned)r->status, r->results.p, r->said.p);
	for (int i = 0; i < 4; i++)
		for (size_t k = 0; k < r->bytes[i].n; k++)
			cr_assert(r->bytes[i].p[k] == (k % 300 < 100 ? HEAD[k % 300] : 'b'),
			          "connection %d: wrong byte at %zu", i, k);
	run_free(r);
}
#endif

#define ALL_TAKEN "enough signals: 1, refused writes: 0\n"

/* Expects messages that are whole and in order, and the marks of a signal handler only between two writes, each between
 * the right two. Returns the number of marks. */
static int check_stream(const char *name, const struct run *r)
{
	const struct text *t = &r->bytes[0];
	int64_t messages = r->shared->sent[1];
	uint64_t body = 0;
	size_t at = 0;
	int marks = 0;

	for (int unit = 0; at < t->n;) {
		size_t size = unit % 2 == 0 ? 100 : 200;
		if (t->p[at] == '#') {
			int after = 0, mark = 0;
			cr_assert(t->n - at >= 16 && sscanf(t->p + at, "#%6d%7d", &after, &mark) == 2 &&
			                  mark == ++marks,
			          "%s: mark %d is torn, late or lost: \"%.14s\"", name, marks, t->p + at);
			cr_assert(unit == after || unit == after + 1,
			          "%s: mark %d was written after %d writes, and came after %d", name, marks, after,
			          unit);
			at += 16;
			continue;
		}
		for (size_t k = 0; k < size; k++)
			cr_assert(at + k < t->n && t->p[at + k] == (unit % 2 == 0 ? HEAD[k] : body_byte(body + k)),
			          "%s: wrong byte in the %s of message %d, at %zu: \"%.40s\"", name,
			          unit % 2 == 0 ? "head" : "body", unit / 2, k, t->p + at);
		at += size;
		body += unit % 2 == 0 ? 0 : 200;
		unit++;
	}
	cr_expect(body == (uint64_t)messages * 200, "%s: %llu body bytes of %lld messages", name,
	          (unsigned long long)body, (long long)messages);
	return marks;
}

/* In "reading" the interrupted calls release a head as often as they write one. */
static const char *const same_socket[] = { "same", "reading" };

EACH_TEST(lifecycle, handler_that_writes_on_the_same_socket_finds_whole_writes, ROWS(same_socket), 60)
{
	struct setup setup = { .args = { SCENARIOS, "signals", same_socket[*i] } };
	struct run *r = run(&setup, SHIM);
	int marks;

	cr_assert(r->status == 0 && strcmp(r->results.p, ALL_TAKEN) == 0,
	          "%s: wait status %#x, reported \"%s\", said \"%s\"", same_socket[*i], (unsigned)r->status,
	          r->results.p, r->said.p);
	marks = check_stream(same_socket[*i], r);
	cr_expect(marks == (int)r->shared->sent[0], "%s: %d marks arrived of %d", same_socket[*i], marks,
	          (int)r->shared->sent[0]);
	run_free(r);
}

Test(lifecycle, handler_that_writes_on_its_own_socket_does_not_disturb, .timeout = 60)
{
	static const char *const ways[] = { "mark", "message" };

	for (int i = 0; i < 2; i++) {
		struct setup setup = { .args = { SCENARIOS, "signals", ways[i] }, .clients = 2 };
		struct run *r = run(&setup, SHIM);
		cr_assert(r->status == 0 && strcmp(r->results.p, ALL_TAKEN) == 0,
		          "%s: wait status %#x, reported \"%s\", said \"%s\"", ways[i], (unsigned)r->status,
		          r->results.p, r->said.p);
		cr_expect(check_stream(ways[i], r) == 0, "%s: a mark on the wrong socket", ways[i]);
		cr_expect(r->bytes[1].n == (size_t)r->shared->sent[0] * (i == 0 ? 16 : 300),
		          "%s: %zu bytes for %d signals", ways[i], r->bytes[1].n, (int)r->shared->sent[0]);
		run_free(r);
	}
}

/* --- what the library needs and exports ------------------------------------------------------- */

static char *output_of(const char *command)
{
	FILE *p = popen(command, "r");
	char *out = calloc(1, 65536);
	size_t n = fread(out, 1, 65535, p);

	out[n] = '\0';
	cr_assert(pclose(p) == 0, "%s failed: is the package binutils installed?", command);
	return out;
}

Test(library, needs_libc_and_nothing_else)
{
	char *needed = output_of(
		"readelf -dW " LIBRARY_IN_SHELL
		" | sed -n 's/.*NEEDED.*\\[\\(.*\\)\\]/\\1/p' | grep -v '^lib[a-z]*san' | tr '\\n' ' '");

#ifdef ON_MUSL
	cr_expect(strcmp(needed, "") == 0, "NEEDED is %s", needed); /* glibc's programs have another libc */
#else
	cr_expect(strcmp(needed, "libc.so.6 ") == 0, "NEEDED is %s", needed);
#endif
	free(needed);
}

/* Removes the names that are not hooked here: some exist only on machines of 32 bits, and TSan has one of its own. */
#ifdef UNDER_TSAN
#define OF_OTHERS "-e '/^#if TWO_TIMES/,/^#endif/d' -e '/^HOOK(sigaltstack)/d'"
#elif TWO_TIMES
#define OF_OTHERS "''"
#else
#define OF_OTHERS "'/^#if TWO_TIMES/,/^#endif/d'"
#endif

Test(library, exports_the_hooks_and_nothing_else)
{
	char *exports = output_of("nm -D --defined-only --format=posix " LIBRARY_IN_SHELL
	                          " | grep -v ' A ' | sed 's/[ @].*//' | sort -u"); /* A: names of versions */
	char *hooks = output_of("sed " OF_OTHERS " " SOURCE_DIR
	                        "/shim/hooks.def | sed -n 's/^HOOK(\\([A-Za-z0-9_]*\\)).*/\\1/p' | sort -u");

	cr_expect(*hooks != '\0', "shim/hooks.def names no hook");
	cr_expect(strcmp(exports, hooks) == 0, "exports:\n%s\nhooks:\n%s", exports, hooks);
	free(exports);
	free(hooks);
}
