/* The hook of syscall(2): does what the other hooks do, for calls that are made by number. */
#include <errno.h>
#include <linux/aio_abi.h>
#include <linux/close_range.h>
#include <linux/keyctl.h>
#include <linux/net.h>
#include <linux/sched.h>
#include <stddef.h>
#include <sys/syscall.h>

#include "conn.h"
#include "lifecycle.h"
#include "readable.h"
#include "real.h"
#include "release.h"
#include "rights.h"
#include "turn.h"

/* The arguments of syscall(), laid out as doors.S stores them. No call that is made here takes a sixth one. */
struct by_number {
	long number, a, b, c, d, e;
};

static long call(const struct by_number *n)
{
	return libc()->syscall(n->number, n->a, n->b, n->c, n->d, n->e);
}

/* --- another process -------------------------------------------------------------------------- */

/* A call that makes a new task, with these flags of clone(2). If the task is a copy as by fork(2), the call is made
 * here: returns true, and *result is the call's. `stack`: the new task begins on another stack, and does not return
 * here; then the caller makes the call, and returns false as for all others. */
static bool copied(const struct by_number *n, uint64_t flags, bool stack, long *result)
{
	if (lifecycle_before_clone(flags) != AS_FORK)
		return false;
	if (stack) {
		lifecycle_copies_unseen();
		return false;
	}
	*result = call(n);
	if (*result == 0)
		lifecycle_in_child();
	else
		lifecycle_after_copy();
	return true;
}

static bool cloned(const struct by_number *n, long *result)
{
#ifdef __s390x__
	return copied(n, (uint64_t)n->b, n->a != 0, result);
#else
	return copied(n, (uint64_t)n->a, n->b != 0, result);
#endif
}

static bool cloned3(const struct by_number *n, long *result)
{
	const struct clone_args *args = (const struct clone_args *)n->a;
	if ((size_t)n->b < CLONE_ARGS_SIZE_VER0 || !readable(args, CLONE_ARGS_SIZE_VER0))
		return false; /* the kernel refuses it */
	return copied(n, args->flags, args->stack != 0, result);
}

static bool replaced(const struct by_number *n, long *result)
{
	lifecycle_before_exec();
	*result = call(n);
	lifecycle_exec_failed();
	return true;
}

/* --- what is done before the call ------------------------------------------------------------- */

static void sending(int fd)
{
	release_surely(fd);
}

/* io_submit(2): each request is taken for a write, as most are. */
static void submitting(long n, struct iocb *const *list)
{
	for (long i = 0; i < n && readable(&list[i], sizeof *list) && readable(list[i], sizeof **list); i++)
		release_aliased((int)list[i]->aio_fildes);
}

static void asking(int fd)
{
	release(fd, WHY_OPTIONS);
}

static void connecting(int fd, const struct sockaddr *to)
{
	struct conn *c = conn_find(fd);
	asking(fd);
	if (readable(to, sizeof to->sa_family) && to->sa_family == AF_UNSPEC)
		release_disconnected(fd);
	else if (c != NULL)
		conn_disconnected(c); /* the result is not seen */
}

static void closing_range(unsigned first, unsigned last, unsigned flags)
{
	if (flags & CLOSE_RANGE_UNSHARE)
		lifecycle_retire();
	if (!(flags & ~CLOSE_RANGE_UNSHARE) && first <= last)
		release_closing_range(first, last);
}

#ifdef SYS_socketcall
/* socketcall(2): the socket calls by a number of their own, with their arguments in memory. */
static void before_socketcall(int which, const long *args)
{
	if (!readable(args, 3 * sizeof *args))
		return;
	switch (which) {
	case SYS_SEND:
	case SYS_SENDTO: sending((int)args[0]); break;
	case SYS_SENDMSG:
		rights_pass_unchecked((int)args[0], (const struct msghdr *)args[1]);
		sending((int)args[0]);
		break;
	case SYS_SENDMMSG:
		rights_pass_several((int)args[0], (const struct mmsghdr *)args[1], (unsigned)args[2]);
		sending((int)args[0]);
		break;
	case SYS_RECV:
	case SYS_RECVFROM:
	case SYS_RECVMSG:
	case SYS_RECVMMSG: asking((int)args[0]); break;
	case SYS_CONNECT: connecting((int)args[0], (const struct sockaddr *)args[1]); break;
	}
}

