/* A text that grows when something is added to it. */
#ifndef ONEWRITE_TESTS_TEXT_H
#define ONEWRITE_TESTS_TEXT_H

#include <stddef.h>

struct text { /* a string with a NUL, as soon as something was added */
	char *p;
	size_t n, room;
};

void text_add(struct text *t, const char *p, size_t n);
void text_add_string(struct text *t, const char *s);

/* Adds what is left to read of the file. */
void text_add_file(struct text *t, int fd);

#endif
