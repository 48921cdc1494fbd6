/* One line of text, made without stdio and without memory from malloc. What does not fit is left out. */
#ifndef ONEWRITE_LINE_H
#define ONEWRITE_LINE_H

#include <stddef.h>
#include <stdint.h>

struct line {
	char text[512];
	size_t len;
};

void line_put(struct line *l, const char *s);
/* At least `digits` digits. */
void line_number(struct line *l, uint64_t n, int digits);
/* The name of an errno (ENOSPC). */
void line_error(struct line *l, int error);
/* The line's end, for which there is always room. */
void line_end(struct line *l);

#endif
