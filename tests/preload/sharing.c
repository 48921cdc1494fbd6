/* Proves that the library knows which tasks and descriptors share what (the table in docs/design.md): it shows in the
 * calls of a message, which is joined, held by the kernel, or left alone. */
#include "harness.h"
#include "machine.h"

#include <sys/syscall.h>

#define SHARING BUILD_DIR "/tests/programs/p_sharing"
#define PASSING BUILD_DIR "/tests/programs/p_passing"

#define JOINED     "writev iov=2 bytes=300 = 300"
#define BY_KERNEL  "send bytes=100 flags=MSG_MORE = 100, write bytes=200 = 200"
#define LEFT_ALONE "write bytes=100 = 100, write bytes=200 = 200"

struct row {
	const char *args[4]; /* program, scenario, how, flags */
	const char *calls;   /* NULL: any */
	const char *results; /* NULL: none */
	const char *join, *timeout;
};

/* Bare and under the library the results are the same, and as the row says. Rows that measure time are late now and
 * then, so they are tried again. */
static void check_row(const struct row *row)
{
	struct setup setup = { .args = { row->args[0], row->args[1], row->args[2], row->args[3] },
		               .join = row->join,
		               .timeout = row->timeout };
	const char *wanted = row->results != NULL ? row->results : "";
	char name[100], *calls;
	struct run *r;

	snprintf(name, sizeof name, "%s %s %s", row->args[1], row->args[2] != NULL ? row->args[2] : "",
	         row->args[3] != NULL ? row->args[3] : "");
	r = run(&setup, SHIM);
	for (int n = 1; n < ATTEMPTS && r->status == 0 && strcmp(r->results.p, wanted) != 0; n++) {
		run_free(r);
		r = run(&setup, SHIM);
	}
	cr_expect(r->status == 0 && r->said.n == 0, "%s: wait status %#x, said \"%s\"", name, (unsigned)r->status,
	          r->said.p);
	cr_expect(strcmp(r->results.p, wanted) == 0, "%s: reported \"%s\", wanted \"%s\"", name, r->results.p, wanted);
	run_free(r);
	r = check_same(name, &setup);
	calls = calls_of(r, NULL);
	cr_expect(row->calls == NULL || strcmp(calls, row->calls) == 0, "%s: the calls are\n\t%s\nand not\n\t%s", name,
	          calls, row->calls);
	free(calls);
	run_free(r);
}

#define ROWS_OF(suite, table)                    \
	EACH_TEST(suite, table, ROWS(table), 60) \
	{                                        \
		check_row(&table[*i]);           \
	}                                        \
	_Static_assert(1, "the macro ends in a semicolon")

/* --- while descriptors are being copied ------------------------------------------------------- */

static const struct row meanwhile[] = {
	{ { SHARING, "copied", "held", "fork" } },
	{ { SHARING, "copied", "held", "posix_spawn" } },
	{ { SHARING, "copied", "held", "system" } },
	{ { SHARING, "copied", "held", "popen" } },
	{ { SHARING, "copied", "tail", "fork" }, .results = "late: 0\n", .join = "message" },
	{ { SHARING, "copied", "tail", "posix_spawn" }, .results = "late: 0\n", .join = "message" },
	{ { SHARING, "copied", "tail", "system" }, .results = "late: 0\n", .join = "message" },
	{ { SHARING, "copied", "tail", "popen" }, .results = "late: 0\n", .join = "message" },
};
ROWS_OF(sharing, meanwhile);

/* --- clones ----------------------------------------------------------------------------------- */

#ifndef UNDER_TSAN /* TSan knows only threads that it has seen created */
static const struct row memory_sharers[] = {
	{ { SHARING, "cloned", "clone", "VM FILES THREAD SETTLS" }, JOINED },
	{ { SHARING, "cloned", "__clone", "VM FILES THREAD SETTLS" }, JOINED },
	{ { SHARING, "cloned", "clone", "VM FILES THREAD SETTLS VFORK" }, JOINED },
	{ { SHARING, "cloned", "clone", "VM FILES THREAD" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "VM THREAD SETTLS" }, LEFT_ALONE },
	{ { SHARING, "cloned", "__clone", "VM THREAD" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "VM" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "VM SETTLS" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "VM FILES" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "VM FILES SETTLS" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "VM FILES VFORK" }, LEFT_ALONE },
	{ { SHARING, "cloned", "__clone", "VM FILES VFORK SETTLS" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "FILES SETTLS" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "VM VFORK" }, JOINED },
	{ { SHARING, "cloned", "__clone", "VM VFORK SETTLS" }, JOINED },
	{ { SHARING, "cloned", "__clone", "SETTLS" }, BY_KERNEL },
	{ { SHARING, "cloned", "SYS_clone", "VM VFORK" }, JOINED },
	{ { SHARING, "cloned", "SYS_clone", "VM VFORK FILES" }, LEFT_ALONE },
	{ { SHARING, "cloned", "SYS_clone3", "VM VFORK" }, JOINED },
	{ { SHARING, "cloned", "SYS_clone3", "VM VFORK FILES" }, LEFT_ALONE },
};
ROWS_OF(sharing, memory_sharers);
#endif

