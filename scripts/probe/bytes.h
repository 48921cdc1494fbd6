/* The bytes of responses to the same request: are they the same? The values of Date fields are left out. */
#ifndef ONEWRITE_PROBE_BYTES_H
#define ONEWRITE_PROBE_BYTES_H

#include <stddef.h>

struct bytes {
	char *text;
	size_t size;
	char *varies; /* where a later response of this run differs from the first one; NULL: nowhere */
};

/* Takes one more response, with its memory. */
void bytes_add(struct bytes *b, char *text, size_t size);

/* The first byte that differs, in words; NULL: they are the same. */
char *bytes_differ(const struct bytes *a, const struct bytes *b);

#endif
