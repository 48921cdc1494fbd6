/* Hooks of the calls that copy, replace or end the process or a thread, and of those after which something may write
 * past the hooks. */
#include <alloca.h>
#include <errno.h>
#include <sched.h>

#include "config.h"
#include "conn.h"
#include "lifecycle.h"
#include "real.h"
#include "rights.h"
#include "turn.h"

/* --- another process: what is held must not be in two memories, and each descriptor will have two owners --- */

#define FORK(name)                              \
	EXPORT pid_t name(void)                 \
	{                                       \
		lifecycle_before_copy();        \
		pid_t pid = libc()->name();     \
		if (pid == 0)                   \
			lifecycle_in_child();   \
		else                            \
			lifecycle_after_copy(); \
		return pid;                     \
	}
FORK(fork)
FORK(__fork)

EXPORT pid_t _Fork(void)
{
	if (LACKS(_Fork))
		return (pid_t)real_absent();
	lifecycle_before_copy();
	pid_t pid = libc()->_Fork();
	if (pid == 0)
		lifecycle_in_child();
	else
		lifecycle_after_copy();
	return pid;
}

EXPORT pid_t forkpty(int *master, char *name, const struct termios *termp, const struct winsize *winp)
{
	if (LACKS(forkpty)) /* before glibc 2.34 it is in libutil */
		return (pid_t)real_absent();
	lifecycle_before_copy();
	pid_t pid = libc()->forkpty(master, name, termp, winp);
	if (pid != 0)
		lifecycle_after_copy();
	return pid;
}

EXPORT int daemon(int nochdir, int noclose)
{
	pid_t original = own_pid();
	lifecycle_before_copy();
	/* returns in the child, where libc has called the fork handlers (lifecycle.c), or fails in this process */
	int r = libc()->daemon(nochdir, noclose);
	if (own_pid() == original)
		lifecycle_after_copy();
	return r;
}

/* What the child of a clone that copies the memory is to call. It lies in the parent's stack frame, which is copied. */
struct start {
	int (*fn)(void *);
	void *arg;
};

static int start_in_child(void *arg)
{
	const struct start *s = arg;
	lifecycle_in_child();
	int status = s->fn(s->arg);
	lifecycle_before_last_thread_ends();
	return status;
}

#define CLONE(name)                                                                        \
	EXPORT int name(int (*fn)(void *), void *stack, int flags, void *arg, ...)         \
	{                                                                                  \
		va_list ap;                                                                \
		va_start(ap, arg);                                                         \
		pid_t *ptid = va_arg(ap, pid_t *);                                         \
		void *tls = va_arg(ap, void *);                                            \
		pid_t *ctid = va_arg(ap, pid_t *);                                         \
		va_end(ap);                                                                \
		struct start s = { fn, arg };                                              \
		if (fn == NULL || lifecycle_before_clone((unsigned)flags) != AS_FORK) {    \
			int r = libc()->name(fn, stack, flags, arg, ptid, tls, ctid);      \
			if (r == -1 && errno == EAGAIN && lifecycle_gives_way())           \
				r = libc()->name(fn, stack, flags, arg, ptid, tls, ctid);  \
			return r;                                                          \
		}                                                                          \
		int pid = libc()->name(start_in_child, stack, flags, &s, ptid, tls, ctid); \
		lifecycle_after_copy();                                                    \
		return pid;                                                                \
	}
CLONE(clone)
CLONE(__clone)

/* Has posix_spawn() failed because the kernel refused a task? glibc before 2.33 returns EPERM then, and EAGAIN is in
 * errno, which the caller has set to 0 before. */
static bool lacks_a_task(int error)
{
	return error == EAGAIN || (error == EPERM && errno == EAGAIN);
}

