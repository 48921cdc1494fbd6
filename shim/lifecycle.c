#include "lifecycle.h"

#include <errno.h>
#include <pthread.h>
#include <string.h>
#include <sys/auxv.h>

#include "config.h"
#include "pool.h"
#include "real.h"
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
	epoch_raise();
	release_all("fork");
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
	/* A program that has more privileges than its caller (set-user-ID, file capabilities) is left alone: the caller chose the environment. */
	if (getauxval(AT_SECURE) == 0) {
		deadline_init(release_due);
		pthread_atfork(prepare, NULL, child);
		config.active = config_read(argv, envp, complain); /* last: other constructors' threads may write already */
	}
	errno = saved;
}

__attribute__((destructor)) static void end(void)
{
	lifecycle_end("exit");
}

/* Who holds in memory looks at `place` after the hold is visible; who forbids it looks for holds after that is: one of the two sees the
 * other. */
static void forbid_memory(void)
{
	atomic_store(&config.place, PLACE_KERNEL);
}

void lifecycle_before_copy(const char *why)
{
	int saved = errno;
	epoch_raise();
	release_all(why);
	deadline_stop();
	errno = saved;
}

void lifecycle_after_copy(void)
{
	deadline_resume();
}

void lifecycle_in_child(void)
{
	atomic_store(&held_heads, 0);
	release_in_child();
	if (pool_wipes_on_fork()) { /* the kernel has cleared the tables, the messages, their locks and the helper's state */
		conn_own();
		return;
	}
	deadline_forget();
	conn_forget_all();
	pool_forget();
}

void lifecycle_before_spawn(const char *why)
{
	int saved = errno;
	epoch_raise();
	release_all(why);
	errno = saved;
}

void lifecycle_alone(const char *why)
{
	int saved = errno;
	release_all(why);
	deadline_stop();
	errno = saved;
}

void lifecycle_unseen_writers(const char *why)
{
	int saved = errno;
	forbid_memory();
	release_all(why);
	errno = saved;
}

void lifecycle_retire(const char *why)
{
	int saved = errno;
	config.active = false;
	forbid_memory();
	release_for_good(why);
	deadline_stop();
	errno = saved;
}

void lifecycle_end(const char *why)
{
	int saved = errno;
	config.active = false;
	forbid_memory();
	release_all(why);
	errno = saved;
}
