/* What the scenarios of p_scenarios have in common: they write heads and bodies to the peer. */
#ifndef SCENARIOS_H
#define SCENARIOS_H

#include "../p_common.h"

enum { HEAD_SIZE = sizeof HEAD - 1, BODY_SIZE = 200 };

struct scenario {
	const char *name;
	void (*run)(void);
};

/* Each table ends with a scenario that has no name. */
extern const struct scenario deadline_scenarios[], peer_scenarios[], signal_scenarios[], thread_scenarios[],
	helper_scenarios[], number_scenarios[];

extern const char *how;

static inline void write_head(int fd)
{
	must(write(fd, HEAD, HEAD_SIZE) == HEAD_SIZE, "writing a head");
	atomic_fetch_add(&shared->written, HEAD_SIZE);
}

static inline void write_body(int fd)
{
	char body[BODY_SIZE];

	body_fill(shared, body, sizeof body);
	must(write(fd, body, sizeof body) == (ssize_t)sizeof body, "writing a body");
	atomic_fetch_add(&shared->written, BODY_SIZE);
}

/* A signal handler that does nothing. Installed without SA_RESTART, it ends the call that it interrupts. */
static inline void ignore(int signal_number)
{
	(void)signal_number;
}

#endif
