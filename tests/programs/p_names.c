/* p_names NAME [HOW] tests to what exported names are bound, in which versions, and which caller libc sees, for
 * tests/preload/names.c. */
#include "p_named.h"

#include <aio.h>
#include <dlfcn.h>
#include <link.h>
#include <sched.h>
#include <signal.h>
#include <spawn.h>
#include <sys/stat.h>
#include <sys/wait.h>

static char body[200];

static void write_message(int fd)
{
	must(write(fd, HEAD, 100) == 100 && write(fd, body, sizeof body) == sizeof body, "writing a message");
}

/* --- the library that a name is bound to ------------------------------------------------------ */

/* Every name that the library exports, with the address that the linker found for it. Names that this libc lacks are
 * weak. */
struct reference {
	const void *address;
	const char *name;
};

#define REFERENCE(name)                                   \
	".pushsection .rodata\n9: .asciz \"" #name "\"\n" \
	".popsection\n.quad " #name "\n.quad 9b\n"
#define HOOK(name) REFERENCE(name)
__asm__(".pushsection .data.rel, \"aw\"\n"
        ".globl references\nreferences:\n"
#define IN_EVERY_LIBC
#include "hooks.def"
#undef IN_EVERY_LIBC
        ".quad 0, 0\n"
        ".popsection\n");
#undef HOOK
extern const struct reference references[];

static void report_bindings(void)
{
	int elsewhere = 0;
	Dl_info info;

	for (const struct reference *r = references; r->name != NULL; r++)
		if (dladdr(r->address, &info) == 0 || strstr(info.dli_fname, "onewrite") == NULL) {
			report("%s is bound to %s\n", r->name, info.dli_fname);
			elsewhere++;
		}
	report("bound elsewhere: %d\n", elsewhere);
}

/* --- older versions --------------------------------------------------------------------------- */

#ifdef __x86_64__
typedef int spawn(pid_t *, const char *, const posix_spawn_file_actions_t *, const posix_spawnattr_t *, char *const[],
                  char *const[]);
extern spawn old_posix_spawn, old_posix_spawnp;
extern void old_quick_exit(int) __attribute__((noreturn));
extern int old_lio_listio(int, struct aiocb *const[], int, struct sigevent *);
__asm__(".symver old_posix_spawn, posix_spawn@GLIBC_2.2.5\n"
        ".symver old_posix_spawnp, posix_spawnp@GLIBC_2.2.5\n"
        ".symver old_quick_exit, quick_exit@GLIBC_2.10\n"
        ".symver old_lio_listio, lio_listio@GLIBC_2.2.5\n");

/* Spawns a script without a #! line. The older versions have sh run it, the newer ones fail. Either may copy the
 * connection to another process. */
static void spawn_script(void)
{
	static const struct {
		const char *name;
		spawn *spawn;
	} ways[] = {
		{ "posix_spawn", posix_spawn },
		{ "posix_spawnp", posix_spawnp },
		{ "old posix_spawn", old_posix_spawn },
		{ "old posix_spawnp", old_posix_spawnp },
	};
	char path[] = "/tmp/onewrite-script-XXXXXX", *arguments[] = { path, NULL };
	int fd = accept_peer(), script = mkstemp(path), status;
	pid_t pid;

	must(script >= 0, "mkstemp");
	dprintf(script, "exit 7\n");
	must(fchmod(script, 0755) == 0 && close(script) == 0, "the script");
	for (size_t i = 0; i < sizeof ways / sizeof *ways; i++)
		if (is_how(ways[i].name)) {
			int error = ways[i].spawn(&pid, path, NULL, NULL, arguments, environ);
			if (error != 0)
				report("error: %s\n", strerrorname_np(error));
			else
				report("status: %d\n", waitpid(pid, &status, 0) == pid ? WEXITSTATUS(status) : -1);
		}
	unlink(path);
	write_message(fd);
}

static void say_so(void *argument)
{
	report("%s\n", (const char *)argument);
}

/* The older version of quick_exit runs the destructors of the thread's objects. */
static void exit_quickly(void)
{
	extern int __cxa_thread_atexit_impl(void (*)(void *), void *, void *);
	extern char __dso_handle __attribute__((visibility("hidden")));
	int fd = accept_peer();

	__cxa_thread_atexit_impl(say_so, "an object of the thread is destroyed", &__dso_handle);
	must(write(fd, HEAD, 100) == 100, "writing a head");
	if (is_how("old"))
		old_quick_exit(0);
	quick_exit(0);
}

static atomic_int announced;

static void count(int signal_number)
{
	(void)signal_number;
	atomic_fetch_add(&announced, 1);
}

/* A request in a list is announced by a signal of its own, in either version. */
static void list_requests(void)
{
	struct sigaction action = { .sa_handler = count, .sa_flags = SA_RESTART };
	int fd = accept_peer();
	struct aiocb request = { .aio_fildes = fd,
		                 .aio_buf = body,
		                 .aio_nbytes = sizeof body,
		                 .aio_lio_opcode = LIO_WRITE,
		                 .aio_sigevent = { .sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGUSR1 } };
	struct aiocb *list[] = { &request };

	sigaction(SIGUSR1, &action, NULL);
	must(write(fd, HEAD, 100) == 100, "writing a head");
	must((is_how("old") ? old_lio_listio : lio_listio)(LIO_NOWAIT, list, 1, NULL) == 0, "lio_listio");
	for (int i = 0; i < 10000 && atomic_load(&announced) == 0; i++)
		sleep_us(100);
	report("announced: %d\n", atomic_load(&announced));
}
#endif

