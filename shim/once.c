#include "once.h"

atomic_int once_row;
_Thread_local int once_left __attribute__((tls_model("initial-exec")));

void once_whole(void)
{
	if (!once_is_on())
		atomic_fetch_add_explicit(&once_row, 1, memory_order_relaxed);
}
