/* Proves what a clone is said to share for every combination of the flags that matter, and that no others matter. */
#include <criterion/criterion.h>
#include <sched.h>

#include "sharing.h"

static const char *const names[] = { "a thread", "as by fork", "as by vfork", "in part" };

/* The kernel refuses some of these (CLONE_THREAD without CLONE_VM); nothing is promised for them. */
static enum sharing expected(uint64_t flags)
{
	switch (flags) {
	case CLONE_VM | CLONE_FILES | CLONE_THREAD | CLONE_SETTLS:
	case CLONE_VM | CLONE_FILES | CLONE_THREAD | CLONE_SETTLS | CLONE_VFORK: return SHARES_ALL;
	case 0:
	case CLONE_VFORK:
	case CLONE_SETTLS:
	case CLONE_VFORK | CLONE_SETTLS: return AS_FORK;
	case CLONE_VM | CLONE_VFORK:
	case CLONE_VM | CLONE_VFORK | CLONE_SETTLS: return AS_VFORK;
	default: return IN_PART;
	}
}

Test(sharing, every_combination)
{
	static const uint64_t bits[] = { CLONE_VM, CLONE_FILES, CLONE_THREAD, CLONE_VFORK, CLONE_SETTLS };
	const uint64_t others = CLONE_FS | CLONE_SIGHAND | CLONE_SYSVSEM | CLONE_PARENT_SETTID | CLONE_CHILD_CLEARTID |
	                        CLONE_NEWNS | CLONE_NEWNET | CLONE_PTRACE | CLONE_PARENT | 17 /* SIGCHLD */;

	for (unsigned set = 0; set < 1u << 5; set++) {
		uint64_t flags = 0;
		for (unsigned i = 0; i < 5; i++)
			flags |= set & 1u << i ? bits[i] : 0;
		cr_expect(sharing_of(flags) == expected(flags), "%#llx is %s, wanted %s", (unsigned long long)flags,
		          names[sharing_of(flags)], names[expected(flags)]);
		cr_expect(sharing_of(flags | others) == expected(flags), "%#llx with other flags is %s, wanted %s",
		          (unsigned long long)flags, names[sharing_of(flags | others)], names[expected(flags)]);
	}
}
