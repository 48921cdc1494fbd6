/* Sandboxes: the process gives up system calls, before it writes or while a head is held. */
#include "hosts.h"

#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#define NUMBER BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr))
#define ON(number, verdict) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, 1), BPF_STMT(BPF_RET | BPF_K, verdict)
#define ELSE(verdict) BPF_STMT(BPF_RET | BPF_K, verdict)

static void lock_in(void)
{
	struct sock_filter few[] = { NUMBER, ON(SYS_read, SECCOMP_RET_ALLOW), ON(SYS_write, SECCOMP_RET_ALLOW),
		ON(SYS_exit, SECCOMP_RET_ALLOW), ON(SYS_exit_group, SECCOMP_RET_ALLOW), ELSE(SECCOMP_RET_KILL_PROCESS) };
	struct sock_filter most[] = { NUMBER, ON(SYS_sendto, SECCOMP_RET_ERRNO | EPERM), ELSE(SECCOMP_RET_ALLOW) };
	struct sock_fprog program = { sizeof few / sizeof *few, few };

	if (is_how("no sendto"))
		program = (struct sock_fprog){ sizeof most / sizeof *most, most };
	must(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0, "PR_SET_NO_NEW_PRIVS");
	if (is_how("strict"))
		must((is_how("syscall") ? syscall(SYS_seccomp, SECCOMP_SET_MODE_STRICT, 0, NULL)
			: prctl(PR_SET_SECCOMP, SECCOMP_MODE_STRICT)) == 0, "strict mode");
	else
		must((is_how("syscall") ? syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program)
			: prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) == 0, "a filter");
}

static void __attribute__((noreturn)) live_in_a_sandbox(int fd)
{
	bool head = is_how("held");
	ssize_t r[2] = { HEAD_SIZE, -1 };

	if (head)
		write_head(fd);
	lock_in();
	if (!head)
		r[0] = write(fd, HEAD, HEAD_SIZE);
	if (is_how("slow"))
		sleep_us(30000);
	r[1] = write(fd, large, BODY_SIZE);
	report("written: %zd and %zd\n", r[0], r[1]);
	syscall(SYS_exit, 0);
	abort();
}

/* By itself, or a worker of a server that has forked. */
static void sandbox(void)
{
	int fd = accept_peer(), status = 0;

	if (!is_how("worker"))
		live_in_a_sandbox(fd);
	pid_t pid = fork();
	if (pid == 0)
		live_in_a_sandbox(fd);
	must(pid > 0 && waitpid(pid, &status, 0) == pid, "fork");
	report("the worker's end: %#x\n", (unsigned)status);
}

const struct life sandbox_lives[] = { { "sandbox", sandbox, true }, { NULL } };
