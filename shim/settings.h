/* Which settings there are (settings.def), by name, and how a file of them is taken apart. config.c reads their
 * values. */
#ifndef ONEWRITE_SETTINGS_H
#define ONEWRITE_SETTINGS_H

#include <stdbool.h>
#include <stddef.h>

enum setting {
/* clang-format off */
#define SETTING(name, NAME, ...) SETTING_##NAME,
/* clang-format on */
#include "settings.def"
	SETTINGS, /* none */
};

#define SETTINGS_PREFIX "ONEWRITE_"

enum settings_source { IN_ENVIRONMENT, IN_FILE };

/* Its whole name there: ONEWRITE_TIMEOUT in the environment, timeout in the file. */
const char *settings_name(enum setting s, enum settings_source in);
/* All names that there are, separated by ", ". */
const char *settings_all(enum settings_source in);

/* The setting of this name, of n bytes, without the prefix; SETTINGS: there is none. */
enum setting settings_find(const char *name, size_t n, enum settings_source in);
/* The setting that was probably meant; SETTINGS: no name is near. */
enum setting settings_nearest(const char *name, size_t n);

/* The text of a file. It is written into, and behind its end there is room for one byte. */
struct settings_text {
	char *p, *end;
	unsigned line; /* the number of lines that settings_next has read */
};

struct settings_line {
	const char *name;
	size_t name_size;
	const char *value; /* NULL: the line is not `name = value` */
};

/* Reads the next line that is neither empty nor a comment. False: there is none. */
bool settings_next(struct settings_text *t, struct settings_line *line);

/* Is this a list of names, separated by commas, with blanks around them: at least one, none empty, none a path? */
bool settings_is_list(const char *names);
/* Is this name, of n bytes, on the list? */
bool settings_lists(const char *names, const char *name, size_t n);

#endif
