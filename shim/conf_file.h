/* Reads the file of settings: ONEWRITE_CONF, a path that is fixed when the library is built.
 *
 * The file is for an administrator who loads the library into every program, by /etc/ld.so.preload. It speaks for root,
 * so it counts only if nobody but root can have written it. */
#ifndef ONEWRITE_CONF_FILE_H
#define ONEWRITE_CONF_FILE_H

#include <stdbool.h>
#include <stddef.h>

#include "settings.h"

/* Bytes: the file's text, which must be shorter than this, and one byte behind it. */
enum { CONF_FILE_ROOM = 4096 };

/* Read the file into `room`, and set *text to its text; text->p is NULL if there is no such file. Returns false if
 * there is one that cannot be read or cannot be trusted: since it may have excluded this program, the library must do
 * nothing then. `complain` is called with the reason, unless the reason is not the file's fault (no descriptor is free,
 * or the file's owner has no number in this user namespace). Every descriptor that was opened is closed again. */
bool conf_file_read(struct settings_text *text, char room[CONF_FILE_ROOM], void (*complain)(const char *line));

/* Is there ONEWRITE_OFF, the file beside it that switches the library off, and is it root's? Takes no descriptor.
 * Changes errno. */
bool conf_file_says_off(void);

#endif