/* --- the caller that libc sees ---------------------------------------------------------------- */

static void find_plugin(void)
{
	void *plugin = is_how("dlopen") ? dlopen("lib_plug.so", RTLD_NOW)
	                                : dlmopen(LM_ID_NEWLM, "lib_plug.so", RTLD_NOW);

	report("found: %s\n", plugin != NULL ? "yes" : dlerror());
}

/* Functions of the plugin are found only in the plugin's own scope. */
static void call_plugin(void)
{
	void *plugin = dlopen("lib_plug.so", RTLD_NOW | RTLD_LOCAL);
	int (*function)(void) = plugin != NULL ? (int (*)(void))dlsym(plugin, "lib_plug") : NULL;

	must(function != NULL, "dlopen");
	report("a ring: %d\n", function());
}

#ifdef __x86_64__
/* A child with a stack of its own returns from the system call to the address on top of that stack. */
static char stack[65536] __attribute__((aligned(64)));
static atomic_int came;

static void __attribute__((noreturn)) come_back(void)
{
	atomic_store(&came, 1);
	for (;;)
		unseen(SYS_exit, 0, 0, 0, 0, 0, 0);
}

static long clone_to_stack(unsigned flags)
{
	static void *thread[512] __attribute__((aligned(64)));
	void **top = (void **)(stack + sizeof stack - 64 - 8);
	unsigned at_end = flags & CLONE_THREAD ? 0 : SIGCHLD;
	struct {
		uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls;
	} args = { .flags = flags,
		   .exit_signal = at_end,
		   .stack = (uintptr_t)stack,
		   .stack_size = (size_t)((char *)top - stack),
		   .tls = (uintptr_t)&thread[256] };

	*top = (void *)come_back;
	thread[256] = &thread[256];
	return is_how("SYS_clone") ? syscall(SYS_clone, flags | at_end, top, 0L, 0L, &thread[256])
	                           : syscall(SYS_clone3, &args, sizeof args);
}

static void come_back_on_a_stack(unsigned flags)
{
	int fd = accept_peer(), status = 0;
	long pid = clone_to_stack(flags);

	must(pid > 0, "clone");
	if (flags & CLONE_THREAD)
		for (int i = 0; i < 20000 && !atomic_load(&came); i++)
			sleep_us(100);
	else
		must(waitpid((pid_t)pid, &status, __WALL) == pid, "the child");
	report("came back: %d, status %#x\n", atomic_load(&came), (unsigned)status);
	write_message(fd);
}

static void process_comes_back(void)
{
	come_back_on_a_stack(CLONE_VM | CLONE_VFORK);
}

static void thread_comes_back(void)
{
	come_back_on_a_stack(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_FILES | CLONE_SETTLS);
}

static void thread_apart_comes_back(void)
{
	come_back_on_a_stack(CLONE_VM | CLONE_SIGHAND | CLONE_THREAD | CLONE_SETTLS);
}

static void fork_comes_back(void)
{
	come_back_on_a_stack(0);
}

/* The child of a vfork by number runs on its parent's stack. It leaves the return address of the call in place, and
 * overwrites what lies below. */
static void vfork_by_number(void)
{
	int fd = accept_peer(), status;
	long pid = is_how("SYS_vfork") ? syscall(SYS_vfork)
	                               : syscall(SYS_clone, CLONE_VM | CLONE_VFORK | SIGCHLD, 0L, 0L, 0L, 0L);

	if (pid == 0) {
		__asm__ volatile("lea -16(%%rsp), %%rdi; mov $100, %%ecx; mov $0x5a5a5a5a, %%eax; std; rep stosq; cld"
		                 :
		                 :
		                 : "rax", "rcx", "rdi", "memory", "cc");
		for (;;)
			unseen(SYS_exit, 0, 0, 0, 0, 0, 0);
	}
	must(pid > 0 && waitpid((pid_t)pid, &status, __WALL) == pid && status == 0, "the child");
	write_message(fd);
}
#endif

int main(int argc, char **argv)
{
	static const struct named scenarios[] = {
		{ "bindings", report_bindings },
		{ "find-plugin", find_plugin },
		{ "call-plugin", call_plugin },
#ifdef __x86_64__
		{ "spawn-script", spawn_script },
		{ "exit-quickly", exit_quickly },
		{ "list-requests", list_requests },
		{ "process-comes-back", process_comes_back },
		{ "thread-comes-back", thread_comes_back },
		{ "thread-apart-comes-back", thread_apart_comes_back },
		{ "fork-comes-back", fork_comes_back },
		{ "vfork-by-number", vfork_by_number },
#endif
	};

	named_begin(argc, argv);
	memset(body, 'b', sizeof body);
	return named_run(argc, argv, scenarios, sizeof scenarios / sizeof *scenarios);
}
