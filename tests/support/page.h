/* Input that ends, or begins, at an unreadable page: a read of one byte too many kills the test that makes it. */
#ifndef ONEWRITE_TESTS_PAGE_H
#define ONEWRITE_TESTS_PAGE_H

#include <stddef.h>

enum { PAGE_ROOM = 1 << 16 };

/* A copy of n bytes (at most PAGE_ROOM) with nothing readable behind it. Valid until the next call of either. */
const char *page_place(const void *bytes, size_t n);
/* The same with nothing readable before it. */
const char *page_place_behind(const void *bytes, size_t n);

#endif
