#include "sharing.h"

#include <sched.h>

enum sharing sharing_of(uint64_t flags)
{
	const uint64_t thread = CLONE_VM | CLONE_FILES | CLONE_THREAD | CLONE_SETTLS;
	const uint64_t vfork = CLONE_VM | CLONE_VFORK;
	if ((flags & thread) == thread)
		return SHARES_ALL;
	if (!(flags & (CLONE_VM | CLONE_FILES | CLONE_THREAD)))
		return AS_FORK;
	if ((flags & vfork) == vfork && !(flags & (CLONE_FILES | CLONE_THREAD)))
		return AS_VFORK;
	return IN_PART;
}