#define POSIX_SPAWN(name)                                                                                           \
	EXPORT int name(pid_t *restrict pid, const char *restrict path,                                             \
	                const posix_spawn_file_actions_t *restrict actions, const posix_spawnattr_t *restrict attr, \
	                char *const argv[restrict], char *const envp[restrict])                                     \
	{                                                                                                           \
		if (LACKS(name))                                                                                    \
			return ENOSYS;                                                                              \
		lifecycle_before_spawn();                                                                           \
		int saved = errno;                                                                                  \
		errno = 0;                                                                                          \
		int error = libc()->name(pid, path, actions, attr, argv, envp);                                     \
		if (lacks_a_task(error) && lifecycle_gives_way())                                                   \
			error = libc()->name(pid, path, actions, attr, argv, envp);                                 \
		errno = error == 0 || errno == 0 ? saved : errno;                                                   \
		lifecycle_after_spawn();                                                                            \
		return error;                                                                                       \
	}
POSIX_SPAWN(posix_spawn)
POSIX_SPAWN(posix_spawnp)
OLD_posix_spawn(POSIX_SPAWN)
OLD_posix_spawnp(POSIX_SPAWN)
POSIX_SPAWN(pidfd_spawn)
POSIX_SPAWN(pidfd_spawnp)

/* Where a task is refused, this is not called again: the result does not tell whether the command was run. */
EXPORT int system(const char *command)
{
	lifecycle_before_copy();
	int r = libc()->system(command);
	lifecycle_after_copy();
	return r;
}

#define POPEN(name)                                                                                \
	EXPORT FILE *name(const char *command, const char *type)                                   \
	{                                                                                          \
		lifecycle_before_spawn();                                                          \
		FILE *f = libc()->name(command, type);                                             \
		if (f == NULL && lifecycle_gives_way()) /* whatever errno says, nothing was run */ \
			f = libc()->name(command, type);                                           \
		lifecycle_after_spawn();                                                           \
		return f;                                                                          \
	}
POPEN(popen)
OLD_popen(POPEN)

EXPORT int wordexp(const char *restrict words, wordexp_t *restrict w, int flags)
{
	if (flags & WRDE_NOCMD)
		return libc()->wordexp(words, w, flags);
	lifecycle_before_spawn();
	int r = libc()->wordexp(words, w, flags);
	lifecycle_after_spawn();
	return r;
}

/* --- another image ---------------------------------------------------------------------------- */

/* Functions of the exec family return only if they fail. */
#define EXEC(name, params, args)           \
	EXPORT int name params             \
	{                                  \
		lifecycle_before_exec();   \
		int r = libc()->name args; \
		lifecycle_exec_failed();   \
		return r;                  \
	}
EXEC(execve, (const char *path, char *const argv[], char *const envp[]), (path, argv, envp))
EXEC(execv, (const char *path, char *const argv[]), (path, argv))
EXEC(execvp, (const char *file, char *const argv[]), (file, argv))
EXEC(execvpe, (const char *file, char *const argv[], char *const envp[]), (file, argv, envp))
EXEC(fexecve, (int fd, char *const argv[], char *const envp[]), (fd, argv, envp))

EXPORT int execveat(int dir, const char *path, char *const argv[], char *const envp[], int flags)
{
	if (LACKS(execveat))
		return (int)real_absent();
	lifecycle_before_exec();
	int r = libc()->execveat(dir, path, argv, envp, flags);
	lifecycle_exec_failed();
	return r;
}

/* Defines `argv`, the arguments of execl() or its kin as a vector. `ap` then stands behind the terminating NULL. */
#define ARGUMENTS(argv, first, ap)                     \
	size_t n_ = 1;                                 \
	va_list count_;                                \
	va_copy(count_, ap);                           \
	while (va_arg(count_, char *) != NULL)         \
		n_++;                                  \
	va_end(count_);                                \
	char **argv = alloca((n_ + 1) * sizeof *argv); \
	argv[0] = (char *)(first);                     \
	size_t i_ = 1;                                 \
	do                                             \
		argv[i_] = va_arg(ap, char *);         \
	while (i_++ < n_)

EXPORT int execl(const char *path, const char *arg, ...)
{
	va_list ap;
	va_start(ap, arg);
	ARGUMENTS(argv, arg, ap);
	va_end(ap);
	return execv(path, argv);
}

EXPORT int execlp(const char *file, const char *arg, ...)
{
	va_list ap;
	va_start(ap, arg);
	ARGUMENTS(argv, arg, ap);
	va_end(ap);
	return execvp(file, argv);
}

