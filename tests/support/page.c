/* Places input beside unreadable pages (page.h). */
#include "page.h"

#include <criterion/criterion.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

/* PAGE_ROOM bytes between two unreadable pages. */
static char *room(void)
{
	static char *first;

	if (!first) {
		size_t wall = (size_t)sysconf(_SC_PAGESIZE);
		char *p = mmap(NULL, PAGE_ROOM + 2 * wall, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

		cr_assert(p != MAP_FAILED, "no room for test input: mmap failed");
		cr_assert(mprotect(p + wall, PAGE_ROOM, PROT_READ | PROT_WRITE) == 0,
		          "no readable pages: mprotect failed");
		first = p + wall;
	}
	return first;
}

const char *page_place(const void *bytes, size_t n)
{
	cr_assert(n <= PAGE_ROOM, "test input of %zu bytes is over PAGE_ROOM", n);
	return memcpy(room() + PAGE_ROOM - n, bytes, n);
}

const char *page_place_behind(const void *bytes, size_t n)
{
	cr_assert(n <= PAGE_ROOM, "test input of %zu bytes is over PAGE_ROOM", n);
	return memcpy(room(), bytes, n);
}