static bool made_by_socketcall(int which, const long *args, long *result)
{
	switch (which) {
	case SYS_SETSOCKOPT:
	case SYS_GETSOCKOPT:
	case SYS_SHUTDOWN:
		if (!readable(args, (which == SYS_SHUTDOWN ? 2 : 5) * sizeof *args))
			return false;
		break;
	default: return false;
	}
	if (which == SYS_SETSOCKOPT)
		*result = setsockopt((int)args[0], (int)args[1], (int)args[2], (const void *)args[3],
		                     (socklen_t)args[4]);
	else if (which == SYS_GETSOCKOPT)
		*result = getsockopt((int)args[0], (int)args[1], (int)args[2], (void *)args[3], (socklen_t *)args[4]);
	else
		*result = shutdown((int)args[0], (int)args[1]);
	return true;
}
#endif

static void before(const struct by_number *n)
{
	switch (n->number) {
	case SYS_sendmsg:
		rights_pass_unchecked((int)n->a, (const struct msghdr *)n->b);
		sending((int)n->a);
		break;
	case SYS_sendmmsg:
		rights_pass_several((int)n->a, (const struct mmsghdr *)n->b, (unsigned)n->c);
		sending((int)n->a);
		break;
	case SYS_write:
	case SYS_writev:
	case SYS_pwritev2:
	case SYS_sendto:
	case SYS_sendfile:
#ifdef SYS_send
	case SYS_send:
#endif
#ifdef SYS_sendfile64
	case SYS_sendfile64:
#endif
		sending((int)n->a);
		break;
	case SYS_splice: sending((int)n->c); break;
	case SYS_io_submit: submitting(n->b, (struct iocb *const *)n->c); break;
	case SYS_read:
	case SYS_readv:
	case SYS_preadv2:
	case SYS_recvfrom:
	case SYS_ioctl:
#ifdef SYS_recvmmsg_time64
	case SYS_recvmmsg_time64:
#endif
#ifdef SYS_recv
	case SYS_recv:
#endif
		asking((int)n->a);
		break;
#ifdef SYS_socketcall
	case SYS_socketcall: before_socketcall((int)n->a, (const long *)n->b); break;
#endif
	case SYS_connect: connecting((int)n->a, (const struct sockaddr *)n->b); break;
	case SYS_close: release_closing((int)n->a); break;
	case SYS_close_range: closing_range((unsigned)n->a, (unsigned)n->b, (unsigned)n->c); break;
	case SYS_exit: lifecycle_before_thread_ends(); break;
	case SYS_exit_group: lifecycle_ends_at_once(); break;
	case SYS_seccomp: lifecycle_before_seccomp((unsigned long)n->a, (unsigned long)n->b, (const void *)n->c); break;
	case SYS_io_uring_setup: lifecycle_unseen_writers(); break;
	}
}

/* Calls that the headers may be too old to know. */
#ifndef SYS_landlock_restrict_self
#define SYS_landlock_restrict_self 446
#endif
#ifndef SYS_lsm_set_self_attr
#define SYS_lsm_set_self_attr 460
#endif

/* Calls after which there is something to do are made here: returns true, and *result is what the program gets. Calls
 * about options, shutdown, and calls that make a second name are made by the hooks of these names, which are no
 * cancellation points, as syscall() is none. */
