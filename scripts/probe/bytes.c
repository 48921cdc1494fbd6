#include "bytes.h"
#include "heads.h"
#include "say.h"

#include <ctype.h>

/* Cuts the values of Date fields out of the heads at the beginning: interim responses have heads of their own. */
static size_t without_dates(char *text, size_t size)
{
	size_t at = 0, head;
	while ((head = head_size(text + at, size - at)) > 0) {
		const char *value = head_field(text + at, head, "Date");
		if (value != NULL) {
			size_t from = (size_t)(value - text);
			size_t n = (size_t)((char *)memchr(value, '\r', size - from) - value);
			memmove(text + from, text + from + n, size - from - n);
			size -= n;
			head -= n;
		}
		bool interim = head > 9 && text[at + 9] == '1';
		at += head;
		if (!interim)
			break;
	}
	return size;
}

/* The line, or what is short of it, around byte `at`. */
static char *around(const struct bytes *b, size_t at)
{
	size_t from = at, to = at;
	while (from > 0 && at - from < 30 && b->text[from - 1] != '\n')
		from--;
	while (to < b->size && to - at < 30 && b->text[to] != '\r' && b->text[to] != '\n')
		to++;
	char *text = format("%.*s", (int)(to - from), b->text + from);
	for (char *p = text; *p != '\0'; p++)
		if (!isprint((unsigned char)*p))
			*p = '.';
	return text;
}

char *bytes_differ(const struct bytes *a, const struct bytes *b)
{
	size_t at = 0, both = a->size < b->size ? a->size : b->size;
	while (at < both && a->text[at] == b->text[at])
		at++;
	if (at == a->size && at == b->size)
		return NULL;
	return format("byte %zu: '%s' and '%s'", at + 1, around(a, at), around(b, at));
}

void bytes_add(struct bytes *b, char *text, size_t size)
{
	struct bytes other = { .text = text, .size = without_dates(text, size) };
	if (b->text == NULL) {
		*b = other;
		return;
	}
	if (b->varies == NULL)
		b->varies = bytes_differ(b, &other);
	free(text);
}
