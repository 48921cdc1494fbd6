/* Steps of p_steps that concern what surrounds the connection: the peer, other libraries, limits, signals. */
#include "steps.h"

#include <dlfcn.h>
#include <linux/io_uring.h>
#include <signal.h>
#include <sys/resource.h>

/* Loads a library with RTLD_DEEPBIND, which binds its symbols past every preloaded library. */
static long do_deepbind(const struct step *s)
{
	(void)s;
	return dlopen("libm.so.6", RTLD_NOW | RTLD_DEEPBIND) != NULL ? 0 : -1;
}

/* Loads a library that loads another one by its own run path. If the hook of dlopen were the caller, its run path would
 * be used instead. */
static long do_plugin(const struct step *s)
{
	void *plugin = dlopen(s->argument, RTLD_NOW);
	int (*load)(void) = plugin != NULL ? (int (*)(void))dlsym(plugin, "load") : NULL;

	if (load == NULL)
		report("%s\n", dlerror());
	errno = ERRNO_BEFORE;
	return load != NULL ? load() : -1;
}

static long do_uring_setup(const struct step *s)
{
	struct io_uring_params p = { .flags = 0 };
	long ring = syscall(SYS_io_uring_setup, 1, &p);

	(void)s;
	must(ring >= 0, "io_uring_setup (kernel.io_uring_disabled must be 0)");
	return (long)close((int)ring);
}

static long do_peer(const struct step *s)
{
	char packet[2048] = ">";

	memcpy(packet + 1, s->argument, strlen(s->argument));
	report_bytes(packet, strlen(packet));
	return 0;
}

static long do_await(const struct step *s)
{
	(void)s;
	errno = ETIMEDOUT;
	return peer_has_all() ? 0 : -1;
}

static long do_sleep(const struct step *s)
{
	sleep_us(natural(s->verb, s->argument) * 1000L);
	return 0;
}

static long do_make(const struct step *s)
{
	return close(open(s->argument, O_WRONLY | O_CREAT | O_CLOEXEC, 0644));
}

/* Allows no more descriptors from here on, or no more bytes of a file: the library must need none. */
static long do_limit(const struct step *s)
{
	struct rlimit none = { 0, 0 };

	return setrlimit(strcmp(s->verb, "nobytes") == 0 ? RLIMIT_FSIZE : RLIMIT_NOFILE, &none);
}

static long do_ignore(const struct step *s)
{
	(void)s;
	return signal(SIGPIPE, SIG_IGN) == SIG_ERR;
}

static long do_stops(const struct step *s)
{
	(void)s;
	stops = true;
	return 0;
}

const struct verb surroundings_verbs[] = {
	{ "deepbind", do_deepbind, 0 },       { "plugin", do_plugin, 0 },
	{ "uring-setup", do_uring_setup, 0 }, { "peer", do_peer, 0 },
	{ "await", do_await, ADOPT },         { "sleep", do_sleep, ADOPT },
	{ "make", do_make, ADOPT },           { "nofiles", do_limit, 0 },
	{ "nobytes", do_limit, 0 },           { "ignore-sigpipe", do_ignore, 0 },
	{ "stops", do_stops, ADOPT },         { NULL, NULL, 0 },
};