static const struct row clones[] = {
	{ { SHARING, "cloned", "clone", "FILES" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "FILES VFORK" }, LEFT_ALONE },
	{ { SHARING, "cloned", "clone", "none" }, BY_KERNEL },
	{ { SHARING, "cloned", "clone", "VFORK" }, BY_KERNEL },
	{ { SHARING, "cloned", "SYS_clone", "none" }, BY_KERNEL },
	{ { SHARING, "cloned", "SYS_clone", "VFORK" }, BY_KERNEL },
	{ { SHARING, "cloned", "SYS_clone", "FILES" }, LEFT_ALONE },
	{ { SHARING, "cloned", "SYS_clone3", "none" }, BY_KERNEL },
	{ { SHARING, "cloned", "SYS_clone3", "FILES" }, LEFT_ALONE },
#ifdef SYS_fork
	{ { SHARING, "cloned", "SYS_fork" }, BY_KERNEL },
#endif
};
ROWS_OF(sharing, clones);

/* --- second names ----------------------------------------------------------------------------- */

static const struct row second_names[] = {
	{ { PASSING, "passed", "sendmsg" } },
	{ { PASSING, "passed", "options-of-tcp" } },
	{ { PASSING, "passed", "SYS_sendmsg" } },
	{ { PASSING, "passed", "SYS_sendmmsg" } },
#ifdef SYS_socketcall
	{ { PASSING, "passed", "SYS_socketcall" } },
#endif
	{ { PASSING, "unreadable" }, JOINED, "refused: 6 of 6\n" },
	{ { PASSING, "fetched", "pidfd_getfd" } },
	{ { PASSING, "fetched", "SYS_pidfd_getfd" } },
	{ { PASSING, "robbed", "pidfd_getfd" } },
	{ { PASSING, "robbed", "SYS_pidfd_getfd" } },
};
ROWS_OF(sharing, second_names);

/* --- numbers that mean two descriptors -------------------------------------------------------- */

#ifndef UNDER_TSAN /* TSan has a thread that keeps the table of descriptors from before */
static const struct row tables[] = {
	{ { PASSING, "unshared", "close_range" }, .results = "late: 0, bytes: 300\n", .timeout = "5ms" },
	{ { PASSING, "unshared", "SYS_close_range" }, .results = "late: 0, bytes: 300\n", .timeout = "5ms" },
	{ { PASSING, "unshared", "without a CPU" }, .results = "late: 0, bytes: 300\n", .timeout = "5ms" },
};
ROWS_OF(sharing, tables);

#define PACKETS "the same number: 1\npackets: 100 and 200\n"

/* Under TSan every vfork is a fork. */
static const struct row vforks[] = {
	{ { PASSING, "vfork-writes", "first" }, .results = "late: 0\n", .timeout = "5ms" },
	{ { PASSING, "vfork-writes", "later" }, .results = "late: 0\n", .timeout = "5ms" },
	{ { PASSING, "vfork-born", "datagrams" }, .results = PACKETS, .timeout = "5ms" },
	{ { PASSING, "vfork-born", "packets" }, .results = PACKETS, .timeout = "5ms" },
};
ROWS_OF(sharing, vforks);
#endif

/* These rows need a PID namespace, and so root. */
static const struct row process_numbers[] = {
#if !defined __SANITIZE_ADDRESS__ && !defined UNDER_TSAN /* the child's stack is unknown to sanitizers */
	{ { PASSING, "number-one", "clone" }, LEFT_ALONE ", " LEFT_ALONE, "bytes: 300\n", .timeout = "5ms" },
	{ { PASSING, "number-one", "unshare" }, LEFT_ALONE ", " LEFT_ALONE, "bytes: 300\n", .timeout = "5ms" },
#endif
	{ { PASSING, "joins", "net" }, JOINED },
	{ { PASSING, "joins", "pid" }, LEFT_ALONE },
};

EACH_TEST(sharing, process_numbers, ROWS(process_numbers), 60)
{
	machine_needs(PID_NAMESPACE, process_numbers[*i].args[2]);
	check_row(&process_numbers[*i]);
}