EXPORT int execle(const char *path, const char *arg, ...)
{
	va_list ap;
	va_start(ap, arg);
	ARGUMENTS(argv, arg, ap);
	char **envp = va_arg(ap, char **);
	va_end(ap);
	return execve(path, argv, envp);
}

/* --- the end ---------------------------------------------------------------------------------- */

#define EXIT(name)                                             \
	EXPORT __attribute__((noreturn)) void name(int status) \
	{                                                      \
		lifecycle_ends_at_once();                      \
		libc()->name(status);                          \
		__builtin_unreachable();                       \
	}
EXIT(_exit)
EXIT(_Exit)

#define QUICK_EXIT(name)                                       \
	EXPORT __attribute__((noreturn)) void name(int status) \
	{                                                      \
		lifecycle_end();                               \
		libc()->name(status);                          \
		__builtin_unreachable();                       \
	}
QUICK_EXIT(quick_exit)
OLD_quick_exit(QUICK_EXIT)

EXPORT __attribute__((noreturn)) void abort(void)
{
	lifecycle_ends_at_once();
	libc()->abort();
	__builtin_unreachable();
}

/* --- a descriptor of another process, or of this one ------------------------------------------ */

EXPORT int pidfd_getfd(int pidfd, int fd, unsigned flags)
{
	if (LACKS(pidfd_getfd))
		return (int)real_absent();
	return rights_fetched(libc()->pidfd_getfd(pidfd, fd, flags));
}

/* --- other namespaces: the kernel refuses some of them to a process of several threads -------- */

EXPORT int unshare(int flags)
{
	lifecycle_before_unshare(flags);
	int r = libc()->unshare(flags);
	lifecycle_not_alone();
	return r;
}

EXPORT int setns(int fd, int type)
{
	lifecycle_before_setns(fd, type);
	int r = libc()->setns(fd, type);
	lifecycle_not_alone();
	return r;
}

/* --- a new thread: if it is refused, the helper may have taken its place ---------------------- */

/* Libcs differ in which of two errors thrd_create() returns for EAGAIN; both are taken for it. */
#define NEW_THREAD(name, params, args, refused, or_refused)                             \
	EXPORT int name params                                                          \
	{                                                                               \
		if (LACKS(name))                                                        \
			return refused;                                                 \
		int r = libc()->name args;                                              \
		if (unlikely(r == refused || r == or_refused) && lifecycle_gives_way()) \
			r = libc()->name args;                                          \
		return r;                                                               \
	}
NEW_THREAD(pthread_create,
           (pthread_t *restrict thread, const pthread_attr_t *restrict attr, void *(*fn)(void *), void *restrict arg),
           (thread, attr, fn, arg), EAGAIN, EAGAIN)
NEW_THREAD(thrd_create, (thrd_t * thread, thrd_start_t fn, void *arg), (thread, fn, arg), thrd_error, thrd_nomem)

/* --- privileges of a thread, and sandboxes ---------------------------------------------------- */

EXPORT int capset(struct __user_cap_header_struct *header, const struct __user_cap_data_struct *data)
{
	lifecycle_before_privilege();
	int r = libc()->capset(header, data);
	lifecycle_not_alone();
	return r;
}

#define PRCTL(name)                                                                         \
	EXPORT int name(int option, ...)                                                    \
	{                                                                                   \
		va_list ap;                                                                 \
		va_start(ap, option);                                                       \
		unsigned long a = va_arg(ap, unsigned long), b = va_arg(ap, unsigned long), \
			      c = va_arg(ap, unsigned long), d = va_arg(ap, unsigned long); \
		va_end(ap);                                                                 \
		bool alone = lifecycle_before_prctl((unsigned long)option, a, b);           \
		int r = libc()->name(option, a, b, c, d);                                   \
		if (alone)                                                                  \
			lifecycle_not_alone();                                              \
		return r;                                                                   \
	}
PRCTL(prctl)
#if TWO_TIMES
PRCTL(__prctl_time64)
#endif

/* --- a jump out of a signal handler that interrupted a hook ----------------------------------- */

#define LONGJMP(name)                                                                      \
	EXPORT __attribute__((noreturn)) void name(struct __jmp_buf_tag env[1], int value) \
	{                                                                                  \
		turn_jump();                                                               \
		libc()->name(env, value);                                                  \
		__builtin_unreachable();                                                   \
	}
