#include "real.h"

struct real real;

/* No lock: two threads that get here together store the same addresses. */
void real_init(void)
{
#define HOOK(name) *(void **)&real.name = dlsym(RTLD_NEXT, #name);
#define IN_EVERY_LIBC
#include "hooks.def"
#undef IN_EVERY_LIBC
	__atomic_store_n(&real.ready, true, __ATOMIC_RELEASE);
}

void real_init_all(void)
{
#include "hooks.def"
#undef HOOK
	__atomic_store_n(&real.ready, true, __ATOMIC_RELEASE);
}
