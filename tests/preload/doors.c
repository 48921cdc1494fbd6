/* Proves, for every call by which bytes, descriptors or the process itself may leave, that what the program wrote
 * before goes first. Each row is tried in every mode of the library; release.c and kernel_hold.c look at the calls that
 * bring this about. */
#include "harness.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HELD "write=" HEAD

static const struct scenario writes[] = {
	{ "__write", { "__write=" HEAD, "__write=*200", "await" }, ANY_CALLS },
	{ "__send", { "__send=" HEAD, "__send+MSG_NOSIGNAL=*200", "await" }, ANY_CALLS },
	{ "pwritev2 at -1", { "pwritev2/2=" HEAD, "pwritev2/2=*200", "await" }, ANY_CALLS },
	{ "sendmmsg of one message", { HELD, "sendmmsg=*200", "await" }, ANY_CALLS },
	{ "sendmmsg of five messages", { HELD, "sendmmsg/5=*200", "await" }, ANY_CALLS },
	{ "sendmmsg of head and body", { "sendmmsg/2=" HEAD, "sendmmsg/2=*200", "await" }, ANY_CALLS },
	{ "sendfile", { HELD, "sendfile=*200", "await" }, ANY_CALLS },
	{ "sendfile64 in pieces", { HELD, "sendfile64/3=*200", "await" }, ANY_CALLS },
	{ "splice", { HELD, "splice=*200", "await" }, ANY_CALLS },
	{ "splice in pieces", { HELD, "splice/3=*200", "await" }, ANY_CALLS },
	{ "dprintf", { HELD, "dprintf=*200", "await" }, ANY_CALLS },
	{ "dprintf of the head", { "dprintf=" HEAD, "write=*200", "await" }, ANY_CALLS },
	{ "vdprintf", { HELD, "vdprintf=*200", "await" }, ANY_CALLS },
	{ "__dprintf_chk", { HELD, "__dprintf_chk=*200", "await" }, ANY_CALLS },
	{ "__vdprintf_chk", { HELD, "__vdprintf_chk=*200", "await" }, ANY_CALLS },
	{ "aio_write", { HELD, "aio_write=*200", "await" }, ANY_CALLS },
	{ "aio_write of the head, then write", { "aio_write=" HEAD, "write=*200", "await" }, ANY_CALLS },
	{ "lio_listio", { HELD, "lio_listio=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_write)", { HELD, "SYS_write=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_write) of the head", { "SYS_write=" HEAD, "write=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_writev)", { HELD, "SYS_writev=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_sendto)", { HELD, "SYS_sendto=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_sendmsg)", { HELD, "SYS_sendmsg=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_io_submit)", { HELD, "SYS_io_submit=*200", "await" }, ANY_CALLS },
	{ "backtrace_symbols_fd", { HELD, "backtrace", "await" }, ANY_CALLS },
	{ "__backtrace_symbols_fd", { HELD, "__backtrace", "await" }, ANY_CALLS },
	{ "syscall(SYS_recvmmsg)", { "peer=ping", HELD, "SYS_recvmmsg=4", "await", "write=*200" }, ANY_CALLS },
	{ "half a head, then syscall(SYS_write)",
	  { "write=HTTP/1.1 200 OK\r\n", "SYS_write=" HEAD_PAD("200"), "write=*200", "await" },
	  ANY_CALLS },
};
SCENARIO_TESTS(doors, writes);

static const struct scenario descriptors[] = {
	{ "dup", { HELD, "dup", "await", "use", "write=*200", "await" }, ANY_CALLS },
	{ "dup, the original closed", { HELD, "dup", "close", "await", "use", "write=*200", "await" }, ANY_CALLS },
	{ "fcntl64", { HELD, "fcntl64=20", "await", "use", "write=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_dup)", { HELD, "SYS_dup", "await", "use", "write=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_dup3)", { HELD, "SYS_dup3=77", "await", "use", "write=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_fcntl)", { HELD, "SYS_fcntl=20", "await", "use", "write=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_setsockopt)", { HELD, "SYS_setsockopt=1", "await", "write=*200", "await" }, ANY_CALLS },
	{ "syscall(SYS_shutdown)", { HELD, "SYS_shutdown", "await" }, ANY_CALLS },
	{ "syscall(SYS_shutdown) before the head",
	  { "ignore-sigpipe", "SYS_shutdown", HELD, "write=*200" },
	  ANY_CALLS },
	{ "the number of another connection, by dup2", { HELD, "onto=2", "await", "write=*200", "await" }, ANY_CALLS },
	{ "close", { HELD, "close", "await" }, ANY_CALLS },
	{ "close_range", { HELD, "close_range", "await" }, ANY_CALLS },
	{ "closefrom", { HELD, "closefrom", "await" }, ANY_CALLS },
	{ "syscall(SYS_close)", { HELD, "SYS_close", "await" }, ANY_CALLS },
	{ "syscall(SYS_close_range)", { HELD, "SYS_close_range", "await" }, ANY_CALLS },
	{ "replaced by dup2", { HELD, "replace=2", "await" }, ANY_CALLS },
	{ "fdopen and fprintf", { HELD, "fdopen", "await", "fprintf=*200", "fclose", "await" }, ANY_CALLS },
	{ "fclose of a stream with bytes to flush", { "fdopen", HELD, "fprintf=*200", "fclose", "await" }, ANY_CALLS },
	{ "fclose", { "fdopen", HELD, "fclose", "await" }, ANY_CALLS },
	{ "freopen", { "fdopen", HELD, "freopen", "await" }, ANY_CALLS },
	{ "freopen of a stream with bytes to flush",
	  { "fdopen", HELD, "fprintf=*200", "freopen", "await" },
	  ANY_CALLS },
	{ "SCM_RIGHTS", { HELD, "pass", "await", "use", "write=*200", "await" }, ANY_CALLS },
	{ "SCM_RIGHTS, the original closed", { HELD, "pass", "close", "use", "write=*200", "await" }, ANY_CALLS },
	{ "SCM_RIGHTS before the head", { "pass", HELD, "use", "write=*200", "await" }, ANY_CALLS },
};
SCENARIO_TESTS(doors, descriptors);

#define BODY_BY(child) { HELD, child "write=*200", "await", HELD, "write=*200", "await" }, ANY_CALLS

static const struct scenario processes[] = {
	{ "fork", BODY_BY("child:") },
	{ "_Fork", BODY_BY("_Fork:") },
	{ "clone", BODY_BY("clone:") },
#ifndef UNDER_TSAN /* TSan's clone() leaves the child's work on a stack that the parent goes on using */
	{ "clone with CLONE_VM", BODY_BY("clone-vm:") },
	{ "a clone with CLONE_VM that holds a head when it ends",
	  { "clone-vm:" HELD, "await", "write=*200", "await" },
	  ANY_CALLS },
#endif
	{ "syscall(SYS_clone)", BODY_BY("SYS_fork:") },
	{ "posix_spawn", BODY_BY("spawn=") },
	{ "posix_spawnp", BODY_BY("spawnp=") },
#ifndef WIDE /* these rows start a shell, which is a program of 64 bits */
	{ "system", BODY_BY("system=") },
	{ "popen", BODY_BY("popen=") },
	{ "wordexp", BODY_BY("wordexp=") },
#endif
	{ "vfork and exec", BODY_BY("vfork=") },
	{ "daemon", { HELD, "daemon", "await", "write=*200", "await", HELD, "write=*200", "await" }, ANY_CALLS },
	{ "a child that holds a head of its own when it ends",
	  { "child:" HELD, "await", "write=*200", "await" },
	  ANY_CALLS },
	{ "a clone that holds a head of its own when it ends",
	  { "clone:" HELD, "await", "write=*200", "await" },
	  ANY_CALLS },
	{ "execl", { HELD, "exec=execl", "write=*200" }, ANY_CALLS },
	{ "execle", { HELD, "exec=execle", "write=*200" }, ANY_CALLS },
	{ "execlp", { HELD, "exec=execlp", "write=*200" }, ANY_CALLS },
	{ "execv", { HELD, "exec=execv", "await", "write=*200", "await" }, ANY_CALLS },
	{ "execve", { HELD, "exec=execve", "await", "write=*200", "await" }, ANY_CALLS },
	{ "execvp", { HELD, "exec=execvp", "await", "write=*200", "await" }, ANY_CALLS },
	{ "execvpe", { HELD, "exec=execvpe", "await", "write=*200", "await" }, ANY_CALLS },
	{ "fexecve", { HELD, "exec=fexecve", "await", "write=*200", "await" }, ANY_CALLS },
	{ "execveat", { HELD, "exec=execveat", "await", "write=*200", "await" }, ANY_CALLS },
	{ "an exec that fails",
	  { HELD, "exec=nothing", "await", "write=*200", "await", HELD, "write=*200", "await" },
	  ANY_CALLS },
};
SCENARIO_TESTS(doors, processes);

static const struct scenario ends[] = {
	{ "return from main", { HELD }, ANY_CALLS },
	{ "exit", { HELD, "exit" }, ANY_CALLS },
	{ "exit in the middle of a body", { HELD, "write=*100", "exit" }, ANY_CALLS },
	{ "_exit", { HELD, "_exit" }, ANY_CALLS },
	{ "_Exit", { HELD, "_Exit" }, ANY_CALLS },
	{ "quick_exit", { HELD, "quick_exit" }, ANY_CALLS },
	{ "abort", { HELD, "abort" }, ANY_CALLS },
	{ "syscall(SYS_exit_group)", { HELD, "SYS_exit_group" }, ANY_CALLS },
	{ "the body by an atexit handler", { "atexit=the body", HELD, "exit" }, ANY_CALLS },
	{ "the body by an at_quick_exit handler", { "at_quick_exit=the body", HELD, "quick_exit" }, ANY_CALLS },
	{ "a head by an atexit handler", { "atexit=" HEAD, "exit" }, ANY_CALLS },
	{ "a head by an at_quick_exit handler", { "at_quick_exit=" HEAD, "quick_exit" }, ANY_CALLS },
	{ "exec of nothing, then exit", { HELD, "exec=nothing", "exit" }, ANY_CALLS },
};
SCENARIO_TESTS(doors, ends);

/* What a program may do only while it has one thread, or does to all its threads, still works beside the helper. */
static const struct scenario privileges[] = {
#ifndef UNDER_TSAN /* TSan has a thread of its own from the first thread that the program creates */
	{ "unshare(CLONE_NEWUSER)",
	  { HELD, "unshare", "write=*200", "await", HELD, "write=*200", "await" },
	  ANY_CALLS },
	{ "unshare(CLONE_NEWUSER) between messages",
	  { HELD, "write=*200", "unshare", HELD, "write=*200", "await" },
	  ANY_CALLS },
#endif
	{ "setuid", { HELD, "setuid", "write=*200", "await", HELD, "write=*200", "await" }, ANY_CALLS },
	{ "setuid while the helper works",
	  { HELD, "sleep=5", "setuid", "write=*200", "await", HELD, "setuid", "write=*200", "await" },
	  ANY_CALLS,
	  .timeout = "5ms" },
	{ "io_uring_setup", { HELD, "uring-setup", "write=*200", "await", HELD, "write=*200", "await" }, ANY_CALLS },
};
SCENARIO_TESTS(doors, privileges);

#ifndef WIDE
/* dlopen() looks at the library that calls it: a plugin finds its neighbours by the run path of the plugin itself.
 * Builds such a plugin and its neighbour. */
static void build(const char *directory)
{
	char command[1024];

	snprintf(command, sizeof command,
	         "cd %s && echo 'int neighbour;' > b.c && cc -shared -fPIC -o libneighbour.so b.c && "
	         "printf '#include <dlfcn.h>\\nint load(void) { return dlopen(\"libneighbour.so\", RTLD_NOW) ? 0 : -1; "
	         "}\\n' > a.c &&"
	         " cc -shared -fPIC -o plugin.so a.c -Wl,--enable-new-dtags,-rpath,'$ORIGIN'",
	         directory);
	cr_assert(system(command) == 0, "cannot build the libraries: is the package gcc installed? %s", command);
}

Test(doors, library_that_loads_its_neighbour_finds_it, .timeout = 60)
{
	char directory[] = "/tmp/onewrite-plugin-XXXXXX", step[64], command[64];
	struct scenario s = { "a plugin with a run path", { step, HELD, "write=*200", "await" }, ANY_CALLS };

	SKIP_WHERE_EMULATED(s.name, "the plugin is built for this machine");
	cr_assert(mkdtemp(directory) != NULL, "cannot make a directory under /tmp");
	snprintf(step, sizeof step, "plugin=%s/plugin.so", directory);
	build(directory);
	s.results = "plugin = 0\nwrite = 100\nwrite = 200\nawait = 0\n";
	check_scenario(&s);
	snprintf(command, sizeof command, "rm -r %s", directory);
	cr_assert(system(command) == 0, "%s", command);
}
#endif
