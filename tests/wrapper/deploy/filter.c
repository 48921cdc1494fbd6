/* Runs a command that may make the system calls of "allowed.h" only. Any other call fails with EPERM, as under
 *systemd's SystemCallFilter= with SystemCallErrorNumber=EPERM.
 *
 *	filter COMMAND [ARG...]
 *
 * The test writes allowed.h: a line ALLOW(NUMBER) for each call. */
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define ALLOW(number) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, (number), 0, 1), BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),

static struct sock_filter lines[] = {
	BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
#include "allowed.h"
	BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
};

int main(int argc, char **argv)
{
	struct sock_fprog program = { sizeof lines / sizeof *lines, lines };
	if (argc < 2 || prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) != 0)
		return 125;
	execvp(argv[1], argv + 1);
	return 126;
}
