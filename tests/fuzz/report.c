/* Prints a program that differed: the operations that are left of it, their results, and the library's trace. */
#include "programs.h"

#include <err.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRACE_TRIES = 60 };

static void print_result(const struct result *r)
{
	if (!r->done) {
		printf(" not done");
		return;
	}
	printf(" %ld", (long)r->ret);
	if (r->extra)
		printf("/%ld", (long)r->extra);
	if (r->error)
		printf(" %s", strerrorname_np(r->error));
	if (r->filled)
		printf(" (%u to fill it%s%s)", r->filled, r->left ? ", left" : "", r->waited ? ", waited" : "");
	if (r->rival)
		printf(" rival %d", r->rival);
}

void print_program(const struct program *p, const struct side *shim)
{
	static const char *const ends[ENDS] = {
		"exit", "_exit", "_Exit", "quick_exit", "syscall(exit_group)", "abort"
	};
	for (int c = 0; c < CONNS; c++) {
		const struct plan *plan = &p->plans[c];
		if (plan->every)
			printf("  c%d's peer reads %u bytes every %u us\n", c, plan->gulp, plan->every);
		if (plan->gone)
			printf("  c%d's peer resets it after %u bytes\n", c, plan->gone_after);
	}
	printf("  a0 ends by %s%s%s%s%s\n", ends[p->end[0]], p->ticks ? "; a timer interrupts calls" : "",
	       p->ignore_pipe ? "; SIGPIPE is ignored" : "", p->alt_stack ? "; signals have a stack of their own" : "",
	       p->no_stdin ? "; descriptor 0 is closed" : "");
	for (uint32_t i = 0; i < p->nops; i++) {
		printf("%4u  ", i);
		program_print_op(stdout, p, &p->ops[i]);
		printf("\n            =");
		print_result(&sides[0].board->results[i]);
		printf(" |");
		print_result(&shim->board->results[i]);
		printf("\n");
	}
	for (int c = 0; c < CONNS; c++) {
		const struct stream *a = &sides[0].streams[c], *b = &shim->streams[c];
		size_t same = 0;
		if (!a->opened && !b->opened)
			continue;
		while (same < a->n && same < b->n && a->bytes[same] == b->bytes[same])
			same++;
		printf("  c%d: %zu bytes bare, %zu behind the shim, the first %zu the same\n", c, a->n, b->n, same);
		if (same < a->n || same < b->n) {
			printf("      bare: ... ");
			program_print_bytes(stdout, a->bytes + same, a->n - same, 100);
			printf("\n      shim: ... ");
			program_print_bytes(stdout, b->bytes + same, b->n - same, 100);
			printf("\n");
		}
	}
}

static void print_command(uint64_t k, const struct side *shim)
{
	printf("again: %s -s %lu -k %lu -v --join %s --hold %s", program_invocation_name, (unsigned long)options.seed,
	       (unsigned long)k, shim->join, options.hold); /* as given, because the author looks at it */
	if (options.family_name != NULL)
		printf(" --only %s", options.family_name);
	printf(" --library %s\n", options.library);
}

/* Starts two sides, the bare one and this mode, with or without a trace. */
static void restart(const struct side *shim, const char *trace)
{
	struct side one = { .name = shim->name,
		            .preload = shim->preload,
		            .join = shim->join,
		            .hold = shim->hold,
		            .timeout = shim->timeout,
		            .trace = trace };
	for (int i = 1; i < nsides; i++)
		side_stop(&sides[i]);
	nsides = 2;
	sides[1] = one;
	side_start(&sides[1]);
}

static bool bare_differs(const struct program *p, struct difference *d)
{
	struct side other = { .name = "bare again", .join = "", .hold = "" }, *both[] = { &sides[0], &other };
	bool found = false;
	side_start(&other);
	for (int i = 0; i < RETRIES && !found; i++) {
		sides_run(both, 2, p);
		found = differ(&sides[0], &other, d);
	}
	side_stop(&other);
	return found;
}

static void print_trace(const char *file)
{
	char line[600];
	FILE *f = fopen(file, "r");
	printf("the shim's trace:\n");
	while (f != NULL && fgets(line, sizeof line, f) != NULL)
		printf("  %s", line);
	if (f != NULL)
		fclose(f);
}

void report(uint64_t k, const struct program *original, const struct side *which)
{
	struct program *p = malloc(sizeof *p);
	struct difference d = { .what = "" };
	struct side *shim;
	char trace[] = "/tmp/fuzz-trace-XXXXXX";
	memcpy(p, original, sizeof *p);
	restart(which, NULL);
	peer_patience_ns = 3000000000u; /* short, as the difference may be a run that does not end */
	int failed = failures(p, RETRIES, false, &d);
	printf("it differs in %d of %d more runs\n", failed, RETRIES);
	if (failed > 0) {
		int tries = failed > RETRIES / 2 ? 3 : 4 * RETRIES / failed;
		shrink(p, tries);
		if (bare_differs(p, &d))
			printf("two bare runs of it differ as well (%s): the program is to blame, not the shim\n",
			       d.what);
	} else if (bare_differs(p, &d)) {
		printf("two bare runs of it differ as well (%s): the program is to blame, not the shim\n", d.what);
	}
	int fd = mkstemp(trace);
	restart(&sides[1], trace);
	bool again = false;
	for (int i = 0; i < TRACE_TRIES && !again; i++) {
		if (fd >= 0 && ftruncate(fd, 0) != 0)
			warn("trace");
		again = run(p, &shim, &d);
	}
	printf("%s:\n", again ? d.what : "the smallest that differed, here in a run that does not");
	print_program(p, &sides[1]);
	print_trace(trace);
	unlink(trace);
	print_command(k, &sides[1]);
	free(p);
}
