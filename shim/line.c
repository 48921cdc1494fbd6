#include "line.h"

#include <errno.h>

void line_put(struct line *l, const char *s)
{
	while (*s != '\0' && l->len < sizeof l->text - 1)
		l->text[l->len++] = *s++;
}

void line_number(struct line *l, uint64_t n, int digits)
{
	char buf[24], *p = buf + sizeof buf - 1;
	*p = '\0';
	do {
		*--p = (char)('0' + n % 10);
		n /= 10;
		digits--;
	} while (n != 0 || digits > 0);
	line_put(l, p);
}

void line_error(struct line *l, int error)
{
	static const struct {
		int error;
		const char *name;
	} names[] = {
		{ EACCES, "EACCES" }, { EAGAIN, "EAGAIN" }, { EDQUOT, "EDQUOT" }, { EEXIST, "EEXIST" },
		{ EFBIG, "EFBIG" },   { EIO, "EIO" },       { EISDIR, "EISDIR" }, { EMFILE, "EMFILE" },
		{ ENFILE, "ENFILE" }, { ENOENT, "ENOENT" }, { ENOSPC, "ENOSPC" }, { ENOTDIR, "ENOTDIR" },
		{ ENXIO, "ENXIO" },   { EPERM, "EPERM" },   { EPIPE, "EPIPE" },   { EROFS, "EROFS" },
	};
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		if (names[i].error == error) {
			line_put(l, names[i].name);
			return;
		}
	line_put(l, "errno ");
	line_number(l, (uint64_t)error, 1);
}

void line_end(struct line *l)
{
	l->text[l->len++] = '\n';
}
