/* The text that grows (text.h). */
#include "text.h"

#include <criterion/criterion.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void text_add(struct text *t, const char *p, size_t n)
{
	if (t->n + n >= t->room) {
		t->room = 2 * (t->n + n + 1);
		t->p = realloc(t->p, t->room);
		cr_assert_not_null(t->p, "realloc: %s", strerror(errno));
	}
	memcpy(t->p + t->n, p, n);
	t->n += n;
	t->p[t->n] = '\0';
}

void text_add_string(struct text *t, const char *s)
{
	text_add(t, s, strlen(s));
}

void text_add_file(struct text *t, int fd)
{
	char piece[4096];
	ssize_t n;

	while ((n = read(fd, piece, sizeof piece)) > 0)
		text_add(t, piece, (size_t)n);
}
