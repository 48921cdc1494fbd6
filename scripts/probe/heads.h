/* Reads HTTP/1.x heads. The library under test has a reader of its own; this one is independent of it on purpose. */
#ifndef ONEWRITE_PROBE_HEADS_H
#define ONEWRITE_PROBE_HEADS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

/* The size of the head at p, its empty line included; 0 while that line has not come. */
static inline size_t head_size(const char *p, size_t n)
{
	const char *end = memmem(p, n, "\r\n\r\n", 4);

	return end ? (size_t)(end - p) + 4 : 0;
}

/* The value of a field, or NULL. It ends at its CR, not at a NUL. */
static inline const char *head_field(const char *head, size_t size, const char *name)
{
	size_t length = strlen(name);

	for (const char *line = head; (line = memmem(line, (size_t)(head + size - line), "\r\n", 2));) {
		line += 2;
		if ((size_t)(head + size - line) > length && line[length] == ':' && !strncasecmp(line, name, length))
			return line + length + 1 + strspn(line + length + 1, " \t");
	}
	return NULL;
}

/* Does the field's value begin with this one? Case does not count. */
static inline bool head_field_is(const char *head, size_t size, const char *name, const char *value)
{
	const char *found = head_field(head, size, name);

	return found && !strncasecmp(found, value, strlen(value));
}

/* The number that a field says; 0 without the field. */
static inline uint64_t head_number(const char *head, size_t size, const char *name)
{
	const char *value = head_field(head, size, name);

	return value ? strtoull(value, NULL, 10) : 0;
}

#endif
