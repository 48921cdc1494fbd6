/* Random programs, each run bare and behind the shim: the peer must get the same bytes, and every operation must return
 * the same.
 *
 *     programs [-n PROGRAMS] [-s SEED] [-j JOBS] [--join header|message|both] [--hold memory|kernel|both]
 *              [--library FILE]
 *     programs -s SEED -k NUMBER -v      one program, in words, with the results of both runs
 *
 * A difference is made as small as it will go, printed with the command that plays it again and the shim's own trace;
 * exit status 1. A seed and a number name a program for as long as generate.c stays as it is. */
#include "peer.h"

#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { SIDES = 5, TIMEOUT_US = 500, RETRIES = 40, TRACE_TRIES = 60 };

static struct {
	uint64_t seed;
	uint32_t programs, jobs;
	int64_t only;
	bool verbose;
	const char *join, *hold, *library;
} options = { .programs = 2000, .jobs = 2, .only = -1, .join = "header", .hold = "memory",
              .library = BUILD_DIR "/libonewrite.so" };

static struct side sides[SIDES]; /* the first is bare */
static int nsides;

/* --- comparing ---------------------------------------------------------------------------------------------------- */

struct difference {
	char what[512];
};

#define DIFFERENT(d, ...) (snprintf((d)->what, sizeof(d)->what, __VA_ARGS__), true)

static bool unread(const struct side *s, int c)
{
	uint64_t sent = 0;
	for (uint32_t i = 0; i < s->board->program.nops; i++)
		if (s->board->program.ops[i].kind == READ && s->board->program.ops[i].conn == c)
			sent += s->board->program.ops[i].size;
	return s->streams[c].opened && atomic_load(&s->board->consumed[c]) < sent;
}

/* A connection that ends in a reset (the peer's, or because bytes were left unread) may lose its tail: then one stream
 * must only be the beginning of the other. */
static bool streams_differ(const struct side *bare, const struct side *shim, int c, struct difference *d)
{
	const struct stream *a = &bare->streams[c], *b = &shim->streams[c];
	bool gone = bare->board->program.plans[c].gone, loose = gone || unread(bare, c) || unread(shim, c);
	size_t common = a->n < b->n ? a->n : b->n, same = 0;
	while (same < common && a->bytes[same] == b->bytes[same])
		same++;
	if (same < common)
		return DIFFERENT(d, "connection %d: byte %zu is another (%zu bytes bare, %zu behind the shim)", c, same,
		                 a->n, b->n);
	if (a->n != b->n && !loose)
		return DIFFERENT(d, "connection %d: %zu bytes bare, %zu behind the shim", c, a->n, b->n);
	if (a->opened != b->opened)
		return DIFFERENT(d, "connection %d: %s bare", c, a->opened ? "opened only" : "not opened");
	if (a->error != b->error && !loose)
		return DIFFERENT(d, "connection %d: ends with '%s' bare, '%s' behind the shim", c,
		                 a->error ? strerror(a->error) : "FIN",
		                 b->error ? strerror(b->error) : "FIN");
	return false;
}

/* Where the peer resets the connection, when the program hears of it is a matter of time. */
static bool depends_on_time(const struct program *p, uint32_t i)
{
	const struct op *o = &p->ops[i];
	if (o->conn != NOBODY && p->plans[o->conn].gone && o->kind != DUP && o->kind != TAKE)
		return true;
	if (o->kind != GET || o->how != SNDBUF)
		return false;
	for (uint32_t j = 0; j < i; j++) /* the kernel tunes it, unless the program has set it */
		if (p->ops[j].kind == SET && p->ops[j].how == SNDBUF && p->ops[j].conn == o->conn)
			return false;
	return true;
}

/* What the peer sends to a side that was shut for reading comes back as a reset: the write after it fails with the one or the other. */
static bool same_error(const struct program *p, uint32_t i, int a, int b)
{
	if (a == b || !((a == EPIPE && b == ECONNRESET) || (a == ECONNRESET && b == EPIPE)))
		return a == b;
	for (uint32_t j = 0; j < i; j++)
		if (p->ops[j].kind == SHUT && p->ops[j].value == SHUT_RDWR && p->ops[j].conn == p->ops[i].conn)
			return true;
	return false;
}

static bool never_ended(const struct side *s, const char *name, struct difference *d)
{
	const struct program *p = &s->board->program;
	for (uint32_t i = 0; i < p->nops; i++)
		if (!s->board->results[i].done)
			return DIFFERENT(d, "%s never ended: it stands at operation %u", name, i);
	for (int c = 0; c < CONNS && s->exited; c++)
		if (!s->streams[c].ended)
			return DIFFERENT(d, "%s ended, but %s connection %d", name,
			                 s->streams[c].opened ? "not" : "without", c);
	return DIFFERENT(d, "%s never ended: its operations are all done", name);
}

