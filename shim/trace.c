#include "trace.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>

#include "own.h"
#include "say.h"

static atomic_uint dropped;
static atomic_bool said;

static void line(int fd, const char *state, const char *event, const char *action, enum reason why, size_t bytes)
{
	struct line l = { .len = 0 };
	struct own_moment t;
	int saved = errno, cancel = PTHREAD_CANCEL_DISABLE;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &cancel);
	own_clock(CLOCK_REALTIME, &t);
	line_number(&l, (uint64_t)t.s, 1);
	line_put(&l, ".");
	line_number(&l, (uint64_t)t.ns / 1000, 6);
	line_put(&l, " pid=");
	line_number(&l, (uint64_t)own_pid(), 1);
	line_put(&l, " fd=");
	if (fd >= 0)
		line_number(&l, (uint64_t)fd, 1);
	else
		line_put(&l, "-1");
	const char *words[] = { state, event, action, reason_word(why) };
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		line_put(&l, " ");
		line_put(&l, words[i]);
	}
	line_put(&l, " bytes=");
	line_number(&l, bytes, 1);
	unsigned lost = atomic_load(&dropped);
	if (lost != 0) {
		line_put(&l, " dropped=");
		line_number(&l, lost, 1);
	}
	line_end(&l);
	int error = say_append(config.trace, &l);
	if (error == 0 && lost != 0)
		atomic_fetch_sub(&dropped, lost);
	if (error != 0) {
		atomic_fetch_add(&dropped, 1);
		say_failure(&said, "trace", error, config.trace);
	}
	pthread_setcancelstate(cancel, NULL);
	errno = saved;
}

void trace_line(int fd, enum hold_state s, enum hold_event e, enum hold_action a, enum reason why, size_t bytes)
{
	line(fd, hold_state_name(s), hold_event_name(e), hold_action_name(a), why, bytes);
}

void trace_process(enum reason why)
{
	const char *what = why != WHY_LOADED ? "inactive" : config.observe ? "observe" : "active";
	/* A file that root makes could not be written to by a program that then drops its privileges. */
	if (own()->syscall(SYS_geteuid) == 0 && own()->syscall(SYS_faccessat, AT_FDCWD, config.trace, F_OK) != 0)
		return;
	line(-1, "process", why == WHY_SWITCHED_OFF ? "switch" : "load", what, why, 0);
}
