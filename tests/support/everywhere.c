/* Runs the rows of everywhere.h. */
#include "everywhere.h"

#include <stdio.h>
#include <stdlib.h>

const struct mode every_mode[MODES] = {
	{ "memory", "header" }, { "memory", "message" }, { "kernel", "header" }, { "kernel", "message" }
};

static struct run *run_until(const struct setup *setup, enum behind behind, const char *wanted, int attempts)
{
	struct run *r = run(setup, behind);

	for (int n = 1; n < attempts && r->status != -1 && wanted != NULL && strcmp(r->results.p, wanted) != 0; n++) {
		run_free(r);
		r = run(setup, behind);
	}
	return r;
}

static const char *name_of(const struct case_of *c, char *to, size_t size)
{
	size_t n = 0;

	for (size_t i = 0; c->args[i] != NULL; i++)
		n += (size_t)snprintf(to + n, size - n, "%s%s", i == 0 ? "" : " ", c->args[i]);
	return to;
}

void check_everywhere(const char *program, const struct case_of *c)
{
	struct setup setup = { .args = { program },
		               .timeout = c->timeout != NULL ? c->timeout : "5ms",
		               .faults = c->faults,
		               .clients = c->clients };
	int attempts = c->timed ? ATTEMPTS : 1;
	char args[160] = "", name[256];
	struct run *bare;

	for (size_t i = 0; c->args[i] != NULL; i++)
		setup.args[i + 1] = c->args[i];
	name_of(c, args, sizeof args);
	machine_needs(c->needs, args);
	bare = run_until(&setup, BARE, c->wanted, attempts);
	cr_expect(c->wanted == NULL || strcmp(bare->results.p, c->wanted) == 0, "%s, bare: reported\n%swanted\n%s",
	          args, bare->results.p, c->wanted);
	for (size_t i = 0; i < MODES; i++) {
		struct run *shim;

		setup.hold = every_mode[i].hold;
		setup.join = every_mode[i].join;
		snprintf(name, sizeof name, "%s, hold %s, join %s", args, setup.hold, setup.join);
		shim = run_until(&setup, SHIM, bare->results.p, attempts);
		/* Where the row does not say what is wanted, it may be the bare run that was upset, so both runs are
		 * repeated. */
		for (int n = 0; n < 2 && c->timed && c->wanted == NULL && strcmp(shim->results.p, bare->results.p) != 0;
		     n++) {
			run_free(bare);
			run_free(shim);
			bare = run_until(&setup, BARE, NULL, 1);
			shim = run_until(&setup, SHIM, bare->results.p, attempts);
		}
		compare_runs(name, bare, shim, NULL);
		run_free(shim);
	}
	run_free(bare);
}