static bool differ(const struct side *bare, const struct side *shim, struct difference *d)
{
	const struct program *p = &bare->board->program;
	if (bare->hung || shim->hung)
		return never_ended(bare->hung ? bare : shim, bare->hung ? "the bare run" : "the run behind the shim",
		                   d);
	for (int c = 0; c < CONNS; c++)
		if (streams_differ(bare, shim, c, d))
			return true;
	for (uint32_t i = 0; i < p->nops; i++) {
		const struct result *a = &bare->board->results[i], *b = &shim->board->results[i];
		if (depends_on_time(p, i))
			continue;
		if (a->done != b->done || a->ret != b->ret || !same_error(p, i, (int)a->error, (int)b->error) || a->extra != b->extra)
			return DIFFERENT(d, "operation %u: %s%ld %s (%ld) bare, %s%ld %s (%ld) behind the shim", i,
			                 a->done ? "" : "not done ", (long)a->ret,
			                 a->error ? strerror(a->error) : "", (long)a->extra, b->done ? "" : "not done ",
			                 (long)b->ret,
			                 b->error ? strerror(b->error) : "", (long)b->extra);
	}
	if (bare->status != shim->status)
		return DIFFERENT(d, "exit status %x bare, %x behind the shim", (unsigned)bare->status,
		                 (unsigned)shim->status);
	if (memcmp(bare->board->status, shim->board->status, sizeof bare->board->status) != 0)
		return DIFFERENT(d, "a child's exit status");
	bool gone = false;
	for (int c = 0; c < CONNS; c++)
		gone |= p->plans[c].gone;
	for (uint32_t i = 0; i < p->nops; i++) /* a write that fails with ECONNRESET raises none: see same_error() */
		gone |= p->ops[i].kind == SHUT && p->ops[i].value == SHUT_RDWR;
	if (!gone && bare->board->pipe_signals != shim->board->pipe_signals)
		return DIFFERENT(d, "SIGPIPE %u times bare, %u times behind the shim", bare->board->pipe_signals,
		                 shim->board->pipe_signals);
	return false;
}

static bool run(const struct program *p, struct side **which, struct difference *d)
{
	struct side *all[SIDES];
	for (int i = 0; i < nsides; i++)
		all[i] = &sides[i];
	sides_run(all, nsides, p);
	for (int i = 1; i < nsides; i++)
		if (differ(&sides[0], &sides[i], d)) {
			*which = &sides[i];
			return true;
		}
	return false;
}

/* --- printing ----------------------------------------------------------------------------------------------------- */

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
}

