/* What the processes of a run have counted: runs programs with a directory of counters of their own. */
#ifndef COUNTED_H
#define COUNTED_H

#include "harness.h"

/* As run(), with ONEWRITE_STATS; `observe`: with ONEWRITE_OBSERVE as well. *counted gets the rows that are not zero,
 * in the order of the tables, as "NAME n, NAME n" (a reason by its word); the rows of the short way are added to those
 * that they count as, and the times for which heads were held are left out. *files, unless it is NULL, gets the names
 * of the files that are left, without numbers. */
struct run *run_counted(const struct setup *setup, bool observe, struct text *counted, struct text *files);

/* Runs it as run() does, with this directory, and does not look into it. */
struct run *run_counting_in(const char *directory, const struct setup *setup, bool observe);

#endif
