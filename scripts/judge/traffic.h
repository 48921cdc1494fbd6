/* Does a process look as if it wrote HTTP? That is told by its TCP sockets, and by the text in its program and
 * libraries. A script's text is in neither. */
#ifndef ONEWRITE_JUDGE_TRAFFIC_H
#define ONEWRITE_JUDGE_TRAFFIC_H

/* What the TCP sockets of a process say, as a part of a sentence; empty: they may not be looked at. */
char *traffic_of(const char *pid);
/* Has this file the text "HTTP/1." in its first 256 MiB? */
_Bool traffic_is_named(const char *file);

#endif