static bool made(const struct by_number *n, long *result)
{
	switch (n->number) {
#ifdef SYS_fork
	case SYS_fork: return copied(n, 0, false, result);
#endif
	case SYS_clone: return cloned(n, result);
	case SYS_clone3: return cloned3(n, result);
	case SYS_execve:
	case SYS_execveat: return replaced(n, result);
	case SYS_setsockopt:
		*result = setsockopt((int)n->a, (int)n->b, (int)n->c, (const void *)n->d, (socklen_t)n->e);
		return true;
	case SYS_getsockopt:
		*result = getsockopt((int)n->a, (int)n->b, (int)n->c, (void *)n->d, (socklen_t *)n->e);
		return true;
	case SYS_shutdown: *result = shutdown((int)n->a, (int)n->b); return true;
	case SYS_recvmsg:
		asking((int)n->a);
		if ((*result = call(n)) >= 0)
			rights_take((const struct msghdr *)n->b);
		return true;
	case SYS_recvmmsg:
		asking((int)n->a);
		*result = call(n);
		for (long i = 0; i < *result; i++)
			rights_take(&((const struct mmsghdr *)n->b)[i].msg_hdr);
		return true;
#ifdef SYS_accept
	case SYS_accept:
#endif
	case SYS_accept4: *result = rights_came((int)call(n)); return true;
	case SYS_fcntl:
#ifdef SYS_fcntl64
	case SYS_fcntl64:
#endif
		if (n->b != F_DUPFD && n->b != F_DUPFD_CLOEXEC)
			return false;
		*result = fcntl((int)n->a, (int)n->b, n->c);
		return true;
	case SYS_dup: *result = dup((int)n->a); return true;
#ifdef SYS_dup2
	case SYS_dup2: *result = dup2((int)n->a, (int)n->b); return true;
#endif
	case SYS_dup3: *result = dup3((int)n->a, (int)n->b, (int)n->c); return true;
#ifdef SYS_socketcall
	case SYS_socketcall: return made_by_socketcall((int)n->a, (const long *)n->b, result);
#endif
	case SYS_pidfd_getfd: *result = rights_fetched((int)call(n)); return true;
	case SYS_prctl:
		if (!lifecycle_before_prctl((unsigned long)n->a, (unsigned long)n->b, (unsigned long)n->c))
			return false;
		*result = call(n);
		lifecycle_not_alone();
		return true;
	case SYS_sigaltstack:
		if ((*result = call(n)) == 0 && n->a != 0)
			turn_stack((const stack_t *)n->a);
		return true;
	case SYS_unshare:
		lifecycle_before_unshare((int)n->a);
		*result = call(n);
		lifecycle_not_alone();
		return true;
	case SYS_setns:
		lifecycle_before_setns((int)n->a, (int)n->b);
		*result = call(n);
		lifecycle_not_alone();
		return true;
	case SYS_keyctl:
		if (n->a != KEYCTL_JOIN_SESSION_KEYRING)
			return false;
		/* fall through */
	/* libc's setuid() and its kin change all threads, these calls only the calling one. (setfsuid and setfsgid are
	 * missing, since they take nothing away for good.) */
	case SYS_setuid:
	case SYS_setgid:
	case SYS_setreuid:
	case SYS_setregid:
	case SYS_setresuid:
	case SYS_setresgid:
	case SYS_setgroups:
#ifdef SYS_setuid32
	case SYS_setuid32:
	case SYS_setgid32:
	case SYS_setreuid32:
	case SYS_setregid32:
	case SYS_setresuid32:
	case SYS_setresgid32:
	case SYS_setgroups32:
#endif
	case SYS_capset:
	case SYS_landlock_restrict_self:
	case SYS_lsm_set_self_attr:
		lifecycle_before_privilege();
		*result = call(n);
		lifecycle_not_alone();
		return true;
	}
	return false;
}

#if DOORS
/* Called by hook_syscall (doors.S). Returns the address of libc's syscall(), to jump to. NULL: the call was made, and
 * its result is in n->number. */
HIDDEN void *look_syscall(struct by_number *n);
HIDDEN void *look_syscall(struct by_number *n)
{
	long result;
	if (made(n, &result)) {
		n->number = result;
		return NULL;
	}
	before(n);
	return (void *)libc()->syscall;
}
#else
/* Takes six arguments however many the caller passed, as libc's function does. A clone by number with a new stack does
 * not work here: its child would return into this frame, which is not on its stack. */
EXPORT long syscall(long number, ...)
{
	va_list ap;
	va_start(ap, number);
	long a = va_arg(ap, long), b = va_arg(ap, long), c = va_arg(ap, long), d = va_arg(ap, long),
	     e = va_arg(ap, long), f = va_arg(ap, long), result;
	struct by_number n = { number, a, b, c, d, e };
	va_end(ap);
	if (made(&n, &result))
		return result;
	before(&n);
	return libc()->syscall(number, a, b, c, d, e, f);
}
#endif
