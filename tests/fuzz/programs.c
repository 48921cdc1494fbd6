/* Runs random programs bare and under the library (`make fuzz`): the peer must get the same bytes, and every operation
 * must return the same.
 *
 *     programs [-n PROGRAMS] [-s SEED] [-j JOBS] [--join header|message|both] [--hold memory|kernel|both|observe]
 *              [--library FILE] [--only FAMILY]
 *     programs -s SEED -k NUMBER -v      one program, in words, with the results of both runs
 *
 * A program that differs is made as small as possible, and printed with the command that runs it again and the
 * library's trace; the exit status is 1. A seed and a number name the same program as long as the author (generate*.c)
 * does not change. */
#include "number.h"
#include "programs.h"

#include <err.h>
#include <getopt.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { TIMEOUT_US = 500 };

struct options options = { .programs = 2000,
	                   .jobs = 2,
	                   .only = -1,
	                   .family = -1,
	                   .join = "header",
	                   .hold = "memory",
	                   .library = BUILD_DIR "/libonewrite.so" };

struct side sides[SIDES];
int nsides;

bool run(const struct program *p, struct side **which, struct difference *d)
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

static void start_sides(void)
{
	static const char *const joins[] = { "header", "message" }, *const holds[] = { "memory", "kernel", "observe" };
	static char names[SIDES][64];
	sides[0] = (struct side){ .name = "bare", .join = "", .hold = "" };
	nsides = 1;
	for (int j = 0; j < 2; j++)
		for (int h = 0; h < 3; h++)
			if ((strcmp(options.join, "both") == 0 || strcmp(options.join, joins[j]) == 0) &&
			    ((strcmp(options.hold, "both") == 0 && h < 2) || strcmp(options.hold, holds[h]) == 0)) {
				snprintf(names[nsides], sizeof *names, "%s, %s", joins[j], holds[h]);
				sides[nsides] = (struct side){ .name = names[nsides],
					                       .preload = options.library,
					                       .join = joins[j],
					                       .hold = holds[h],
					                       .timeout = TIMEOUT_US };
				nsides++;
			}
	for (int i = 0; i < nsides; i++)
		side_start(&sides[i]);
}

static void stop_sides(void)
{
	for (int i = 0; i < nsides; i++)
		side_stop(&sides[i]);
}

static bool happens_again(const struct program *p)
{
	struct difference d;
	return failures(p, RETRIES, true, &d) > 0;
}

static int run_programs(uint32_t job)
{
	struct program *p = malloc(sizeof *p);
	struct difference d;
	struct side *which;
	int failed = 0;
	struct wish wish = { .seed = options.seed,
		             .timeout_us = TIMEOUT_US,
		             .unseen = strcmp(options.hold, "kernel") == 0 || strcmp(options.hold, "observe") == 0,
		             .only = options.family };
	start_sides();
	for (uint64_t k = options.only >= 0 ? (uint64_t)options.only : job; !failed; k += options.jobs) {
		if (options.only < 0 && k >= options.programs)
			break;
		program_generate(p, &wish, k);
		bool differs = run(p, &which, &d);
		if (differs && d.timed && !happens_again(p)) {
			printf("program %lu differed once (%s), and in none of %d more runs: %s\n", (unsigned long)k,
			       which->name, RETRIES, d.what);
			differs = false;
		}
		if (differs) {
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

/* The jobs share the programs out. The first job that finds a difference ends the others, after it has printed its
 * report. */
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
		       (unsigned long)options.seed, options.join, options.hold, options.programs / seconds);
	return failed;
}

int main(int argc, char **argv)
{
	static const struct option names[] = {
		{ "programs", 1, NULL, 'n' }, { "seed", 1, NULL, 's' }, { "program", 1, NULL, 'k' },
		{ "jobs", 1, NULL, 'j' },     { "join", 1, NULL, 'J' }, { "hold", 1, NULL, 'H' },
		{ "library", 1, NULL, 'L' },  { "only", 1, NULL, 'F' }, { "verbose", 0, NULL, 'v' },
		{ NULL, 0, NULL, 0 },
	};
	if (argc == 2 && strcmp(argv[1], "--runner") == 0)
		return play_runner();
	if (argc == 4 && strcmp(argv[1], "--go-on") == 0)
		return play_go_on(natural("the actor", argv[2]), natural("the step", argv[3]));
	if (argc == 4 && strcmp(argv[1], "--piece") == 0)
		return play_piece(natural("the step", argv[2]), (int)number("the descriptor", argv[3], -1, INT_MAX));
	options.seed = (uint64_t)time(NULL);
	for (int c; (c = getopt_long(argc, argv, "n:s:k:j:v", names, NULL)) != -1;)
		switch (c) {
		case 'n': options.programs = (uint32_t)number("--programs", optarg, 0, UINT32_MAX); break;
		case 's': options.seed = (uint64_t)number("--seed", optarg, 0, INT64_MAX); break;
		case 'k': options.only = number("--program", optarg, 0, INT64_MAX); break;
		case 'j': options.jobs = (uint32_t)number("--jobs", optarg, 1, 64); break;
		case 'J': options.join = optarg; break;
		case 'H': options.hold = optarg; break;
		case 'L': options.library = optarg; break;
		case 'F': options.family = family_by_name(options.family_name = optarg); break;
		case 'v': options.verbose = true; break;
		default: return 2;
		}
	if (access(options.library, R_OK) != 0)
		err(2, "%s", options.library);
	if (options.family_name != NULL && options.family < 0)
		errx(2, "no family '%s': see tests/fuzz/README", options.family_name);
	signal(SIGPIPE, SIG_IGN);
	setvbuf(stdout, NULL, _IOLBF, 0);
	printf("seed %lu\n", (unsigned long)options.seed);
	return options.only >= 0 ? run_programs(0) : run_jobs();
}
