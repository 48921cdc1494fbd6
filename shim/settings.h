/* What settings there are, by name, and how a file of them is taken apart. Their values are config.c's. */
#ifndef ONEWRITE_SETTINGS_H
#define ONEWRITE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum setting {
	SETTING_TIMEOUT,
	SETTING_JOIN,
	SETTING_HOLD,
	SETTING_ONLY,
	SETTING_TRACE,
	SETTINGS, /* none */
};

#define SETTINGS_PREFIX "ONEWRITE_"

enum settings_source { IN_ENVIRONMENT, IN_FILE };

/* As it is written in full there: ONEWRITE_TIMEOUT, timeout. */
const char *settings_name(enum setting s, enum settings_source in);

/* Which one is it? `name` is without the prefix. */
enum setting settings_find(const char *name, size_t n, enum settings_source in);
/* The one that was probably meant; SETTINGS: no name is near. */
enum setting settings_nearest(const char *name, size_t n);

/* A file's text, which is written into: behind its end there is room for a byte. */
struct settings_text {
	char *p, *end;
	unsigned line; /* how many were taken */
};

struct settings_line {
	const char *name;
	size_t name_size;
	const char *value; /* NULL: the line is not `name = value` */
};

/* The next line that says something: no comment, not empty. False: there is none. */
bool settings_next(struct settings_text *t, struct settings_line *line);

/* Names separated by commas, with blanks around them: is there one, are none empty, is none a path? */
bool settings_is_list(const char *names);
/* Is one of them this one? */
bool settings_lists(const char *names, const char *name, size_t n);

#endif
