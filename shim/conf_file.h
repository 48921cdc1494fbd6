/* The file of settings (ONEWRITE_CONF, a path that is fixed when the library is built): for who loads the library into
 * every program, by /etc/ld.so.preload. It is root's word, so it counts only if nobody else can have written it. */
#ifndef ONEWRITE_CONF_FILE_H
#define ONEWRITE_CONF_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "settings.h"

enum { CONF_FILE_ROOM = 4096 };

/* Its text, in `room`; text->p is NULL where there is no such file. False: there is one, and it cannot be trusted or
 * read. It may limit us, so nothing is to be done then. That was said by `complain`, unless it is no fault of the
 * file's. No descriptor is left. */
bool conf_file_read(struct settings_text *text, char room[CONF_FILE_ROOM], void (*complain)(const char *line));

#endif
