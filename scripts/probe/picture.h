/* Draws two responses on one time axis, as SVG with plain attributes, which every viewer shows. */
#ifndef ONEWRITE_PROBE_PICTURE_H
#define ONEWRITE_PROBE_PICTURE_H

#include "run.h"

/* Refuses a file that cannot be written. */
void picture_prepare(const char *file);

void picture_draw(const char *file, const char *url, const struct timeline *bare, const struct timeline *joined);

#endif