LONGJMP(longjmp)
LONGJMP(_longjmp)
LONGJMP(siglongjmp)
LONGJMP(__longjmp_chk)

#ifndef __SANITIZE_THREAD__
EXPORT int sigaltstack(const stack_t *restrict stack, stack_t *restrict old)
{
	int r = libc()->sigaltstack(stack, old);
	if (r == 0 && stack != NULL)
		turn_stack(stack);
	return r;
}
#endif

EXPORT __attribute__((noreturn)) void pthread_exit(void *result)
{
	turn_jump();
	lifecycle_before_thread_ends();
	libc()->pthread_exit(result);
	__builtin_unreachable();
}

/* --- writers that no hook sees: from then on nothing is held in memory ------------------------ */

/* The arguments of dlopen() as the hook in doors.S passes them to look_dlopen(). libc's function looks at the address
 * of its caller, so the hook does not call it, but jumps to the address that look_dlopen() returns. */
struct dlopen_arguments {
	const char *file;
	long flags;
};
/* The same for dlmopen(). */
struct dlmopen_arguments {
	Lmid_t ns;
	const char *file;
	long flags;
};

static void before_dlopen(int flags)
{
	if (unlikely(flags & RTLD_DEEPBIND))
		lifecycle_unseen_writers();
}

static void before_dlmopen(Lmid_t ns, int flags)
{
	if (unlikely(flags & RTLD_DEEPBIND) || ns != LM_ID_BASE)
		lifecycle_unseen_writers();
}

/* Called in place of dlopen() or dlmopen() where no loaded library has it (it is in libdl before glibc 2.34). */
static void *no_object(void)
{
	errno = ENOSYS;
	return NULL;
}

#if DOORS
#define DLOPEN_OF(of, name)                                                           \
	HIDDEN void *look_##name(const struct dlopen_arguments *a);                   \
	HIDDEN void *look_##name(const struct dlopen_arguments *a)                    \
	{                                                                             \
		before_dlopen((int)a->flags);                                         \
		return LACKS_AS(of, name) ? (void *)no_object : (void *)libc()->name; \
	}
#define DLMOPEN_OF(of, name)                                                          \
	HIDDEN void *look_##name(const struct dlmopen_arguments *a);                  \
	HIDDEN void *look_##name(const struct dlmopen_arguments *a)                   \
	{                                                                             \
		before_dlmopen(a->ns, (int)a->flags);                                 \
		return LACKS_AS(of, name) ? (void *)no_object : (void *)libc()->name; \
	}
#define DLOPEN(name)  DLOPEN_OF(dlopen, name)
#define DLMOPEN(name) DLMOPEN_OF(dlmopen, name)
DLOPEN(dlopen)
OLD_dlopen(DLOPEN)
DLMOPEN(dlmopen)
OLD_dlmopen(DLMOPEN)
#else
EXPORT void *dlopen(const char *file, int flags)
{
	before_dlopen(flags);
	return LACKS(dlopen) ? no_object() : libc()->dlopen(file, flags); /* at best a tail call, that is a jump */
}

EXPORT void *dlmopen(Lmid_t ns, const char *file, int flags)
{
	before_dlmopen(ns, flags);
	return LACKS(dlmopen) ? no_object() : libc()->dlmopen(ns, file, flags);
}
#endif

#define IO_URING(name, params, args)                                   \
	EXPORT int name params                                         \
	{                                                              \
		lifecycle_unseen_writers();                            \
		if (LACKS(name)) /* asks a liburing that came later */ \
			return -ENOSYS;                                \
		return libc()->name args;                              \
	}
IO_URING(io_uring_setup, (unsigned n, struct io_uring_params *p), (n, p))
IO_URING(io_uring_queue_init, (unsigned n, struct io_uring *ring, unsigned flags), (n, ring, flags))
IO_URING(io_uring_queue_init_params, (unsigned n, struct io_uring *ring, struct io_uring_params *p), (n, ring, p))
IO_URING(io_uring_queue_init_mem, (unsigned n, struct io_uring *ring, struct io_uring_params *p, void *b, size_t s),
         (n, ring, p, b, s))
