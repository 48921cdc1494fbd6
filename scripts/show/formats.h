/* The three forms in which the programs are printed. */
#ifndef ONEWRITE_SHOW_FORMATS_H
#define ONEWRITE_SHOW_FORMATS_H

#include "collect.h"

#include <stdio.h>

/* A block of rows for each program. `before`: what was printed `seconds` ago, for the rates; NULL: without rates. */
void print_table(FILE *to, const struct programs *now, const struct programs *before, double seconds);

/* The exposition format of Prometheus, as node_exporter's textfile collector reads it. */
void print_prometheus(FILE *to, const struct programs *p);

/* One object. */
void print_json(FILE *to, const struct programs *p);

#endif
