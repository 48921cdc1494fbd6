#include "lifecycle.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>

#include "config.h"
#include "pool.h"
#include "process.h"
#include "real.h"
#include "due.h"
#include "release.h"
#include "trace.h"

static void complain(const char *line)
{
	struct iovec iov[] = { { (void *)line, strlen(line) }, { (void *)"\n", 1 } };
	(void)!libc()->writev(2, iov, 2);
}

/* The fork handlers are for forks inside libc; fork() itself comes by our hook first, where waiting for the helper's end is safe:
 * here other handlers may hold locks that it needs. */
static void prepare(void)
{
	process_copy_begins();
	release_all("fork");
}

static void parent(void)
{
	process_copy_ended();
}

static void child(void)
{
	lifecycle_in_child();
}

__attribute__((constructor)) static void begin(int argc, char **argv, char **envp)
{
	(void)argc;
	int saved = errno;
	real_init_all();
	/* A program that has more privileges than its caller (set-user-ID, file capabilities) is left alone: the caller
	 * chose the environment. */
	if (getauxval(AT_SECURE) == 0) {
		deadline_init(due_look);
		pthread_atfork(prepare, parent, child);
		bool active = config_read(argv, envp, complain);
		if (config.place == PLACE_KERNEL)
			process_forbid_memory();
		config.active = active; /* last: other constructors' threads may write already */
	}
	errno = saved;
}

__attribute__((destructor)) static void end(void)
{
	lifecycle_end("exit");
}

void lifecycle_before_copy(const char *why)
{
	int saved = errno;
	process_copy_begins();
	release_all(why);
	deadline_stop();
	errno = saved;
}

void lifecycle_after_copy(void)
{
	process_copy_ended();
	deadline_resume();
}

void lifecycle_in_child(void)
{
	atomic_store(&held_heads, 0);
	process_own();
	if (pool_wipes_on_fork()) { /* the kernel has cleared the tables, the messages, their locks and the helper's state */
		conn_in_child();
		return;
	}
	deadline_forget();
	conn_forget_all();
	pool_forget();
	msg_forget_all();
}

void lifecycle_before_spawn(const char *why)
{
	int saved = errno;
	process_copy_begins();
	release_all(why);
	errno = saved;
}

void lifecycle_after_spawn(void)
{
	process_copy_ended();
}

void lifecycle_before_exec(const char *why)
{
	int saved = errno;
	if (process_is_borrowed())
		process_copy_left(); /* not begun: nobody could end it, for our parent's memory outlives us */
	else
		process_copy_begins();
	release_all(why);
	errno = saved;
}

void lifecycle_exec_failed(void)
{
	if (!process_is_borrowed())
		process_copy_ended();
}

void lifecycle_alone(const char *why)
{
	int saved = errno;
	release_all(why);
	deadline_stop();
	errno = saved;
}

void lifecycle_not_alone(void)
{
	deadline_resume();
}

void lifecycle_unseen_writers(const char *why)
{
	int saved = errno;
	process_forbid_memory();
	release_all(why);
	errno = saved;
}

void lifecycle_retire(const char *why)
{
	int saved = errno;
	config.active = false;
	process_forbid_memory();
	release_for_good(why);
	deadline_stop();
	errno = saved;
}

void lifecycle_end(const char *why)
{
	int saved = errno;
	config.active = false;
	process_forbid_memory();
	release_all(why);
	errno = saved;
}
