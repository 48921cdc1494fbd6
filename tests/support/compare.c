/* Compares what a program did under the library with what it did bare. */
#include "harness.h"

#include <fnmatch.h>

static bool is_output(const char *call, size_t n)
{
	static const char *const names[] = { "write",    "writev",   "send",       "sendto", "sendmsg",
		                             "sendmmsg", "sendfile", "sendfile64", "splice" };

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (strlen(names[i]) == n && memcmp(names[i], call, n) == 0)
			return true;
	return false;
}

/* Is there a pattern for calls of this name? Finds "close" in "s* bytes=100*, close = 0". */
static bool mentions(const char *expected, const char *name, size_t n)
{
	for (const char *p = expected; p != NULL; p = strstr(p, ", "), p = p == NULL ? NULL : p + 2)
		if (strncmp(p, name, n) == 0 && (p[n] == ' ' || p[n] == '*'))
			return true;
	return false;
}

char *calls_of(const struct run *r, const char *expected)
{
	struct text kept = { NULL, 0 };

	text_add_string(&kept, "");
	for (const char *line = r->calls.p; *line != '\0'; line += strcspn(line, "\n") + 1) {
		size_t name = strcspn(line, " ");
		if (!is_output(line, name) && !mentions(expected, line, name))
			continue;
		text_add_string(&kept, kept.n == 0 ? "" : ", ");
		text_add(&kept, line, strcspn(line, "\n"));
	}
	return kept.p;
}

int calls_like(const struct run *r, const char *pattern)
{
	char line[256];
	int n = 0;

	for (const char *p = r->calls.p; *p != '\0'; p += strcspn(p, "\n") + 1) {
		snprintf(line, sizeof line, "%.*s", (int)strcspn(p, "\n"), p);
		n += fnmatch(pattern, line, FNM_EXTMATCH) == 0;
	}
	return n;
}

void compare_runs(const char *name, const struct run *bare, const struct run *shim, const char *results)
{
	cr_expect(bare->status != -1, "%s: the bare run hung (it reported: %s)", name, bare->results.p);
	cr_expect(shim->status != -1, "%s: hung behind the shim (it reported: %s; calls: %s)", name, shim->results.p,
	          shim->calls.p);
	cr_expect(shim->status == bare->status, "%s: ended with wait status %#x, bare with %#x", name,
	          (unsigned)shim->status, (unsigned)bare->status);
	for (int i = 0; i < CLIENTS_MAX; i++) {
		const struct text *got = &shim->bytes[i], *want = &bare->bytes[i];
		size_t same = 0;
		while (same < got->n && same < want->n && got->p[same] == want->p[same])
			same++;
		cr_expect(same == want->n && same == got->n,
		          "%s: connection %d: the peer got %zu bytes, bare %zu, equal up to %zu; "
		          "then \"%.40s\", bare \"%.40s\"; calls: %.600s",
		          name, i, got->n, want->n, same, got->p + same, want->p + same, shim->calls.p);
	}
	cr_expect(strcmp(shim->results.p, results != NULL ? results : bare->results.p) == 0,
	          "%s: the program saw\n%sinstead of\n%scalls:\n%.1000s", name, shim->results.p,
	          results != NULL ? results : bare->results.p, shim->calls.p);
	cr_expect(strcmp(shim->said.p, bare->said.p) == 0, "%s: printed \"%s\", bare \"%s\"", name, shim->said.p,
	          bare->said.p);
}

struct run *check_same(const char *name, const struct setup *setup)
{
	struct run *bare = run(setup, BARE), *shim = run(setup, SHIM);

	compare_runs(name, bare, shim, NULL);
	run_free(bare);
	return shim;
}