static void print_program(const struct program *p, const struct side *shim)
{
	static const char *const ends[ENDS] = { "exit", "_exit", "_Exit", "quick_exit", "syscall(exit_group)",
	                                        "abort" };
	for (int c = 0; c < CONNS; c++) {
		const struct plan *plan = &p->plans[c];
		if (plan->every)
			printf("  c%d's peer reads %u bytes every %u us\n", c, plan->gulp, plan->every);
		if (plan->gone)
			printf("  c%d's peer resets it after %u bytes\n", c, plan->gone_after);
	}
	printf("  a0 ends by %s%s%s%s%s\n", ends[p->end[0]], p->ticks ? "; a timer interrupts calls" : "",
	       p->ignore_pipe ? "; SIGPIPE is ignored" : "",
	       p->alt_stack ? "; signals have a stack of their own" : "",
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
	printf("again: %s -s %lu -k %lu -v --join %s --hold %s\n", program_invocation_name, (unsigned long)options.seed,
	       (unsigned long)k, shim->join,
	       shim->hold);
}

/* --- making it small ---------------------------------------------------------------------------------------------- */

/* How many of so many runs differ? Stops at the first with `once`. */
static int failures(const struct program *p, int tries, bool once, struct difference *d)
{
	struct side *which;
	int failed = 0;
	time_t limit = time(NULL) + 60;
	for (int i = 0; i < tries && !(once && failed) && time(NULL) < limit; i++)
		failed += run(p, &which, d);
	return failed;
}

static void without(struct program *p, const struct program *from, uint32_t first, uint32_t n)
{
	memcpy(p, from, sizeof *p);
	for (uint32_t i = first; i < first + n; i++) {
		const struct op *o = &from->ops[i];
		if (o->kind == THREAD || o->kind == FORK) /* who began this actor does its work */
			for (uint32_t j = 0; j < p->nops; j++)
				if (p->ops[j].actor == o->other)
					p->ops[j].actor = p->ops[i].actor;
	}
	memmove(&p->ops[first], &p->ops[first + n], (p->nops - first - n) * sizeof *p->ops);
	p->nops -= n;
}

static bool still(struct program *p, const struct program *candidate, int tries)
{
	struct difference d;
	if (failures(candidate, tries, true, &d) == 0)
		return false;
	memcpy(p, candidate, sizeof *p);
	return true;
}

static void shrink(struct program *p, int tries)
{
	struct program *candidate = malloc(sizeof *candidate);
	time_t limit = time(NULL) + 120;
	bool smaller = true;
	while (smaller && time(NULL) < limit) {
		smaller = false;
		for (uint32_t n = p->nops / 2; n > 0; n = n / 2)
			for (uint32_t i = 0; i + n <= p->nops && time(NULL) < limit;) {
				without(candidate, p, i, n);
				if (still(p, candidate, tries))
					smaller = true;
				else
					i += n;
			}
		/* plainer doors, no flags, shorter bytes */
		for (uint32_t i = 0; i < p->nops && time(NULL) < limit; i++)
			for (int how = 0; how < 3; how++) {
				memcpy(candidate, p, sizeof *p);
				struct op *o = &candidate->ops[i];
				bool piece = o->kind == PIECE || o->kind == SIGNAL;
				if (how == 0 && piece && (o->how != BY_WRITE || o->value != 0))
					o->how = BY_WRITE, o->value = 0;
				else if (how == 1 && o->size > 200)
					o->size /= 2;
				else if (how == 2 && o->kind == SIGNAL)
					o->kind = PIECE;
				else
					continue;
				smaller |= still(p, candidate, tries);
			}
		for (int c = 0; c < CONNS; c++) {
			memcpy(candidate, p, sizeof *p);
			candidate->plans[c] = (struct plan){ 0 };
			if (memcmp(&candidate->plans[c], &p->plans[c], sizeof(struct plan)) != 0)
				smaller |= still(p, candidate, tries);
		}
		memcpy(candidate, p, sizeof *p);
		candidate->ticks = candidate->alt_stack = candidate->no_stdin = false;
		memset(candidate->end, 0, sizeof candidate->end);
		if (memcmp(candidate, p, offsetof(struct program, text)) != 0)
			smaller |= still(p, candidate, tries);
	}
	free(candidate);
}

/* Sides that differ in this one mode, with or without a trace. */
static void restart(const struct side *shim, const char *trace)
{
	struct side one = { .name = shim->name, .preload = shim->preload, .join = shim->join, .hold = shim->hold,
	                    .timeout = shim->timeout, .trace = trace };
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

static void report(uint64_t k, const struct program *original, const struct side *which)
{
	struct program *p = malloc(sizeof *p);
	struct difference d = { "" };
	struct side *shim;
	char trace[] = "/tmp/fuzz-trace-XXXXXX";
	memcpy(p, original, sizeof *p);
	restart(which, NULL);
	peer_patience_ns = 3000000000u; /* it may well be about patience */
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
			perror("fuzz: trace");
		again = run(p, &shim, &d);
	}
	printf("%s:\n", again ? d.what : "the smallest that differed, here in a run that does not");
	print_program(p, &sides[1]);
	print_trace(trace);
	unlink(trace);
	print_command(k, &sides[1]);
	free(p);
}

/* --- running ------------------------------------------------------------------------------------------------------ */

static void start_sides(void)
{
	static const char *const joins[] = { "header", "message" }, *const holds[] = { "memory", "kernel" };
	static char names[SIDES][64];
	sides[0] = (struct side){ .name = "bare", .join = "", .hold = "" };
	nsides = 1;
	for (int j = 0; j < 2; j++)
		for (int h = 0; h < 2; h++)
			if ((strcmp(options.join, "both") == 0 || strcmp(options.join, joins[j]) == 0) &&
			    (strcmp(options.hold, "both") == 0 || strcmp(options.hold, holds[h]) == 0)) {
				snprintf(names[nsides], sizeof *names, "%s, %s", joins[j], holds[h]);
				sides[nsides++] = (struct side){ .name = names[nsides], .preload = options.library,
				                                 .join = joins[j], .hold = holds[h],
					                         .timeout = TIMEOUT_US };
			}
	for (int i = 0; i < nsides; i++)
		side_start(&sides[i]);
}

static void stop_sides(void)
{
	for (int i = 0; i < nsides; i++)
		side_stop(&sides[i]);
}

static int run_programs(uint32_t job)
{
	struct program *p = malloc(sizeof *p);
	struct difference d;
	struct side *which;
	int failed = 0;
	bool unseen = strcmp(options.hold, "kernel") == 0;
	start_sides();
	for (uint64_t k = options.only >= 0 ? (uint64_t)options.only : job; !failed; k += options.jobs) {
		if (options.only < 0 && k >= options.programs)
			break;
		program_generate(p, options.seed, k, TIMEOUT_US, unseen);
		if (run(p, &which, &d)) {
			printf("program %lu differs (%s): %s\n", (unsigned long)k, which->name, d.what);
			if (options.verbose)
				print_program(p, which);
			report(k, p, which);
			failed = 1;
		} else if (options.only >= 0) {
			for (int i = 1; options.verbose && i < nsides; i++)
				print_program(p, &sides[i]);
			printf("no difference\n");
		}
		if (options.only >= 0)
			break;
	}
	stop_sides();
	free(p);
	fflush(stdout);
	return failed;
}

/* The jobs share the programs out; the first that finds a difference ends them all, once it has told its story. */
static int run_jobs(void)
{
	pid_t jobs[64];
	uint32_t n = options.jobs;
	int status, failed = 0;
	struct timespec t0, t1;
	clock_gettime(CLOCK_MONOTONIC, &t0);
	fflush(stdout);
	for (uint32_t i = 0; i < n; i++)
		if ((jobs[i] = fork()) == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			exit(run_programs(i));
		}
	for (uint32_t left = n; left > 0; left--) {
		pid_t pid = wait(&status);
		if (status == 0)
			continue;
		for (uint32_t i = 0; i < n && !failed; i++)
			if (jobs[i] != pid)
				kill(jobs[i], SIGTERM);
		failed = failed ? failed : WIFEXITED(status) ? WEXITSTATUS(status) : 2;
	}
	clock_gettime(CLOCK_MONOTONIC, &t1);
	double seconds = (double)(t1.tv_sec - t0.tv_sec) + (double)(t1.tv_nsec - t0.tv_nsec) / 1e9;
	if (!failed)
		printf("%u programs, seed %lu, join %s, hold %s: no difference (%.0f per second)\n", options.programs,
		       (unsigned long)options.seed, options.join,
		       options.hold, options.programs / seconds);
	return failed;
}

static uint64_t number(const char *s)
{
	char *end;
	errno = 0;
	uint64_t n = strtoull(s, &end, 10);
	if (*s == '\0' || *end != '\0' || errno != 0) {
		fprintf(stderr, "fuzz: '%s' is no number\n", s);
		exit(2);
	}
	return n;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "programs", 1, NULL, 'n' }, { "seed", 1, NULL, 's' }, { "program", 1, NULL, 'k' },
		{ "jobs", 1, NULL, 'j' },     { "join", 1, NULL, 'J' }, { "hold", 1, NULL, 'H' },
		{ "library", 1, NULL, 'L' },  { "verbose", 0, NULL, 'v' }, { NULL, 0, NULL, 0 },
	};
	if (argc == 2 && strcmp(argv[1], "--runner") == 0)
		return play_runner();
	if (argc == 4 && strcmp(argv[1], "--go-on") == 0)
		return play_go_on(atoi(argv[2]), atoi(argv[3]));
	if (argc == 4 && strcmp(argv[1], "--piece") == 0)
		return play_piece(atoi(argv[2]), atoi(argv[3]));
	options.seed = (uint64_t)time(NULL);
	for (int c; (c = getopt_long(argc, argv, "n:s:k:j:v", names, NULL)) != -1;)
		switch (c) {
		case 'n': options.programs = (uint32_t)number(optarg); break;
		case 's': options.seed = number(optarg); break;
		case 'k': options.only = (int64_t)number(optarg); break;
		case 'j': options.jobs = (uint32_t)number(optarg); break;
		case 'J': options.join = optarg; break;
		case 'H': options.hold = optarg; break;
		case 'L': options.library = optarg; break;
		case 'v': options.verbose = true; break;
		default: return 2;
		}
	if (options.jobs < 1 || options.jobs > 64 || access(options.library, R_OK) != 0) {
		fprintf(stderr, "fuzz: no library %s, or a strange number of jobs\n", options.library);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed %lu\n", (unsigned long)options.seed);
	return options.only >= 0 ? run_programs(0) : run_jobs();
}
