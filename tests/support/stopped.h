/* A thread that is stopped for a while, as on a machine that has no CPU for it: it neither sleeps nor runs. */
#ifndef STOPPED_H
#define STOPPED_H

#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

/* Stops one thread of the calling process for so many milliseconds, and returns when it is stopped. Returns the child
 * that does it, which ends with status 0; 0: no process can stop a thread of its parent here. */
static inline pid_t stop_thread(pid_t tid, unsigned ms)
{
	int stopped[2];
	char byte;
	if (pipe(stopped) != 0)
		return 0;
	prctl(PR_SET_PTRACER, PR_SET_PTRACER_ANY);
	pid_t tracer = fork();
	if (tracer == 0) {
		if (ptrace(PTRACE_SEIZE, tid, NULL, NULL) != 0 || ptrace(PTRACE_INTERRUPT, tid, NULL, NULL) != 0 ||
		    waitpid(tid, NULL, __WALL) != tid)
			_exit(1);
		if (write(stopped[1], "", 1) == 1)
			usleep(ms * 1000);
		ptrace(PTRACE_DETACH, tid, NULL, NULL);
		_exit(0);
	}
	close(stopped[1]);
	bool done = read(stopped[0], &byte, 1) == 1;
	close(stopped[0]);
	return done ? tracer : 0;
}

#endif
