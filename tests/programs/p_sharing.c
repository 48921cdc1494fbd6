/* p_sharing NAME [HOW] [FLAGS] makes tasks that share memory, descriptors or process numbers in part, for
 * tests/preload/sharing.c. */
#include "p_message.h"
#include "p_named.h"

#include <linux/close_range.h>
#include <linux/sched.h>
#include <poll.h>
#include <sched.h>
#include <spawn.h>
#include <sys/wait.h>

extern void (*in_the_copy)(void); /* defined in lib_sharing.c */
extern __typeof__(clone) __clone;

static const char *flags_named;

/* --- a connection that is accepted while descriptors are being copied -------------------------- */

/* Shared with the child: the number of the connection, and the stage that it waits for. */
#define NUMBER (*(_Atomic int64_t *)&shared->sent[0])
#define STAGE  (*(_Atomic int64_t *)&shared->sent[1])
enum { BEGUN, TOLD, DONE };

static bool wait_for_stage(int64_t stage)
{
	for (int i = 0; i < 20000 && atomic_load(&STAGE) < stage; i++)
		sleep_us(100);
	return atomic_load(&STAGE) >= stage;
}

static void accept_meanwhile(void)
{
	atomic_store(&NUMBER, accept_peer());
	if (is_how("held"))
		write_head((int)NUMBER);
}

/* Runs in the copy: writes the body, or keeps the connection open until it is told to end. */
static void be_the_copy(void)
{
	if (is_how("held"))
		write_body((int)NUMBER);
	else
		wait_for_stage(TOLD);
	atomic_store(&STAGE, DONE);
	_exit(0);
}

static void copy(const char *way)
{
	char *arguments[] = { "/proc/self/exe", "the-copy", (char *)how, NULL };
	char command[300], path[200];
	ssize_t n = readlink("/proc/self/exe", path, sizeof path - 1);
	pid_t pid;

	path[n > 0 ? n : 0] = '\0';
	snprintf(command, sizeof command, "%s the-copy %s &", path, how);
	if (strcmp(way, "fork") == 0) {
		if ((pid = fork()) == 0)
			be_the_copy();
	} else if (strcmp(way, "posix_spawn") == 0)
		must(posix_spawn(&pid, path, NULL, NULL, arguments, environ) == 0, "posix_spawn");
	else if (strcmp(way, "system") == 0)
		must(system(command) == 0, "system");
	else
		must(popen(command, "r") != NULL, "popen");
}

/* held: a head was written to the connection during the copy. tail: the head and the body are written after the copy,
 * and the close ends the message, so that the kernel must not keep its last bytes although the copy still has the
 * socket. */
static void copied(void)
{
	in_the_copy = accept_meanwhile;
	copy(flags_named);
	if (is_how("held")) {
		must(wait_for_stage(DONE), "the copy's bytes");
		return;
	}
	int64_t begun = now_ns();
	must(write((int)NUMBER, "HTTP/1.0 200 OK\r\nA: b\r\n\r\n", 25) == 25, "writing a head");
	must(write((int)NUMBER, "body", 4) == 4, "writing a body");
	atomic_store(&shared->written, 29);
	close((int)NUMBER);
	while (atomic_load(&shared->received) < 29 && now_ns() < begun + 1000000000)
		sleep_us(100);
	report("late: %d\n", now_ns() > begun + 100000000);
	atomic_store(&STAGE, TOLD);
	must(wait_for_stage(DONE), "the copy's end");
}

/* --- a clone ---------------------------------------------------------------------------------- */

static const struct {
	const char *name;
	unsigned bit;
} flags[] = {
	{ "VM", CLONE_VM },         { "FILES", CLONE_FILES }, { "THREAD", CLONE_THREAD | CLONE_SIGHAND },
	{ "SETTLS", CLONE_SETTLS }, { "VFORK", CLONE_VFORK },
};

static unsigned named_flags(void)
{
	unsigned bits = 0;

	for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
		if (strstr(flags_named, flags[i].name) != NULL)
			bits |= flags[i].bit;
	return bits;
}

static atomic_int child_ran;

/* A child without a thread pointer of its own may use nothing of libc. */
static inline void __attribute__((always_inline, noreturn)) run_child(void)
{
	atomic_store(&child_ran, 1);
	for (;;)
		unseen(SYS_exit, 0, 0, 0, 0, 0, 0);
}

static int child(void *argument)
{
	(void)argument;
	run_child();
}

static long clone_by(unsigned bits)
{
	static char stack[65536] __attribute__((aligned(64))), thread[4096] __attribute__((aligned(64)));
	char *top = stack + sizeof stack - 64, *tls = thread + sizeof thread / 2;
	unsigned signal_at_end = bits & CLONE_THREAD ? 0 : SIGCHLD;
	struct clone_args args = { .flags = bits, .exit_signal = signal_at_end, .tls = (uintptr_t)tls };
	long pid;

	*(void **)tls = tls; /* where x86-64 expects it */
	if (is_how("clone"))
		return clone(child, top, (int)(bits | signal_at_end), NULL, NULL, tls, NULL);
	if (is_how("__clone"))
		return __clone(child, top, (int)(bits | signal_at_end), NULL, NULL, tls, NULL);
	if (is_how("SYS_clone"))
		pid = syscall(SYS_clone, (long)(bits | signal_at_end), 0L, NULL, NULL, tls);
	else if (is_how("SYS_clone3"))
		pid = syscall(SYS_clone3, &args, sizeof args);
#ifdef SYS_fork
	else if (is_how("SYS_fork"))
		pid = syscall(SYS_fork);
#endif
	else
		pid = -1;
	if (pid == 0)
		run_child();
	return pid;
}

/* The connection was there before the clone. Whether its message is held afterwards, and where, shows what the library
 * decided. */
static void cloned(void)
{
	unsigned bits = named_flags();
	int fd = accept_peer();
	long pid = clone_by(bits);

	must(pid > 0, "clone");
	if (!(bits & CLONE_THREAD))
		wait_for((pid_t)pid);
	else
		while (!atomic_load(&child_ran))
			sleep_us(100);
	write_head(fd);
	write_body(fd);
}

int main(int argc, char **argv)
{
	static const struct named scenarios[] = {
		{ "copied", copied },
		{ "the-copy", be_the_copy },
		{ "cloned", cloned },
	};

	named_begin(argc, argv);
	flags_named = argc > 3 ? argv[3] : "";
	return named_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
