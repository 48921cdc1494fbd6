/* onewrite --report: stays as the parent of the command, and reports for those of its processes that could not, because
 * a signal ended them. */
#ifndef ONEWRITE_SHOW_ATTEND_H
#define ONEWRITE_SHOW_ATTEND_H

/* Starts this command, and ends as it ends. `stats` is the directory in which it counts; NULL: a temporary one. `file`
 * is where the report goes; NULL: standard error. */
int attend(const char *stats, const char *file, char **command);

#endif
