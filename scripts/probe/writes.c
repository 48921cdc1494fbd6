#include "writes.h"

#include <linux/audit.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

/* What PTRACE_GET_SYSCALL_INFO fills in at a call's entry. Not every libc declares it, or the request. */
#define GET_SYSCALL_INFO 0x420e
enum { AT_ENTRY = 1 };

struct call {
	uint8_t op, pad[3];
	uint32_t arch;
	uint64_t instruction, stack, number, arguments[6];
	uint64_t rest[4];
};

static bool is_socket(pid_t pid, uint64_t fd)
{
	char path[64], target[16];
	snprintf(path, sizeof path, "/proc/%d/fd/%d", (int)pid, (int)fd);
	ssize_t n = readlink(path, target, sizeof target);
	return n >= 7 && memcmp(target, "socket:", 7) == 0;
}

/* At a system call's entry: does it write to a socket? A server's log lines go elsewhere and do not count. */
static bool writes_socket(pid_t pid, struct writes *w)
{
	struct call call;
	if (ptrace(GET_SYSCALL_INFO, pid, (void *)sizeof call, &call) <= 0 || call.op != AT_ENTRY)
		return false;
	bool has_64_bits = (call.arch & __AUDIT_ARCH_64BIT) != 0;
	if (has_64_bits != (sizeof(long) == 8)) {
		w->other_calls = true;
		return false;
	}
	switch (call.number) {
	case SYS_write:
	case SYS_writev:
#ifdef SYS_send
	case SYS_send:
#endif
	case SYS_sendto:
	case SYS_sendmsg:
	case SYS_sendmmsg:
	case SYS_sendfile:
#ifdef SYS_sendfile64
	case SYS_sendfile64:
#endif
		return is_socket(pid, call.arguments[0]);
	case SYS_splice: return is_socket(pid, call.arguments[2]);
	default: return false;
	}
}

void writes_let_count(void)
{
	if (ptrace(PTRACE_TRACEME, 0, NULL, NULL) == 0)
		raise(SIGSTOP);
}

/* Takes hold of the program before its first step. False: that is forbidden. */
static bool follow(pid_t program, int *status)
{
	const long options = PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL | PTRACE_O_TRACEEXEC | PTRACE_O_TRACECLONE |
	                     PTRACE_O_TRACEFORK | PTRACE_O_TRACEVFORK;
	return waitpid(program, status, WUNTRACED) == program && WIFSTOPPED(*status) &&
	       ptrace(PTRACE_SETOPTIONS, program, NULL, (void *)options) == 0 &&
	       ptrace(PTRACE_SYSCALL, program, NULL, NULL) == 0;
}

int writes_count(pid_t program, struct writes *w)
{
	int status, own = 0;
	pid_t pid;
	if (!follow(program, &own)) {
		w->forbidden = true;
		if (!WIFSTOPPED(own))
			waitpid(program, &own, 0);
		return own;
	}
	while ((pid = waitpid(-1, &status, __WALL)) > 0) {
		if (!WIFSTOPPED(status)) {
			if (pid == program)
				own = status;
			continue;
		}
		int signal = WSTOPSIG(status);
		if (signal == (SIGTRAP | 0x80)) {
			if (w->counting && writes_socket(pid, w))
				w->count++;
			signal = 0;
		} else if (status >> 16 != 0 || signal == SIGSTOP) {
			signal = 0; /* an exec, a new thread, and the stop in which each of those begins */
		}
		ptrace(PTRACE_SYSCALL, pid, NULL, (void *)(long)signal);
	}
	return own;
}
