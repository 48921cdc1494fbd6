/* The table of `onewrite --compare`: two rows and a conclusion. */
#ifndef ONEWRITE_PROBE_TABLE_H
#define ONEWRITE_PROBE_TABLE_H

#include "run.h"

#include <stdbool.h>

/* Looks whether standard output is a terminal with colours, and takes characters that are not ASCII. */
void table_prepare(void);

void table_head(void);
void table_title(const char *title);

/* A full bar is the time that the command takes bare. */
void table_row(const char *label, bool slow, const struct run *r, const struct run *bare);

/* What changed, in one line. */
void table_conclusion(const struct run *bare, const struct run *joined);

/* A time in ms, in the table's form. */
char *table_ms(double us);

#endif
