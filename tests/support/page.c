#include "page.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

const char *page_place(const void *bytes, size_t n)
{
	static char *end;

	if (!end) {
		size_t wall = (size_t)sysconf(_SC_PAGESIZE);
		char *room = mmap(NULL, PAGE_ROOM + wall, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		cr_assert(room != MAP_FAILED, "no room for test input: mmap failed");
		cr_assert(mprotect(room + PAGE_ROOM, wall, PROT_NONE) == 0, "no unreadable page: mprotect failed");
		end = room + PAGE_ROOM;
	}
	cr_assert(n <= PAGE_ROOM, "test input of %zu bytes is over PAGE_ROOM", n);
	return memcpy(end - n, bytes, n);
}
